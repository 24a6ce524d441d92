//! In which order things were asked.

/// The place of a request in the order in which one client's requests were *started*.
///
/// A value read by a request with a higher stamp than that of a finished write includes the write; one with a
/// lower stamp may not. Stamps of different clients have nothing to do with each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(u64);

impl Stamp {
    /// Before every request.
    pub const ZERO: Self = Self(0);

    /// The `place`-th request, counted from one.
    pub const fn new(place: u64) -> Self {
        Self(place)
    }

    /// The place, for logs.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// A value and the stamp of the request that read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<T> {
    /// What Ironic answered.
    pub value: T,
    /// When it was asked.
    pub asked: Stamp,
}

impl<T> Seen<T> {
    /// Another value from the same answer.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Seen<U> {
        Seen {
            value: change(self.value),
            asked: self.asked,
        }
    }
}
