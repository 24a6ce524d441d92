//! What files and folders are called in the image.
use std::collections::HashSet;

use crate::ironic::configdrive::tree::{Entry, Folder};

/// How long a plain name may be, bytes, without the version: what `genisoimage -l` allows.
const LONGEST: usize = 31;

/// How much of that an extension may take.
const LONGEST_EXTENSION: usize = 15;

/// One of the two kinds of names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// ISO 9660's own, lower case and several dots allowed, with the true name in a Rock Ridge entry.
    Plain,
    /// The true name in UCS-2.
    Joliet,
}

/// A file or a folder with its identifier.
pub(super) struct Named<'a> {
    pub(super) id: Vec<u8>,
    pub(super) name: &'a str,
    pub(super) entry: &'a Entry,
}

impl Scheme {
    /// The entries of a folder in the order of the standard: by identifier, where what ends its parts
    /// (`.` and `;`) comes before any character.
    pub(super) fn entries(self, folder: &Folder) -> Vec<Named<'_>> {
        let mut named = match self {
            Self::Plain => plain(folder),
            Self::Joliet => folder.iter().map(joliet).collect(),
        };
        let ends = [self.text("."), self.text(";")];
        let width = self.text(".").len();
        named.sort_by_cached_key(|named| {
            let unit = |unit: &[u8]| {
                if ends.iter().any(|end| end == unit) {
                    vec![0; width]
                } else {
                    unit.to_vec()
                }
            };
            named.id.chunks(width).map(unit).collect::<Vec<_>>()
        });
        named
    }

    /// A text as the descriptors of this scheme hold it.
    pub(super) fn text(self, text: &str) -> Vec<u8> {
        match self {
            Self::Plain => text.as_bytes().to_vec(),
            Self::Joliet => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        }
    }
}

fn joliet<'a>((name, entry): (&'a String, &'a Entry)) -> Named<'a> {
    Named {
        id: Scheme::Joliet.text(name),
        name,
        entry,
    }
}

/// Plain names, different from each other. Who keeps the true name comes first, so that nobody else gets it.
fn plain(folder: &Folder) -> Vec<Named<'_>> {
    let mut entries: Vec<_> = folder
        .iter()
        .map(|(name, entry)| (name, entry, Plain::of(name, entry)))
        .collect();
    entries.sort_by_key(|(name, _, plain)| plain.shown("").trim_end_matches('.') != *name);
    let mut taken = HashSet::new();
    entries
        .into_iter()
        .map(|(name, entry, plain)| Named {
            id: plain.unique(&mut taken).into_bytes(),
            name,
            entry,
        })
        .collect()
}

/// A name cut down to what ISO 9660 allows, in its three parts.
struct Plain {
    stem: String,
    /// With its dot, which a file has even if nothing follows.
    extension: String,
    version: &'static str,
}

impl Plain {
    fn of(name: &str, entry: &Entry) -> Self {
        let allowed = |at: char| at.is_ascii_alphanumeric() || matches!(at, '.' | '_');
        let name: String = name
            .chars()
            .map(|at| if allowed(at) { at } else { '_' })
            .collect();
        let (stem, extension, version) = match (entry, name.rsplit_once('.')) {
            (Entry::Folder(_), _) => (name.as_str(), "", ""),
            (Entry::File(_), Some((stem, extension))) => (stem, extension, ";1"),
            (Entry::File(_), None) => (name.as_str(), "", ";1"),
        };
        let dot = if version.is_empty() { "" } else { "." };
        Self {
            stem: stem.to_owned(),
            extension: format!("{dot}{}", cut(extension, LONGEST_EXTENSION)),
            version,
        }
    }

    /// With a number that tells it from others.
    fn shown(&self, number: &str) -> String {
        let room = LONGEST.saturating_sub(self.extension.len() + number.len());
        format!("{}{number}{}", cut(&self.stem, room), self.extension)
    }

    fn unique(&self, taken: &mut HashSet<String>) -> String {
        let numbers = (0_u32..).map(|number| format!("{number:03}"));
        let name = std::iter::once(String::new())
            .chain(numbers)
            .map(|number| self.shown(&number))
            .find(|name| !taken.contains(name))
            .unwrap_or_default();
        taken.insert(name.clone());
        name + self.version
    }
}

/// The beginning of an ASCII text.
fn cut(text: &str, length: usize) -> &str {
    text.get(..length).unwrap_or(text)
}
