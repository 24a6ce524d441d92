//! What to list of the nodes.
use super::paging::Pairs;
use super::{Error, Result};
use crate::ironic::model::{ApiVersion, NodeSummary, ProvisionState};

/// How many rows Ironic sends at most at once, unless it is configured to send fewer.
const PAGE: usize = 1000;

/// In which direction to sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortDirection {
    /// Smallest first.
    Ascending,
    /// Greatest first.
    Descending,
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
    /// Of this shard (API 1.82).
    pub shard: Option<String>,
    /// Parts of the machine with this uuid, and nothing else (API 1.83).
    pub parent_node: Option<String>,
    /// With this fault (API 1.42).
    pub fault: Option<String>,
    /// With this in the description (API 1.51).
    pub description_contains: Option<String>,
    /// By which field to sort; none: the order of creation.
    pub sort_key: Option<String>,
    /// In which direction.
    pub sort_dir: Option<SortDirection>,
    /// Whether nodes with a parent are listed too (API 1.83); none: yes. Ironic hides them by default, and
    /// what is hidden looks as if it were gone.
    pub include_children: Option<bool>,
}

/// How much of each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    /// The fields of [`NodeSummary`].
    Summary,
    /// Everything.
    Detail,
}

/// The fields of a summary that are younger than field selection itself (API 1.8).
const YOUNG_FIELDS: &[(&str, u16)] = &[
    ("resource_class", 21),
    ("fault", 42),
    ("protected", 48),
    ("retired", 61),
];

impl NodeQuery {
    pub(super) fn page_size(&self) -> usize {
        self.page_size.unwrap_or(PAGE)
    }

    /// The query parameters, without those of paging.
    pub(super) fn pairs(&self, rows: Rows, version: ApiVersion) -> Result<Pairs> {
        let mut pairs = vec![rows.pair(version)?];
        for (name, since, value) in self.filters() {
            if let Some(value) = value {
                supported(name, since, version)?;
                pairs.push((name, value));
            }
        }
        // Asked for children as well, Ironic forgets which parent was asked for.
        if version >= ApiVersion::v1(83) && self.parent_node.is_none() {
            pairs.push((
                "include_children",
                self.include_children.unwrap_or(true).to_string(),
            ));
        }
        Ok(pairs)
    }

    /// Every filter with the minor version that brought it.
    fn filters(&self) -> [(&'static str, u16, Option<String>); 16] {
        let direction = |direction: &SortDirection| match direction {
            SortDirection::Ascending => "asc".to_owned(),
            SortDirection::Descending => "desc".to_owned(),
        };
        [
            (
                "provision_state",
                9,
                self.provision_state.as_ref().map(ToString::to_string),
            ),
            ("driver", 16, self.driver.clone()),
            ("resource_class", 21, self.resource_class.clone()),
            ("conductor_group", 46, self.conductor_group.clone()),
            ("maintenance", 1, self.maintenance.map(|yes| yes.to_string())),
            ("associated", 1, self.associated.map(|yes| yes.to_string())),
            ("owner", 50, self.owner.clone()),
            ("lessee", 65, self.lessee.clone()),
            ("instance_uuid", 1, self.instance_uuid.clone()),
            ("retired", 61, self.retired.map(|yes| yes.to_string())),
            ("shard", 82, self.shard.clone()),
            ("parent_node", 83, self.parent_node.clone()),
            ("fault", 42, self.fault.clone()),
            ("description_contains", 51, self.description_contains.clone()),
            ("sort_key", 1, self.sort_key.clone()),
            ("sort_dir", 1, self.sort_dir.as_ref().map(direction)),
        ]
    }
}

impl Rows {
    fn pair(self, version: ApiVersion) -> Result<(&'static str, String)> {
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
            Self::Detail => {
                supported("a detailed listing", 43, version)?;
                Ok(("detail", "true".to_owned()))
            }
        }
    }
}

pub(super) fn supported(what: &'static str, since: u16, has: ApiVersion) -> Result<()> {
    let needs = ApiVersion::v1(since);
    if has < needs {
        Err(Error::NotSupported { what, needs, has })
    } else {
        Ok(())
    }
}
