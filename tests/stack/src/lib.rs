//! Starts the real parts that ironwright is tested on.
