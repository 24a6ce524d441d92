//! What a deployed machine is told about itself.
use std::error::Error as _;
use std::fmt;
use std::io::{self, Read};

use base64::engine::general_purpose::STANDARD;
use base64::read::DecoderReader;
use flate2::read::GzDecoder;
use serde_json::{Map, Value};

use super::provision::{LARGEST, TOO_LARGE};
use super::{Error, Result};
use crate::ironic::configdrive::{self, Content, LARGEST_IMAGE};
use crate::ironic::model::{ApiVersion, Object};

/// A config drive, in one of the forms that Ironic takes. May hold secrets: never shown.
#[derive(Clone, PartialEq)]
pub enum ConfigDrive {
    /// base64 of a gzipped image of at most 64 MiB, as [`ConfigDrive::build`] makes it, or a URL to fetch it from.
    Text(String),
    /// The parts; Ironic builds the image (API 1.56, vendor data 1.59), for which its conductor needs `genisoimage` or
    /// the like, and adds the node's uuid and name. Where Neutron serves the node's network, Ironic also fills in
    /// network data that is missing.
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
    /// Builds the image here, with nothing added: see [`configdrive::build`].
    pub fn build(content: &Content) -> Result<Self> {
        configdrive::build(content).map(Self::Text).map_err(|error| {
            let source = error.source().map(|source| format!(": {source}"));
            Error::argument(format!("{error}{}", source.unwrap_or_default()))
        })
    }

    /// The member `configdrive` of a provision request.
    pub(super) fn json(&self) -> Result<Value> {
        match self {
            Self::Text(text) if text.len() > LARGEST => Err(Error::argument(TOO_LARGE)),
            Self::Text(text) if is_url(text) => Ok(Value::String(text.clone())),
            Self::Text(text) if is_base64(text) => {
                check_image(text)?;
                Ok(Value::String(text.clone()))
            }
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

/// What the deploy ramdisk checks much later, when the deployment fails of it: that the text is a gzipped image, and how
/// large that is.
fn check_image(text: &str) -> Result<()> {
    let text: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let packed = DecoderReader::new(text.as_slice(), &STANDARD);
    let mut image = GzDecoder::new(packed).take(LARGEST_IMAGE + 1);
    match io::copy(&mut image, &mut io::sink()) {
        Ok(size) if size > LARGEST_IMAGE => Err(Error::argument(
            "the image of the config drive is larger than the 64 MiB that the deploy ramdisk takes",
        )),
        Ok(_) => Ok(()),
        Err(_) => Err(Error::argument(
            "the config drive is not base64 of a gzipped image",
        )),
    }
}

impl fmt::Debug for ConfigDrive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "ConfigDrive::Text(..)",
            Self::Parts { .. } => "ConfigDrive::Parts { .. }",
        })
    }
}
