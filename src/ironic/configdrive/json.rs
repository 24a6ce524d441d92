//! JSON as Python's `json.dump` writes it, so that the files are the same whoever made them.
use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use crate::ironic::model::Object;

/// The text of an object; its keys are sorted.
pub(super) fn bytes(object: &Object) -> Vec<u8> {
    let mut text = Vec::new();
    // Neither a map with text for keys nor a vector can fail.
    let _written = object.serialize(&mut Serializer::with_formatter(&mut text, Python));
    text
}

/// A space after `,` and `:`, ASCII only, and Python's way with exponents.
struct Python;

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        to.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.begin_array_value(to, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        to.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, to: &mut W, fragment: &str) -> io::Result<()> {
        for character in fragment.chars() {
            if matches!(character, ' '..='~') {
                write!(to, "{character}")?;
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(to, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }

    fn write_f64<W: ?Sized + Write>(&mut self, to: &mut W, value: f64) -> io::Result<()> {
        // Rust and Python turn to exponents at the same numbers, but 1e16 is 1e+16 and 1e-5 is 1e-05 there.
        let text = format!("{value:?}");
        let Some((digits, exponent)) = text.split_once('e') else {
            return to.write_all(text.as_bytes());
        };
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        write!(to, "{digits}e{sign}{exponent:0>2}")
    }
}
