//! What a deployed machine is told about itself.
use std::fmt;

use serde_json::{Map, Value};

use super::provision::{LARGEST, TOO_LARGE};
use super::{Error, Result};
use crate::ironic::model::{ApiVersion, Object};

/// A config drive, in one of the forms that Ironic takes. May hold secrets: never shown.
#[derive(Clone, PartialEq)]
pub enum ConfigDrive {
    /// base64 of a gzipped ISO image, or a URL to fetch it from.
    Text(String),
    /// The parts; Ironic builds the image (API 1.56, vendor data 1.59) and adds the node's uuid and name.
    Parts {
        /// `meta_data.json`.
        meta_data: Option<Object>,
        /// `user_data`, verbatim.
        user_data: Option<String>,
        /// `network_data.json`.
        network_data: Option<Object>,
        /// `vendor_data2.json`.
        vendor_data: Option<Object>,
    },
}

impl ConfigDrive {
    /// The member `configdrive` of a provision request.
    pub(super) fn json(&self) -> Result<Value> {
        match self {
            Self::Text(text) if text.len() > LARGEST => Err(Error::argument(TOO_LARGE)),
            Self::Text(text) if is_url(text) || is_base64(text) => Ok(Value::String(text.clone())),
            Self::Text(_) => Err(Error::argument("the config drive is neither base64 nor a URL")),
            Self::Parts {
                meta_data,
                user_data,
                network_data,
                vendor_data,
            } => {
                let object = |part: &Option<Object>| part.clone().map(Value::Object);
                let parts: Map<String, Value> = [
                    ("meta_data", object(meta_data)),
                    ("user_data", user_data.clone().map(Value::String)),
                    ("network_data", object(network_data)),
                    ("vendor_data", object(vendor_data)),
                ]
                .into_iter()
                .filter_map(|(name, part)| Some((name.to_owned(), part?)))
                .collect();
                // Ironic takes an empty one for none at all, which is not what was asked.
                if parts.is_empty() {
                    return Err(Error::argument("the config drive is empty"));
                }
                Ok(Value::Object(parts))
            }
        }
    }

    /// The first API version that takes this form.
    pub(super) const fn needs(&self) -> Option<ApiVersion> {
        match self {
            Self::Text(_) => None,
            Self::Parts {
                vendor_data: Some(_), ..
            } => Some(ApiVersion::v1(59)),
            Self::Parts { .. } => Some(ApiVersion::v1(56)),
        }
    }
}

/// Ironic's own rule for a URL.
fn is_url(text: &str) -> bool {
    text.contains("://")
}

/// Ironic's own rule for base64.
fn is_base64(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=\n\r\t ".contains(&byte);
    !text.trim().is_empty() && text.bytes().all(allowed)
}

impl fmt::Debug for ConfigDrive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "ConfigDrive::Text(..)",
            Self::Parts { .. } => "ConfigDrive::Parts { .. }",
        })
    }
}
