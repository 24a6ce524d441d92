//! One object on its way: what of it is kept, and whether it is within the bounds.

use serde_json::json;

use super::super::ANNOTATIONS;
use super::scanner::{Place, Step};
use super::{FIELD_BYTES, FIELD_LEVELS, OBJECT_BYTES, OBJECT_VALUES, REFUSED, STATUS_BYTES, WIDE_FIELDS};

/// What an outline has of an object that is refused.
const OUTLINE: &[(&str, &[&str])] = &[
    (
        "metadata",
        &[
            "creationTimestamp",
            "deletionTimestamp",
            "finalizers",
            "generation",
            "name",
            "namespace",
            "resourceVersion",
            "uid",
        ],
    ),
    ("spec", &["cloudRef", "deletionPolicy"]),
    ("status", &["conditions", "observedGeneration"]),
];

/// Bytes and levels of one part of an outline, at most; what is beyond is left out of it.
const PART_BYTES: usize = 16 * 1024;
const PART_LEVELS: usize = 4;

/// A part of the outline.
struct Part {
    place: (&'static str, &'static str),
    text: Vec<u8>,
    whole: bool,
}

/// An object that has begun and is not over.
pub struct Object {
    /// How many containers are open within it, itself being one.
    outer: usize,
    kept: Vec<u8>,
    outline: Vec<Part>,
    /// Whether the value at hand belongs to the last part of the outline.
    in_part: bool,
    /// The depth at which the value that is left out ends.
    skipping: Option<usize>,
    bytes: usize,
    values: usize,
    /// The same of the status.
    status_bytes: usize,
    status_values: usize,
    /// The bytes before the field that is at hand.
    field_began: Option<usize>,
    refused: Option<String>,
}

impl Object {
    /// One that was opened as the `depth`-th container.
    pub fn new(depth: usize) -> Self {
        Self {
            outer: depth,
            kept: Vec::new(),
            outline: Vec::new(),
            in_part: false,
            skipping: None,
            bytes: 0,
            values: 0,
            status_bytes: 0,
            status_values: 0,
            field_began: None,
            refused: None,
        }
    }

    /// Whether its end was taken.
    pub fn is_over(&self, place: &Place) -> bool {
        place.depth < self.outer
    }

    /// What is handed on: all that was kept of it, or its outline.
    pub fn end(&mut self) -> Vec<u8> {
        let Some(why) = self.refused.take() else {
            return std::mem::take(&mut self.kept);
        };
        let mut out = format!("{{{}:{}", json!(REFUSED), json!(why)).into_bytes();
        for (group, _) in OUTLINE {
            out.extend_from_slice(format!(",{}:{{", json!(group)).as_bytes());
            let parts = self
                .outline
                .iter()
                .filter(|part| part.whole && part.place.0 == *group);
            for (index, part) in parts.enumerate() {
                let comma = if index == 0 { "" } else { "," };
                out.extend_from_slice(format!("{comma}{}:", json!(part.place.1)).as_bytes());
                out.extend_from_slice(&part.text);
            }
            out.push(b'}');
        }
        out.push(b'}');
        out
    }

    /// Takes what was read next. `place` is where it ended.
    pub fn take(&mut self, read: &[u8], step: Step, place: &Place) {
        self.finish_value(step, place);
        if self.skipping.is_none() {
            self.keep(read, place);
            self.weigh(read, step, place);
        }
        if step == Step::Colon {
            self.begin_value(place);
        }
    }

    /// A value ends before what follows it.
    fn finish_value(&mut self, step: Step, place: &Place) {
        // The depth at which the container of the value is.
        let ended = match step {
            Step::Comma => place.depth,
            Step::Close => place.depth + 1,
            Step::Open | Step::Colon | Step::Other => return,
        };
        if self.skipping == Some(ended) {
            self.skipping = None;
        }
        if ended == self.outer + 1 {
            (self.in_part, self.field_began) = (false, None);
        }
    }

    /// A value begins in one of the outer levels: it may be left out, or belong to the outline.
    fn begin_value(&mut self, place: &Place) {
        let key = |level: usize| place.key(self.outer - 1 + level);
        let within = place.depth.saturating_sub(self.outer);
        if self.skipping.is_some() {
            return;
        }
        if within == 1 {
            self.field_began = Some(self.bytes);
            let found = OUTLINE
                .iter()
                .filter(|(group, _)| group.as_bytes() == key(0))
                .flat_map(|(group, names)| names.iter().map(move |name| (*group, *name)))
                .find(|(_, name)| name.as_bytes() == key(1));
            if let Some(part) = found {
                self.in_part = true;
                self.outline.push(Part {
                    place: part,
                    text: Vec::new(),
                    whole: true,
                });
            }
        }
        let instead: &[u8] = match within {
            1 if key(0) == b"metadata" && key(1) == b"managedFields" => b"null",
            2 if key(0) == b"metadata"
                && key(1) == b"annotations"
                && !key(2).starts_with(ANNOTATIONS.as_bytes()) =>
            {
                b"\"\""
            }
            _ => return,
        };
        self.skipping = Some(place.depth);
        if self.refused.is_none() {
            self.kept.extend_from_slice(instead);
        }
    }

    fn keep(&mut self, read: &[u8], place: &Place) {
        if self.refused.is_none() {
            self.kept.extend_from_slice(read);
        }
        if let Some(part) = self.outline.last_mut().filter(|_| self.in_part) {
            part.text.extend_from_slice(read);
            let levels = place.depth.saturating_sub(self.outer + 1);
            if part.text.len() > PART_BYTES || levels > PART_LEVELS {
                (part.whole, part.text) = (false, Vec::new());
            }
        }
    }

    fn weigh(&mut self, read: &[u8], step: Step, place: &Place) {
        if self.refused.is_some() {
            return;
        }
        // An escape is one character, as it is for whoever wrote it.
        let bytes = read.strip_suffix(b"\\").unwrap_or(read).len();
        let values = usize::from(matches!(step, Step::Comma | Step::Open));
        if place.depth > self.outer && place.key(self.outer - 1) == b"status" {
            self.status_bytes += bytes;
            self.status_values += values;
        } else {
            self.bytes += bytes;
            self.values += values;
        }
        let key = |level: usize| place.key(self.outer - 1 + level);
        let in_field = place.depth > self.outer && key(0) == b"spec";
        let field = || {
            let text = |level: usize| String::from_utf8_lossy(key(level));
            if in_field {
                format!("spec.{}", text(1))
            } else {
                text(0).into_owned()
            }
        };
        let levels = place.depth.saturating_sub(self.outer + 1);
        let field_bytes = self.field_began.map_or(0, |began| self.bytes - began);
        let why = if levels > FIELD_LEVELS {
            format!("{} nests deeper than {FIELD_LEVELS} levels", field())
        } else if in_field
            && field_bytes > FIELD_BYTES
            && !WIDE_FIELDS.iter().any(|wide| wide.as_bytes() == key(1))
        {
            format!("{} takes more than {} KiB", field(), FIELD_BYTES / 1024)
        } else if self.bytes > OBJECT_BYTES {
            format!("the object takes more than {} KiB", OBJECT_BYTES / 1024)
        } else if self.status_bytes > STATUS_BYTES || self.status_values > OBJECT_VALUES {
            format!(
                "its status takes more than {} KiB or holds more than {OBJECT_VALUES} values",
                STATUS_BYTES / 1024
            )
        } else if self.values > OBJECT_VALUES {
            format!("the object holds more than {OBJECT_VALUES} values")
        } else {
            return;
        };
        self.refused = Some(why);
        self.kept = Vec::new();
    }
}
