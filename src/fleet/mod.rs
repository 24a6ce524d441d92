//! Looking at whole clouds: one observer for each Ironic and identity, however many nodes there are.
//!
//! The cost of looking is one list request per 1,000 nodes and interval, whether the nodes rest or move, at start-up too.

pub mod clouds;
pub mod clues;
pub mod interest;
pub mod limits;
pub mod listed;
pub mod listing;
mod looking;
pub mod observer;
pub mod overview;
pub mod pace;
pub mod rooms;
pub mod shares;
pub mod snapshot;
mod texts;
pub mod turns;

pub use clouds::{CloudKey, Clouds};
pub use clues::Clue;
pub use interest::{Known, Note, ObjectKey};
pub use limits::Limits;
pub use observer::{Health, Observer};
pub use pace::Intervals;
pub use snapshot::Sight;
pub use turns::Turns;
