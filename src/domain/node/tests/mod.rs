//! The decision checked: over every situation, over everything Ironic can do, and against mutants of itself.

mod advice;
mod compose;
mod credentials;
mod drift;
mod era;
mod fields;
mod fixture;
mod inspection;
mod ironic;
mod limits;
mod marks;
mod mutants;
mod permits;
mod policies;
mod power;
mod reach;
mod rescue;
mod round;
mod safety;
mod table;
mod table_ends;
mod tries;
mod upkeep;
mod waits;
mod wishes;
mod world;
