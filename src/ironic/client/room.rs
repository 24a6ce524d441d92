//! Who has the memory for long answers: an Ironic may send megabytes, and many of them may do so at once.
use std::any::Any;
use std::sync::Arc;

use futures::future::BoxFuture;

use super::Client;

/// What a long answer is read under; it is over when this is dropped.
pub type Place = Box<dyn Any + Send + Sync>;

/// How many bytes of an answer are read without a place.
pub(super) const FREE: usize = 256 * 1024;

/// Lets long answers in, so many at once as there is memory for. An answer is waited for by itself: what makes Ironic slow holds up nobody
/// else. Only once more than a quarter of a mebibyte of it has come is a place asked for, which it has until its last row is read.
pub trait Room: Send + Sync {
    /// Waits for a place.
    fn enter(&self) -> BoxFuture<'static, Place>;
}

impl Client {
    /// The same client, whose long answers are read when there is a place for them. The time that it waits counts as that of the call.
    #[must_use]
    pub fn with_room(mut self, room: Arc<dyn Room>) -> Self {
        self.room = Some(room);
        self
    }
}
