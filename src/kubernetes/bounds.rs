//! How much of an object is taken in: by every list and every watch, of whichever kind, while its bytes arrive.
//!
//! A page is one JSON document for the parser, so that one object can spoil it for all others: nested too deeply for the parser, or
//! larger than the memory there is. So a layer of the client itself looks at each object of an answer on its own, and hands on what
//! is within the bounds. Of any other it hands on an outline: its metadata, what lets a person get rid of it, and what is wrong. What
//! is never read, `managedFields` and the annotations of others, does not count and is not handed on; neither can be refused, since
//! no spec can correct it.

mod item;
mod layer;
mod object;
mod scanner;
mod words;

pub use self::item::{Item, Unreadable};
pub(super) use self::layer::Bounding;
pub(super) use self::words::without_values;

/// How deep a field of a spec may nest. serde_json gives up at 128 levels, counted from the beginning of a page.
pub const FIELD_LEVELS: usize = 32;

/// Bytes that a field of a spec may take as JSON. Ironic stores as much of one field and not more.
pub const FIELD_BYTES: usize = 64 * 1024;

/// The fields of which only the whole counts: `provision` holds a config drive of several parts, `caCertificate` is bounded by the
/// schema.
const WIDE_FIELDS: &[&str] = &["provision", "caCertificate"];

/// Bytes that an object may take as JSON, without its status.
pub const OBJECT_BYTES: usize = 256 * 1024;

/// Bytes that the status of an object may take as JSON, apart from that: it repeats the keys of the spec, and nobody can correct it.
pub const STATUS_BYTES: usize = 512 * 1024;

/// How many values an object may hold: each takes some ten times as much memory as the shortest text of it.
pub const OBJECT_VALUES: usize = 8 * 1024;

/// Under this key the outline of an object says why it was refused. The schema of our kinds has no such field, and the apiserver drops
/// what the schema does not have.
const REFUSED: &str = "ironwright.dev/refused";

#[cfg(test)]
mod tests;
