//! Which node an object stands for: asked when a node is looked for, and again in every decision about it.

pub use super::conflict::Conflict;
use super::desired;
use super::facts::{NodeFacts, SecretFacts, ironic_name};
use super::marker::Marker;
use crate::api::BareMetalNode;
use crate::api::node::Import;
use crate::domain::ownership::{self, Liveness, Mark, Naming, Whose};
use crate::ironic::model::{Bmc, NodeSummary};

/// What an object says of the machine that it stands for.
pub struct Claim<'a> {
    /// The marker that the object puts on its node.
    pub marker: Marker,
    /// The node's name in Ironic; none: it keeps the one it has.
    pub name: Option<String>,
    /// The BMC that the spec names, as far as the Secrets were read.
    pub bmc: Option<Bmc>,
    /// A Secret that was not read yet may name the BMC.
    unread: bool,
    import: Option<&'a Import>,
    recorded: Option<&'a str>,
}

/// A node that may be the one, with what is known beside its row.
#[derive(Clone, Copy)]
pub struct Candidate<'a> {
    /// The row.
    pub row: &'a NodeSummary,
    /// Where its BMC is, as far as it was read in detail.
    pub bmc: Option<&'a Bmc>,
    /// Whether the object that its marker names still exists.
    pub holder: Liveness,
}

