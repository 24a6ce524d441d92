//! The decision checked: over every situation, over everything Ironic can do, and against mutants of itself.

mod compose;
mod fields;
mod fixture;
mod mutants;
mod reach;
mod safety;
mod table;
mod world;
