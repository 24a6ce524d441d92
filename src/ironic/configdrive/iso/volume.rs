//! Volume descriptors (ECMA-119 8.4 and 8.5).
use super::SECTOR;
use super::hierarchy::Hierarchy;
use super::names::Scheme;
use super::record::{SELF, both16, both32, record};

const PRIMARY: u8 = 1;
const SUPPLEMENTARY: u8 = 2;
const END: u8 = 255;

/// What the readers of config drives look for.
const LABEL: &str = "config-2";

/// What says that the supplementary descriptor is Joliet's: UCS-2, level 3.
const JOLIET: &[u8] = b"%/E";

/// The descriptor of a hierarchy in a volume of that many sectors.
pub(super) fn descriptor(hierarchy: &Hierarchy, sectors: u32) -> Vec<u8> {
    let joliet = hierarchy.scheme == Scheme::Joliet;
    let text = |text, length| padded(hierarchy.scheme, text, length);
    let mut bytes = head(if joliet { SUPPLEMENTARY } else { PRIMARY });
    bytes.push(0);
    bytes.extend(text("LINUX", 32));
    bytes.extend(text(LABEL, 32));
    bytes.extend([0; 8]);
    bytes.extend(both32(sectors));
    let escape = if joliet { JOLIET } else { &[] };
    bytes.extend(escape);
    bytes.resize(120, 0);
    // The only volume of its set.
    bytes.extend(both16(1));
    bytes.extend(both16(1));
    bytes.extend(both16(u16::try_from(SECTOR).unwrap_or_default()));
    bytes.extend(both32(hierarchy.table_size));
    bytes.extend(hierarchy.low_table.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(hierarchy.high_table.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(record(SELF, hierarchy.root(), true, &[]));
    // Volume set, publisher, preparer, application.
    bytes.extend(text("", 128));
    bytes.extend(text("ironwright", 128));
    bytes.extend(text("", 256));
    // Files with the copyright, an abstract and a bibliography.
    bytes.extend(text("", 111));
    // Created, modified; never out of date; valid from the beginning.
    bytes.extend(EPOCH);
    bytes.extend(EPOCH);
    bytes.extend(NEVER);
    bytes.extend(EPOCH);
    bytes.extend([1, 0]);
    bytes.resize(SECTOR, 0);
    bytes
}

/// The descriptor that ends the descriptors.
pub(super) fn terminator() -> Vec<u8> {
    let mut bytes = head(END);
    bytes.resize(SECTOR, 0);
    bytes
}

/// The Unix epoch as digits, and its offset from UTC.
const EPOCH: [u8; 17] = *b"1970010100000000\0";

/// No date at all.
const NEVER: [u8; 17] = *b"0000000000000000\0";

fn head(kind: u8) -> Vec<u8> {
    [&[kind], b"CD001".as_slice(), &[1]].concat()
}

/// A text filled up with spaces.
fn padded(scheme: Scheme, text: &str, length: usize) -> Vec<u8> {
    let mut bytes = scheme.text(text);
    let space = scheme.text(" ");
    bytes.extend(space.iter().cycle().take(length.saturating_sub(bytes.len())));
    bytes
}
