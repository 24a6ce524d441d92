//! What Ironic can say of a node's BMC, and whether it gets there.
use super::{Client, Error, Rejection, Result};
use crate::ironic::model::Validation;

/// The interfaces that talk to the BMC.
const TALKING: &[&str] = &["management", "power"];

impl Client {
    /// Whether Ironic gets to the node's BMC with the credentials that the node has now. It changes nothing on the machine.
    ///
    /// Validation of the power and management interfaces finds what is missing or malformed; of `redfish`, `ipmi` and their like only
    /// the question for the boot device then logs in. Where a driver has no answer to it, or the user no right to ask, validation has
    /// to do.
    pub async fn reach_bmc(&self, id: &str) -> Result<()> {
        let validation = match self.validate_node(id, &[]).await {
            Err(error) if error.rejection() == Some(Rejection::Forbidden) => Validation::new(),
            result => result?,
        };
        let failed = TALKING.iter().find_map(|kind| {
            let judgement = validation.get(*kind)?;
            (judgement.result == Some(false)).then(|| judgement.reason.clone().unwrap_or_default())
        });
        if let Some(why) = failed {
            return Err(Error::BmcUnreached { words: why });
        }
        match self.get_node_boot_device(id).await {
            Ok(_) => Ok(()),
            Err(error) if is_no_answer(&error) => Ok(()),
            Err(error) => Err(unreached(error)),
        }
    }
}

/// Whether the question itself is not possible.
fn is_no_answer(error: &Error) -> bool {
    // Ironic 39: `UnsupportedDriverExtension`.
    let unsupported = error.words().contains("does not support");
    match error.rejection() {
        Some(Rejection::Forbidden) => true,
        Some(Rejection::Invalid) => unsupported,
        _ => false,
    }
}

/// Ironic answers 500 with the driver's words when the BMC did not do as asked, and 400 when it knows beforehand. All else is not
/// about the BMC.
fn unreached(error: Error) -> Error {
    let refused = matches!(error.rejection(), Some(Rejection::Server | Rejection::Invalid));
    // A BMC that does not answer is waited for in silence.
    if refused
        || matches!(
            error,
            Error::Deadline {
                waiting_for: "the answer",
                ..
            }
        )
    {
        let words = error.words_in_full().into_owned();
        return Error::BmcUnreached { words };
    }
    error
}
