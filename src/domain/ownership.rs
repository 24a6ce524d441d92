//! Whose an entity of Ironic is: the one answer for every kind.
//!
//! Two things are compared: the mark that the entity carries, and whether the object's current spec names the entity. Neither is
//! enough by itself. A mark outlives its object, and a spec can name what belongs to somebody else.

use serde::{Deserialize, Serialize};

use super::finite::finite;

/// The object that an entity of Ironic belongs to, as the mark on the entity names it.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// The cluster: the uid of its `kube-system` namespace unless configured.
    #[serde(default)]
    pub cluster: String,
    /// The object's namespace.
    #[serde(default)]
    pub namespace: String,
    /// The uid of that namespace: one that was made anew is another. Absent in marks of earlier versions, and where the operator may not
    /// read namespaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_uid: Option<String>,
    /// The object's name.
    #[serde(default)]
    pub name: String,
    /// The object's uid.
    #[serde(default)]
    pub uid: String,
}

impl Owner {
    /// Whether both are one and the same object.
    pub fn is(&self, other: &Self) -> bool {
        self.cluster == other.cluster && self.uid == other.uid
    }

    /// Whether both have the same name in the same namespace, which may have been made anew.
    fn is_namesake(&self, other: &Self) -> bool {
        (&self.cluster, &self.namespace, &self.name) == (&other.cluster, &other.namespace, &other.name)
    }

    /// Whether both namespaces are known, and are not one and the same.
    fn lived_elsewhere(&self, other: &Self) -> bool {
        let uids = self.namespace_uid.as_ref().zip(other.namespace_uid.as_ref());
        uids.is_some_and(|(one, other)| one != other)
    }
}

finite! {
    /// Whether the object that a mark names still exists.
    Liveness {
        /// It does, or that cannot be told.
        Living,
        /// The Kubernetes API said that it does not.
        Gone,
    }
    /// The mark on an entity, as one object sees it.
    Mark {
        /// There is none.
        None,
        /// This object's own.
        Own,
        /// Of an earlier object of the same name in the same namespace.
        Predecessor,
        /// Of an object that has let go of the entity.
        Released,
        /// Of an object of this cluster that no longer exists.
        Orphaned,
        /// Of another object of this cluster.
        Living,
        /// Of another cluster, or not legible.
        Elsewhere,
    }
    /// How the current spec of an object names an entity.
    Naming {
        /// `import` names another one.
        Excluded,
        /// It does not.
        Unnamed,
        /// By what it describes: the BMC of a machine.
        Described,
        /// By what it describes, and the status has its id.
        Recorded,
        /// By `import`.
        Import,
        /// The entity was created under this object's uid.
        Uid,
    }
    /// Whose an entity is.
    Whose {
        /// The object's own.
        Ours,
        /// Nobody's that has a claim to it, and named by the spec: the object may put its mark on it.
        ToTakeOver,
        /// Of an earlier object of the same name, but not what the spec names.
        Unfit,
        /// Somebody else's.
        Anothers,
    }
}

/// The mark on an entity as this object sees it. `holder` tells of the object that the mark names.
pub fn mark(found: Option<(&Owner, bool)>, object: &Owner, holder: Liveness) -> Mark {
    match found {
        None => Mark::None,
        Some((owner, _)) if owner.is(object) => Mark::Own,
        Some((_, true)) => Mark::Released,
        Some((owner, _)) if owner.cluster != object.cluster => Mark::Elsewhere,
        Some((owner, _)) if owner.is_namesake(object) && owner.lived_elsewhere(object) => Mark::Orphaned,
        Some((owner, _)) if owner.is_namesake(object) => Mark::Predecessor,
        Some(_) => match holder {
            Liveness::Living => Mark::Living,
            Liveness::Gone => Mark::Orphaned,
        },
    }
}

/// Whose an entity is.
///
/// * The object's own mark is enough: only this object has put it there, when its spec named the entity.
/// * What nobody marked is taken over only by `import`, or if the status has it and the spec still describes it. To describe it is not
///   enough: somebody has created it by hand.
/// * What an object has left behind, or let go of, goes to whoever names it.
/// * What a living object, or another cluster, has marked stays theirs.
pub fn whose(mark: Mark, naming: Naming) -> Whose {
    match (mark, naming) {
        (Mark::Own | Mark::None | Mark::Predecessor | Mark::Released | Mark::Orphaned, Naming::Excluded)
        | (Mark::Living | Mark::Elsewhere, _) => Whose::Anothers,
        (Mark::Own, _) => Whose::Ours,
        (Mark::None, naming) => unmarked(naming),
        (Mark::Predecessor, Naming::Unnamed) => Whose::Unfit,
        (Mark::Predecessor | Mark::Released | Mark::Orphaned, naming) => left(naming),
    }
}

fn unmarked(naming: Naming) -> Whose {
    match naming {
        Naming::Uid => Whose::Ours,
        Naming::Import | Naming::Recorded => Whose::ToTakeOver,
        Naming::Unnamed | Naming::Described | Naming::Excluded => Whose::Anothers,
    }
}

fn left(naming: Naming) -> Whose {
    match naming {
        Naming::Described | Naming::Recorded | Naming::Import | Naming::Uid => Whose::ToTakeOver,
        Naming::Unnamed | Naming::Excluded => Whose::Anothers,
    }
}

#[cfg(test)]
#[path = "ownership_tests.rs"]
mod tests;
