//! Directory records (ECMA-119 9.1) and the numbers and dates in them.

/// The marks in a record that it is a folder.
const FOLDER: u8 = 0b10;

/// Bytes before the identifier.
pub(super) const HEAD: usize = 33;

/// How long a record can be, bytes: its length is one byte, and even.
pub(super) const LONGEST: usize = 254;

/// The Unix epoch: year since 1900, month, day, hour, minute, second, offset from UTC.
pub(super) const EPOCH: [u8; 7] = [70, 1, 1, 0, 0, 0, 0];

/// The identifier of a folder's record of itself, and of the root wherever it is named.
pub(super) const SELF: &[u8] = &[0];

/// The identifier of a folder's record of its parent.
pub(super) const PARENT: &[u8] = &[1];

/// A run of bytes in the image.
#[derive(Clone, Copy, Default)]
pub(super) struct Extent {
    /// First sector.
    pub(super) start: u32,
    /// Bytes.
    pub(super) length: u32,
}

/// One record.
pub(super) fn record(id: &[u8], extent: Extent, folder: bool, system_use: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0];
    bytes.extend(both32(extent.start));
    bytes.extend(both32(extent.length));
    bytes.extend(EPOCH);
    bytes.extend([if folder { FOLDER } else { 0 }, 0, 0]);
    bytes.extend(both16(1));
    bytes.push(byte(id.len()));
    bytes.extend(id);
    bytes.resize(before_system_use(id), 0);
    bytes.extend(system_use);
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    if let Some(length) = bytes.len().try_into().ok().zip(bytes.first_mut()) {
        *length.1 = length.0;
    }
    bytes
}

/// Bytes of a record without its system use area.
pub(super) fn before_system_use(id: &[u8]) -> usize {
    (HEAD + id.len()).next_multiple_of(2)
}

/// A number that is known to fit.
pub(super) fn byte(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// A number in both orders of bytes.
pub(super) fn both32(number: u32) -> impl Iterator<Item = u8> {
    number.to_le_bytes().into_iter().chain(number.to_be_bytes())
}

/// A number in both orders of bytes.
pub(super) fn both16(number: u16) -> impl Iterator<Item = u8> {
    number.to_le_bytes().into_iter().chain(number.to_be_bytes())
}