/// What came of looking for the node.
#[derive(Clone, Copy)]
pub enum Found<'a> {
    /// This one: the object's own, or to be taken over.
    Node(&'a NodeSummary),
    /// The machine, or the name, is somebody else's; or it cannot be told which node is meant.
    Conflict(Conflict<'a>),
    /// None of them.
    Nothing,
}

impl<'a> Claim<'a> {
    /// Reads an object.
    pub fn of(
        object: &'a BareMetalNode,
        secrets: &SecretFacts,
        cluster: &str,
        namespace_uid: Option<&str>,
    ) -> Self {
        let import = object.spec.import.as_ref();
        let bmc = desired::bmc(object, secrets);
        Self {
            marker: Marker::of(object, cluster, namespace_uid),
            name: import.is_none().then(|| ironic_name(object)),
            unread: bmc.is_none() && secrets.contents.is_none() && !object.spec.driver_info_from.is_empty(),
            bmc,
            import,
            recorded: object.status.as_ref().and_then(|status| status.id.as_deref()),
        }
    }

    /// The ids that the object may mean: what the status has, its own uid, and what `import` names.
    pub fn ids(&self) -> [&str; 3] {
        let imported = self.import.and_then(|import| import.id.as_deref());
        [
            self.recorded.unwrap_or_default(),
            &self.marker.owner.uid,
            imported.unwrap_or_default(),
        ]
    }

    /// The names in Ironic that the object may mean.
    pub fn names(&self) -> [&str; 2] {
        let imported = self.import.and_then(|import| import.name.as_deref());
        [
            self.name.as_deref().unwrap_or_default(),
            imported.unwrap_or_default(),
        ]
    }

    /// The uid of the object that the row is marked for, if it makes a difference whether that still exists.
    pub fn holder(&self, row: &NodeSummary, bmc: Option<&Bmc>) -> Option<Marker> {
        let marker = Marker::read(&row.extra)?;
        let asked = self.mark(&marker, Liveness::Living) == Mark::Living;
        let candidate = |holder| Candidate { row, bmc, holder };
        let differs = self.whose(candidate(Liveness::Living)) != self.whose(candidate(Liveness::Gone));
        (asked && differs).then_some(marker)
    }

    fn mark(&self, marker: &Marker, holder: Liveness) -> Mark {
        ownership::mark(Some((&marker.owner, marker.released)), &self.marker.owner, holder)
    }

    /// How the spec names a row.
    fn naming(&self, row: &NodeSummary, bmc: Option<&Bmc>) -> Naming {
        match self.import {
            Some(Import { id: Some(id), .. }) if *id == row.uuid => Naming::Import,
            Some(Import { id: Some(_), .. }) => Naming::Excluded,
            Some(Import { name, .. }) if name.is_some() && *name == row.name => Naming::Import,
            // A node that was imported by its name may have another one since.
            Some(_) => Naming::Unnamed,
            None if self.marker.owner.uid == row.uuid => Naming::Uid,
            None => self.describing(row, bmc),
        }
    }

    fn describing(&self, row: &NodeSummary, bmc: Option<&Bmc>) -> Naming {
        let same = self
            .bmc
            .as_ref()
            .zip(bmc)
            .is_some_and(|(wanted, live)| wanted.same_machine(live));
        match same {
            true if self.recorded == Some(&row.uuid) => Naming::Recorded,
            true => Naming::Described,
            false => Naming::Unnamed,
        }
    }

    /// Whose a row is.
    pub fn whose(&self, candidate: Candidate) -> Whose {
        let Candidate { row, bmc, holder } = candidate;
        let marker = Marker::read(&row.extra);
        let mark = marker.map_or(Mark::None, |marker| self.mark(&marker, holder));
        ownership::whose(mark, self.naming(row, bmc))
    }

    /// The node among those that concern the object. `enrolled`: the object has a node, so that it takes no other one over.
    pub fn find<'r>(&self, rows: &[Candidate<'r>], enrolled: bool) -> Found<'r> {
        let of = |wanted: Whose| {
            let all = rows
                .iter()
                .filter(move |candidate| self.whose(**candidate) == wanted);
            all.map(|candidate| candidate.row)
        };
        let ours: Vec<_> = of(Whose::Ours).collect();
        if !ours.is_empty() {
            return self.one_of(&ours);
        }
        // What `import` names by its id is the node, whatever the status says.
        let to_take: Vec<_> = of(Whose::ToTakeOver).collect();
        let exactly = self.import.is_some_and(|import| import.id.is_some());
        if enrolled && !exactly {
            let recorded = to_take.into_iter().find(|row| self.recorded == Some(&row.uuid));
            return recorded.map_or(Found::Nothing, Found::Node);
        }
        if !to_take.is_empty() {
            return self.one_of(&to_take);
        }
        self.conflict(rows).map_or(Found::Nothing, Found::Conflict)
    }

    /// One row, or that it cannot be told which. The row under the object's uid is the one that the object created; otherwise the status
    /// tells.
    fn one_of<'r>(&self, rows: &[&'r NodeSummary]) -> Found<'r> {
        let with = |id: &str| rows.iter().copied().find(|row| row.uuid == id);
        let known = with(&self.marker.owner.uid).or_else(|| with(self.recorded?));
        match (known, rows) {
            (Some(row), _) => Found::Node(row),
            (None, [row]) => Found::Node(row),
            (None, [one, other, ..]) => Found::Conflict(Conflict::Ambiguous(one, other)),
            (None, []) => Found::Nothing,
        }
    }

    fn conflict<'r>(&self, rows: &[Candidate<'r>]) -> Option<Conflict<'r>> {
        let named = |naming: &'static [Naming]| {
            let found = rows.iter().find(|c| naming.contains(&self.naming(c.row, c.bmc)));
            found.map(|candidate| candidate.row)
        };
        if self.import.is_some() {
            return named(&[Naming::Import]).map(Conflict::Imported);
        }
        // What a Secret says may fit yet.
        if self.unread {
            return None;
        }
        let unfit = rows
            .iter()
            .find(|candidate| self.whose(**candidate) == Whose::Unfit);
        let mut all = rows.iter().map(|candidate| candidate.row);
        let recorded = all.find(|row| self.recorded == Some(&row.uuid));
        let same_name = |row: &&NodeSummary| row.name.is_some() && row.name == self.name;
        let in_the_way = |candidate: &&Candidate| {
            let both = self.bmc.as_ref().zip(candidate.bmc);
            both.is_some_and(|(wanted, live)| wanted.may_be_same(live))
        };
        let near = rows.iter().find(in_the_way).map(|candidate| candidate.row);
        named(&[Naming::Uid, Naming::Described, Naming::Recorded])
            .or(near)
            .map(Conflict::Machine)
            .or_else(|| unfit.map(|candidate| Conflict::Unfit(candidate.row)))
            .or_else(|| rows.iter().map(|c| c.row).find(same_name).map(Conflict::Name))
            .or_else(|| recorded.map(Conflict::Recorded))
    }
}

/// The claim of the object that is decided on.
fn claim<'a>(facts: &NodeFacts<'a>) -> Claim<'a> {
    Claim::of(facts.object, facts.secrets, facts.cluster, facts.namespace_uid)
}

/// Whose the node is that is decided on. A node that was read whole tells its BMC itself.
pub fn whose(facts: &NodeFacts, row: &NodeSummary) -> Whose {
    let read = facts.look.full().and_then(|node| Bmc::of(&node.driver_info));
    claim(facts).whose(Candidate {
        row,
        bmc: read.as_ref().or(facts.bmc),
        holder: facts.holder,
    })
}

/// Why the node that is decided on is not the object's, in a sentence.
pub fn not_ours(facts: &NodeFacts) -> Option<String> {
    let claim = claim(facts);
    Some(format!(
        "What this object refers to is {}.",
        claim.owned(facts.look.summary()?)
    ))
}
