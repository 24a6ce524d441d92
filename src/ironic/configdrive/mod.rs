//! Config drives, from the parts to what Ironic takes, without any external tool.
//!
//! A config drive is a small ISO 9660 image with the label `config-2` from which cloud-init and its kin read what
//! the machine is to be. [`populate`] lays the parts out as a tree of files, [`pack`] makes the image of a tree and
//! the base64 of its gzip, [`build`] does both; [`write_image`] writes the bare image. The same input always gives
//! the same bytes: every date is the Unix epoch, every order is sorted.
//!
//! The tree is that of openstacksdk's `openstack.baremetal.configdrive`, to the byte. The image can be read by way
//! of Joliet, Rock Ridge and plain ISO 9660, whose names are those that `genisoimage -l -ldots -allow-lowercase
//! -allow-multidot` gives: Ironic itself opens `/openstack/latest/network_data.json;1`.
mod iso;
mod json;
#[cfg(test)]
mod tests;
mod tree;

use std::fmt;
use std::io::{self, Write};

use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderStringWriter;
use flate2::{Compression, GzBuilder};

use super::model::Object;
pub use tree::{Tree, TreeError};

/// How large the image may be, bytes. The deploy ramdisk refuses a larger one, and the deployment fails.
pub const LARGEST_IMAGE: u64 = 64 * 1024 * 1024;

/// The versions of the metadata that are written unless others are asked for.
pub const VERSIONS: &[&str] = &["2012-08-10", "latest"];

/// Why there is no config drive. Never says what is in a file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The tree cannot be.
    #[error("the config drive has a path that it cannot have")]
    Tree(#[from] TreeError),
    /// The ramdisk would refuse it.
    #[error("the config drive would have {size} bytes, the deploy ramdisk takes {LARGEST_IMAGE}")]
    TooLarge {
        /// Bytes of the image, or of the files alone if these are too many already.
        size: u64,
    },
    /// It could not be written to where it was to go; never from [`pack`] and [`build`].
    #[error("the config drive could not be written")]
    Write(#[from] io::Error),
}

/// What goes into a config drive. May hold secrets: never shown. What is empty is left out, as openstacksdk does.
#[derive(Clone, Default, PartialEq)]
pub struct Content {
    /// `meta_data.json`; this one is written even if it is empty.
    pub meta_data: Object,
    /// `user_data`, verbatim: text or not.
    pub user_data: Vec<u8>,
    /// `network_data.json`.
    pub network_data: Object,
    /// `vendor_data2.json`.
    pub vendor_data: Object,
    /// The versions to write all of it for; [`VERSIONS`] if there are none.
    pub versions: Vec<String>,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("versions", &self.versions)
            .finish_non_exhaustive()
    }
}

/// The files of a config drive: `openstack/<version>/…` for each version.
pub fn populate(content: &Content) -> Result<Tree, Error> {
    let asked = content.versions.iter().map(String::as_str);
    let default = VERSIONS.iter().copied().filter(|_| content.versions.is_empty());
    let mut tree = Tree::default();
    for version in asked.chain(default) {
        for (name, bytes) in files(content) {
            tree.file(&format!("openstack/{version}/{name}"), bytes)?;
        }
    }
    Ok(tree)
}

/// The files of each version.
fn files(content: &Content) -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let given = |part: &Object| (!part.is_empty()).then(|| json::bytes(part));
    [
        ("meta_data.json", Some(json::bytes(&content.meta_data))),
        ("network_data.json", given(&content.network_data)),
        ("vendor_data2.json", given(&content.vendor_data)),
        (
            "user_data",
            Some(content.user_data.clone()).filter(|data| !data.is_empty()),
        ),
    ]
    .into_iter()
    .filter_map(|(name, bytes)| Some((name, bytes?)))
}

/// Writes the ISO 9660 image of a tree, piece by piece; returns its size in bytes. Nothing is written if it would be
/// larger than [`LARGEST_IMAGE`].
pub fn write_image(tree: &Tree, mut to: impl Write) -> Result<u64, Error> {
    let image = iso::Image::of(tree)?;
    image.write(&mut to)?;
    Ok(image.size())
}

/// What Ironic takes for a config drive: base64 of the gzip of the image.
pub fn pack(tree: &Tree) -> Result<String, Error> {
    let text = EncoderStringWriter::new(&STANDARD);
    let mut gzip = GzBuilder::new().mtime(0).write(text, Compression::default());
    write_image(tree, &mut gzip)?;
    Ok(gzip.finish()?.into_inner())
}

/// A config drive from its parts, ready for Ironic.
pub fn build(content: &Content) -> Result<String, Error> {
    pack(&populate(content)?)
}
