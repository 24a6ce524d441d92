//! How a row of a list is read.
use bytes::Bytes;
use serde::de::DeserializeOwned;

/// What a row of a list is read as.
pub trait Row: Sized {
    /// Reads it. The text is a piece of its page: as long as it is kept, so is the page.
    fn read(text: &Bytes) -> serde_json::Result<Self>;
}

impl<T: DeserializeOwned> Row for T {
    fn read(text: &Bytes) -> serde_json::Result<Self> {
        serde_json::from_slice(text)
    }
}
