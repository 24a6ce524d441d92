//! The decision checked: over every situation, over everything Ironic can do, and against mutants of itself.

mod advice;
mod compose;
mod era;
mod fields;
mod fixture;
mod ironic;
mod mutants;
mod permits;
mod policies;
mod power;
mod reach;
mod round;
mod safety;
mod table;
mod table_ends;
mod upkeep;
mod world;
