//! What to list.
//!
//! A filter that Ironic does not have is no field of a query, and one that this Ironic does not have yet is an error before any
//! request, and so are an empty one and two that do not go together: Ironic itself ignores or forgets some. (The phase of an
//! inspection rule is no filter: Ironic 39 takes it and lists all.)
use super::paging::Pairs;
use super::resource::with_id;
use super::{Error, Result};
use crate::ironic::model::{AllocationState, ApiVersion, NodeSummary, ProvisionState};

/// How many rows Ironic sends at most at once, unless it is configured to send fewer.
pub(super) const PAGE: usize = 1000;

/// In which direction to sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortDirection {
    /// Smallest first.
    Ascending,
    /// Greatest first.
    Descending,
}

impl std::fmt::Display for SortDirection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ascending => "asc",
            Self::Descending => "desc",
        })
    }
}

/// How to page.
pub(super) struct Paging {
    pub page_size: Option<usize>,
    pub at_most: Option<usize>,
    pub marker: Option<String>,
}

/// What to list, of any kind.
pub(super) trait Query: Send + Sync + 'static {
    /// How to page.
    fn paging(&self) -> Paging;
    /// The query parameters, without those of paging.
    fn pairs(&self, version: ApiVersion) -> Result<Pairs>;
}

/// A parameter with the minor version that brought it.
type Filter = (&'static str, u16, Option<String>);

/// The only filter that can be empty: nodes of the default conductor group.
const MAY_BE_EMPTY: &str = "conductor_group";

/// The parameters that are set, unless the version in use does not have them.
fn pairs_of(filters: impl IntoIterator<Item = Filter>, version: ApiVersion) -> Result<Pairs> {
    let mut pairs = Vec::new();
    for (name, since, value) in filters {
        if let Some(value) = value {
            if value.is_empty() && name != MAY_BE_EMPTY {
                let problem = format!("{name} is empty, with which Ironic would list everything");
                return Err(Error::argument(problem));
            }
            supported(name, since, version)?;
            pairs.push((name, value));
        }
    }
    Ok(pairs)
}

/// Declares what can be listed of a kind: paging and sorting, the same for all, and its filters.
///
/// `whole`: the minor version from which on rows can be asked for in full with `detail=true`; none: they always are.
macro_rules! query {
    (
        $(#[$doc:meta])* $name:ident whole $whole:expr,
        { $($(#[$about:meta])* $field:ident: $kind:ty = $wire:literal since $since:literal,)* }
        $(not $one:ident with $other:ident)*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            /// Rows of one page; none: 1000.
            pub page_size: Option<usize>,
            /// Rows altogether; none: all.
            pub at_most: Option<usize>,
            /// The uuid of the row behind which to begin.
            pub marker: Option<String>,
            /// By which field to sort; none: the order of creation.
            pub sort_key: Option<String>,
            /// In which direction.
            pub sort_dir: Option<SortDirection>,
            /// Only these fields of each row, beside its id; none: all of them.
            pub fields: Vec<String>,
            $($(#[$about])* pub $field: Option<$kind>,)*
        }

        impl Query for $name {
            fn paging(&self) -> Paging {
                Paging {
                    page_size: self.page_size,
                    at_most: self.at_most,
                    marker: self.marker.clone(),
                }
            }

            fn pairs(&self, version: ApiVersion) -> Result<Pairs> {
                $(
                    if self.$one.is_some() && self.$other.is_some() {
                        let pair = concat!(stringify!($one), " and ", stringify!($other));
                        return Err(Error::argument(format!("Ironic cannot filter by {pair} at once")));
                    }
                )*
                let whole: Option<u16> = $whole;
                let rows = if self.fields.is_empty() {
                    ("detail", whole.unwrap_or_default(), whole.map(|_| "true".to_owned()))
                } else {
                    let fields = with_id(self.fields.iter().map(String::as_str));
                    ("fields", 8, Some(fields))
                };
                let filters = [
                    rows,
                    ("sort_key", 1, self.sort_key.clone()),
                    ("sort_dir", 1, self.sort_dir.map(|direction| direction.to_string())),
                    $(($wire, $since, self.$field.as_ref().map(ToString::to_string)),)*
                ];
                pairs_of(filters, version)
            }
        }
    };
}

query! {
    /// Which ports to list; by default all of them, in full, in the order of creation.
    PortQuery whole Some(43), {
        /// Of this node, by name or uuid; a node that is not there is an error. Of this and the next four only one can be given:
        /// Ironic 39 refuses some pairs, and of the others it forgets one.
        node: String = "node" since 6,
        /// With this MAC address, in any usual notation; not together with a part of the description.
        address: String = "address" since 1,
        /// Of this port group, by name or uuid (API 1.24).
        portgroup: String = "portgroup" since 24,
        /// Of nodes in this shard (API 1.82); several are joined by commas. Ironic 39 makes capital letters small before it looks,
        /// and so finds no shard that has some (unless its database does not tell them apart).
        shard: String = "shard" since 82,
        /// Of nodes in this conductor group (API 1.99); several are joined by commas.
        conductor_groups: String = "conductor_groups" since 99,
        /// With this in the description (API 1.97).
        description_contains: String = "description_contains" since 97,
    }
    not node with address
    not node with portgroup
    not node with shard
    not node with conductor_groups
    not address with portgroup
    not address with shard
    not address with conductor_groups
    not address with description_contains
    not portgroup with shard
    not portgroup with conductor_groups
    not shard with conductor_groups
}

query! {
    /// Which port groups to list (API 1.23); by default all of them, in full, in the order of creation.
    PortGroupQuery whole Some(43), {
        /// Of this node, by name or uuid; a node that is not there is an error. Of the filters only one can be given.
        node: String = "node" since 23,
        /// With this MAC address, in any usual notation.
        address: String = "address" since 23,
        /// Of nodes in this shard (API 1.106); several are joined by commas, in small letters (see [`PortQuery::shard`]).
        shard: String = "shard" since 106,
        /// Of nodes in this conductor group (API 1.99); several are joined by commas.
        conductor_groups: String = "conductor_groups" since 99,
    }
    not node with address
    not node with shard
    not node with conductor_groups
    not address with shard
    not address with conductor_groups
    not shard with conductor_groups
}

query! {
    /// Which chassis to list; by default all of them, in full, in the order of creation. Ironic has no filters.
    ChassisQuery whole Some(43), {}
}

query! {
    /// Which allocations to list (API 1.52); by default all of them, in the order of creation.
    AllocationQuery whole None, {
        /// The one of this node, by name or uuid; a node that is not there is an error. Ironic 39 fails with a resource class as
        /// well, so it is refused together.
        node: String = "node" since 52,
        /// For this resource class.
        resource_class: String = "resource_class" since 52,
        /// In this state.
        state: AllocationState = "state" since 52,
        /// Owned by this project (API 1.60).
        owner: String = "owner" since 60,
    }
    not node with resource_class
}

query! {
    /// Which volume connectors to list (API 1.32); by default all of them, in full, in the order of creation.
    VolumeConnectorQuery whole Some(32), {
        /// Of this node, by name or uuid.
        node: String = "node" since 32,
    }
}

query! {
    /// Which volume targets to list (API 1.32); by default all of them, in full, in the order of creation.
    VolumeTargetQuery whole Some(32), {
        /// Of this node, by name or uuid.
        node: String = "node" since 32,
    }
}

query! {
    /// Which deploy templates to list (API 1.55); by default all of them, in full, in the order of creation.
    DeployTemplateQuery whole Some(55), {}
}

query! {
    /// Which runbooks to list (API 1.92); by default all of them, in full, in the order of creation.
    RunbookQuery whole Some(92), {}
}

query! {
    /// Which inspection rules to list (API 1.96); by default all of them, in full, in the order of creation.
    InspectionRuleQuery whole Some(96), {}
}

query! {
    /// Which conductors to list (API 1.49), dead ones too; by default all of them, in full. The marker is a host name.
    ConductorQuery whole Some(49), {}
}

/// Which nodes to list, and how; by default all of them, children among them, in the order of creation.
/// A filter is exact and Ironic's: one it does not know yet is an error before any request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeQuery {
    /// Rows of one page; none: 1000.
    pub page_size: Option<usize>,
    /// Rows altogether; none: all.
    pub at_most: Option<usize>,
    /// The uuid of the node behind which to begin.
    pub marker: Option<String>,
    /// In this state (API 1.9).
    pub provision_state: Option<ProvisionState>,
    /// With this driver (API 1.16).
    pub driver: Option<String>,
    /// Of this resource class (API 1.21).
    pub resource_class: Option<String>,
    /// Of this conductor group; empty: of the default one (API 1.46).
    pub conductor_group: Option<String>,
    /// In maintenance or not.
    pub maintenance: Option<bool>,
    /// With an instance or without.
    pub associated: Option<bool>,
    /// Owned by this project (API 1.50).
    pub owner: Option<String>,
    /// Used by this project (API 1.65).
    pub lessee: Option<String>,
    /// With this instance.
    pub instance_uuid: Option<String>,
    /// Retired or not (API 1.61).
    pub retired: Option<bool>,
    /// Of this shard (API 1.82); several are joined by commas, in small letters (see [`PortQuery::shard`]).
    pub shard: Option<String>,
    /// Parts of the machine with this uuid, and nothing else (API 1.83).
    pub parent_node: Option<String>,
    /// With this fault (API 1.42).
    pub fault: Option<String>,
    /// With this in the description (API 1.51).
    pub description_contains: Option<String>,
    /// Served by this conductor, by host name (API 1.49). Ironic 39 sorts out what it read for a page and calls a page that got
    /// shorter the last one: of more nodes than one page (`page_size`) has, some may be missing.
    pub conductor: Option<String>,
    /// Owned or used by this project (API 1.65).
    pub project: Option<String>,
    /// In this chassis.
    pub chassis_uuid: Option<String>,
    /// With this name of what is deployed (API 1.104).
    pub instance_name: Option<String>,
    /// In some shard or in none (API 1.82).
    pub sharded: Option<bool>,
    /// By which field to sort; none: the order of creation.
    pub sort_key: Option<String>,
    /// In which direction.
    pub sort_dir: Option<SortDirection>,
    /// Whether nodes with a parent are listed too (API 1.83); none: yes. Ironic hides them by default, and
    /// what is hidden looks as if it were gone.
    pub include_children: Option<bool>,
}

/// How much of each row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    /// The fields of [`NodeSummary`].
    Summary,
    /// These fields and the id.
    Fields(Vec<String>),
    /// Everything.
    Detail,
}

/// The fields of a summary that are younger than field selection itself (API 1.8).
const YOUNG_FIELDS: &[(&str, u16)] = &[
    ("resource_class", 21),
    ("fault", 42),
    ("protected", 48),
    ("retired", 61),
    ("health", 109),
];

impl NodeQuery {
    /// The query parameters, without those of paging.
    pub(super) fn pairs(&self, rows: &Rows, version: ApiVersion) -> Result<Pairs> {
        let mut pairs = vec![rows.pair(version)?];
        pairs.extend(pairs_of(self.filters(), version)?);
        // Asked for children as well, Ironic forgets which parent was asked for.
        if version >= ApiVersion::v1(83) && self.parent_node.is_none() {
            pairs.push((
                "include_children",
                self.include_children.unwrap_or(true).to_string(),
            ));
        }
        Ok(pairs)
    }

    /// Every filter.
    fn filters(&self) -> [Filter; 21] {
        let text = |value: &Option<String>| value.clone();
        let flag = |value: Option<bool>| value.map(|yes| yes.to_string());
        let state = self.provision_state.as_ref().map(ToString::to_string);
        [
            ("provision_state", 9, state),
            ("driver", 16, text(&self.driver)),
            ("resource_class", 21, text(&self.resource_class)),
            ("conductor_group", 46, text(&self.conductor_group)),
            ("maintenance", 1, flag(self.maintenance)),
            ("associated", 1, flag(self.associated)),
            ("owner", 50, text(&self.owner)),
            ("lessee", 65, text(&self.lessee)),
            ("project", 65, text(&self.project)),
            ("instance_uuid", 1, text(&self.instance_uuid)),
            ("instance_name", 104, text(&self.instance_name)),
            ("chassis_uuid", 1, text(&self.chassis_uuid)),
            ("conductor", 49, text(&self.conductor)),
            ("retired", 61, flag(self.retired)),
            ("shard", 82, text(&self.shard)),
            ("sharded", 82, flag(self.sharded)),
            ("parent_node", 83, text(&self.parent_node)),
            ("fault", 42, text(&self.fault)),
            ("description_contains", 51, text(&self.description_contains)),
            ("sort_key", 1, text(&self.sort_key)),
            (
                "sort_dir",
                1,
                self.sort_dir.map(|direction| direction.to_string()),
            ),
        ]
    }
}

impl Rows {
    fn pair(&self, version: ApiVersion) -> Result<(&'static str, String)> {
        match self {
            Self::Summary => {
                supported("a narrow listing", 8, version)?;
                let known = |field: &&&str| {
                    YOUNG_FIELDS
                        .iter()
                        .all(|(young, since)| young != *field || version >= ApiVersion::v1(*since))
                };
                let fields: Vec<&str> = NodeSummary::FIELDS.iter().filter(known).copied().collect();
                Ok(("fields", fields.join(",")))
            }
            Self::Fields(fields) => {
                supported("a selection of fields", 8, version)?;
                Ok(("fields", with_id(fields.iter().map(String::as_str))))
            }
            Self::Detail => {
                supported("a detailed listing", 43, version)?;
                Ok(("detail", "true".to_owned()))
            }
        }
    }
}

/// Whether the version in use can do it.
pub(super) fn supported(what: &'static str, since: u16, has: ApiVersion) -> Result<()> {
    let needs = ApiVersion::v1(since);
    if has < needs {
        Err(Error::NotSupported { what, needs, has })
    } else {
        Ok(())
    }
}
