//! Who wants to know of every request.
use super::Route;

/// How one attempt of a request ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RequestOutcome {
    /// What was asked.
    pub route: &'static Route,
    /// The HTTP status; none: no answer.
    pub status: Option<u16>,
    /// How long it took, without the wait for a slot.
    pub seconds: f64,
    /// Which attempt of the call, from one.
    pub attempt: u32,
}

/// Told of every attempt of every request, from the task that made it: must not block.
pub trait Observe: Send + Sync {
    /// An attempt ended.
    fn request(&self, outcome: &RequestOutcome);
}

/// Nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observe for Unobserved {
    fn request(&self, _: &RequestOutcome) {}
}
