//! The system use entries of Rock Ridge (SUSP and RRIP_1991A), as `genisoimage -r` writes them: true names, everything
//! readable by everybody and owned by root.
use super::SECTOR;
use super::record::{EPOCH, LONGEST, before_system_use, both32, byte};

const FILE: u32 = 0o100_444;
const FOLDER: u32 = 0o040_555;

/// Which entries a record has: `RR`, for readers that ask before they look.
const ATTRIBUTES_AND_TIMES: u8 = 0x81;
const AND_NAME: u8 = 0x89;

/// Which times there are: modified, read, changed.
const TIMES: u8 = 0x0E;

const EXTENSION: [&str; 3] = [
    "RRIP_1991A",
    "THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS",
    "PLEASE CONTACT DISC PUBLISHER FOR SPECIFICATION SOURCE.  SEE PUBLISHER IDENTIFIER IN PRIMARY VOLUME \
     DESCRIPTOR FOR CONTACT INFORMATION.",
];

/// Where entries go that a record has no room for: behind the records of the folder.
pub(super) struct Continuation {
    /// First sector.
    pub(super) start: u32,
    pub(super) bytes: Vec<u8>,
}

impl Continuation {
    /// Keeps entries here and returns the `CE` entry that leads to them.
    fn keep(&mut self, entries: &[u8]) -> Vec<u8> {
        // Linux reads one block only: nothing may cross into the next.
        let used = self.bytes.len() % SECTOR;
        if used + entries.len() > SECTOR {
            super::fill(&mut self.bytes);
        }
        let (sector, offset) = (self.bytes.len() / SECTOR, self.bytes.len() % SECTOR);
        self.bytes.extend(entries);
        let mut data: Vec<u8> = both32(self.start + super::narrow(sector)).collect();
        data.extend(both32(super::narrow(offset)));
        data.extend(both32(super::narrow(entries.len())));
        entry(*b"CE", &data)
    }
}

/// The entries of the root's record of itself, which announce Rock Ridge.
pub(super) fn root(links: u32, continuation: &mut Continuation) -> Vec<u8> {
    let lengths = EXTENSION.iter().map(|text| byte(text.len()));
    let mut about: Vec<u8> = lengths.chain([1]).collect();
    about.extend(EXTENSION.iter().flat_map(|text| text.bytes()));
    let mut entries = entry(*b"SP", &[0xBE, 0xEF, 0]);
    entries.extend(itself(links));
    entries.extend(continuation.keep(&entry(*b"ER", &about)));
    entries
}

/// The entries of a folder's record of itself or of its parent.
pub(super) fn itself(links: u32) -> Vec<u8> {
    [
        entry(*b"RR", &[ATTRIBUTES_AND_TIMES]),
        attributes(FOLDER, links),
        times(),
    ]
    .concat()
}

/// The entries of something with a name, in a record with the identifier `id`.
pub(super) fn named(id: &[u8], name: &str, folder: Option<u32>, continuation: &mut Continuation) -> Vec<u8> {
    let attributes = match folder {
        Some(links) => attributes(FOLDER, links),
        None => attributes(FILE, 1),
    };
    let mut entries = [entry(*b"RR", &[AND_NAME]), attributes, times()].concat();
    let mut data = vec![0];
    data.extend(name.bytes());
    let name = entry(*b"NM", &data);
    let room = LONGEST.saturating_sub(before_system_use(id) + entries.len());
    if name.len() <= room {
        entries.extend(name);
    } else {
        entries.extend(continuation.keep(&name));
    }
    entries
}

fn attributes(mode: u32, links: u32) -> Vec<u8> {
    let (user, group) = (0, 0);
    let data: Vec<u8> = [mode, links, user, group].into_iter().flat_map(both32).collect();
    entry(*b"PX", &data)
}

fn times() -> Vec<u8> {
    let mut data = vec![TIMES];
    data.extend([EPOCH; 3].concat());
    entry(*b"TF", &data)
}

fn entry(signature: [u8; 2], data: &[u8]) -> Vec<u8> {
    let mut bytes = signature.to_vec();
    bytes.extend([byte(data.len() + 4), 1]);
    bytes.extend(data);
    bytes
}
