//! What is in the files, each content once.
use std::collections::BTreeMap;
use std::io::{self, Write};

use super::record::Extent;
use super::{SECTOR, narrow, sectors};
use crate::ironic::configdrive::tree::{Entry, Folder};

pub(super) struct Files<'a> {
    /// In the order in which they are written.
    contents: Vec<Content<'a>>,
    numbers: BTreeMap<&'a [u8], usize>,
}

struct Content<'a> {
    bytes: &'a [u8],
    /// First sector.
    start: u32,
}

impl<'a> Files<'a> {
    pub(super) fn of(root: &'a Folder) -> Self {
        let mut files = Self {
            contents: Vec::new(),
            numbers: BTreeMap::new(),
        };
        files.collect(root);
        files
    }

    fn collect(&mut self, folder: &'a Folder) {
        for entry in folder.values() {
            match entry {
                Entry::Folder(inner) => self.collect(inner),
                Entry::File(bytes) => {
                    let number = self.contents.len();
                    if *self.numbers.entry(bytes).or_insert(number) == number {
                        self.contents.push(Content { bytes, start: 0 });
                    }
                }
            }
        }
    }

    /// Bytes of all contents.
    pub(super) fn bytes(&self) -> u64 {
        self.contents
            .iter()
            .map(|content| content.bytes.len() as u64)
            .sum()
    }

    /// The number of a content.
    pub(super) fn number(&self, bytes: &[u8]) -> usize {
        self.numbers.get(bytes).copied().unwrap_or_default()
    }

    /// Where the content of a number is.
    pub(super) fn extent(&self, number: usize) -> Extent {
        let extent = |content: &Content| Extent {
            start: content.start,
            length: narrow(content.bytes.len()),
        };
        self.contents.get(number).map(extent).unwrap_or_default()
    }

    pub(super) fn place(&mut self, next: &mut u32) {
        for content in &mut self.contents {
            content.start = *next;
            *next += room(content.bytes);
        }
    }

    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        for Content { bytes, .. } in &self.contents {
            to.write_all(bytes)?;
            let padding = room(bytes) as usize * SECTOR - bytes.len();
            to.write_all(&vec![0; padding])?;
        }
        Ok(())
    }
}

/// An empty file gets a sector as well: some readers dislike a place behind the end of the volume.
fn room(bytes: &[u8]) -> u32 {
    sectors(bytes.len()).max(1)
}
