//! Fuzz targets: one function for each parser of what a server says, which takes any bytes and panics when something that
//! callers rely on does not hold.
//!
//! The tests run them on what real servers said and on mutations of it; `make fuzz` runs them under libFuzzer, which looks for
//! more. Not a part of the client: only with the feature `fuzzing`.
mod node;
mod refusal;

pub use super::auth::fuzz::catalog;
pub use node::node;
pub use refusal::refusal;

/// Takes any bytes.
pub type Target = fn(&[u8]);

/// All of them, by name.
pub const TARGETS: &[(&str, Target)] = &[("catalog", catalog), ("node", node), ("refusal", refusal)];

/// A secret of whoever asks, which the server may know and say.
pub(super) const SECRET: &str = "hunter2-of-the-fuzzer";

/// Whether a text has the secret in it, as a server could have written it.
fn tells(text: &str) -> bool {
    text.contains(SECRET)
}
