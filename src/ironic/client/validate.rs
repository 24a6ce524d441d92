//! Whether a node's interfaces have what they need.
use super::retry::Repeat;
use super::routes::NODE_VALIDATE;
use super::{Client, Error, Result};
use crate::ironic::model::{InterfaceKind, Validation};

impl Client {
    /// Has Ironic judge the interfaces of a node by its fields; most drivers ask no machine. Not sent again after an error, since
    /// some do and BMCs lock accounts. If one of those that are `required` is
    /// not judged good, or not judged at all, it is an [`Error::Invalid`] with Ironic's reasons.
    ///
    /// For a deployment, `boot`, `deploy`, `management` and `power` are required.
    pub async fn validate_node(&self, id: &str, required: &[InterfaceKind]) -> Result<Validation> {
        let validation: Validation = self
            .read_one(self.to_node(&NODE_VALIDATE, id)?.repeat(Repeat::Write))
            .await?;
        let problems: Vec<String> = required
            .iter()
            .filter_map(|kind| problem(&validation, *kind))
            .collect();
        if problems.is_empty() {
            return Ok(validation);
        }
        Err(Error::Invalid {
            node: id.to_owned(),
            problems: super::error::cut(&problems.join("; ")).to_owned(),
        })
    }
}

/// What is wrong with an interface.
fn problem(validation: &Validation, kind: InterfaceKind) -> Option<String> {
    let Some(judgement) = validation.get(kind.as_str()) else {
        return Some(format!("{kind}: not judged"));
    };
    match (judgement.result, judgement.reason.as_deref()) {
        (Some(true), _) => None,
        (_, Some(reason)) => Some(format!("{kind}: {reason}")),
        (Some(false), None) => Some(format!("{kind}: not valid")),
        (None, None) => Some(format!("{kind}: not supported")),
    }
}
