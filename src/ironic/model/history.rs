//! What happened to a node.
use serde::{Deserialize, Serialize};

use super::{Object, null_as_default};

/// One entry of `/v1/nodes/{node}/history` (API 1.78), oldest first. Ironic cuts long texts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HistoryEvent {
    /// Its own id.
    #[serde(default, deserialize_with = "null_as_default")]
    pub uuid: String,
    /// When, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// `ERROR` or `INFO`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// What, in Ironic's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// During what: `provisioning`, `cleaning`, `monitoring` (only in a detailed listing).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// The conductor that wrote it (only in a detailed listing).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conductor: Option<String>,
    /// Who asked (only in a detailed listing).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Object,
}

impl HistoryEvent {
    /// Whether it tells of a failure.
    pub fn is_error(&self) -> bool {
        self.severity.as_deref() == Some("ERROR")
    }
}
