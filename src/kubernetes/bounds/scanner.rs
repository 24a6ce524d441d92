//! Finds the objects in a stream of JSON: the items of a list, or those of a watch. Everything between them is handed on as it is.

use bytes::Bytes;
use memchr::memchr2;

use super::object::Object;

/// What kind of answer it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// One document: a list, or else a single object that somebody asked for and wants whole.
    Document,
    /// One document for each event.
    Watch,
}

/// Names of keys longer than this are not told apart from each other; none that matters here is.
const KEY: usize = 256;

/// How many levels of a document have their keys followed.
const FOLLOWED: usize = 8;

/// A level of the document.
#[derive(Default)]
pub struct Level {
    /// Whether it is an object; otherwise an array.
    object: bool,
    /// Whether the next string is a key.
    key_next: bool,
    /// The key of the value at hand.
    pub key: Vec<u8>,
}

/// Where in a document a byte is.
#[derive(Default)]
pub struct Place {
    /// How many containers are open.
    pub depth: usize,
    /// The outermost of them.
    pub levels: Vec<Level>,
    in_string: bool,
    in_key: bool,
    escaped: bool,
}

/// What happened at a byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// A container begins; the place is inside of it.
    Open,
    /// A container ended; the place is outside of it.
    Close,
    /// A key is complete, and its value follows.
    Colon,
    /// The value at hand is complete.
    Comma,
    /// Nothing that matters.
    Other,
}

impl Place {
    /// Goes on by some of `bytes`, at least one, and says by how many and what happened at the last of them.
    pub fn step(&mut self, bytes: &[u8]) -> (usize, Step) {
        if self.in_string {
            return (self.string(bytes), Step::Other);
        }
        let Some(&byte) = bytes.first() else {
            return (0, Step::Other);
        };
        (1, self.structure(byte))
    }

    /// Goes on within a string, to its end or that of `bytes`.
    fn string(&mut self, bytes: &[u8]) -> usize {
        let length = if self.escaped {
            self.escaped = false;
            1
        } else {
            let found = memchr2(b'"', b'\\', bytes);
            match found.and_then(|found| bytes.get(found)) {
                Some(b'"') => self.in_string = false,
                Some(_) => self.escaped = true,
                None => {}
            }
            found.map_or(bytes.len(), |found| found + 1)
        };
        if self.in_key
            && let Some(level) = self.levels.last_mut()
        {
            let read = bytes.get(..length).unwrap_or_default();
            let read = if self.in_string {
                read
            } else {
                read.strip_suffix(b"\"").unwrap_or(read)
            };
            let room = KEY.saturating_sub(level.key.len()).min(read.len());
            level.key.extend_from_slice(read.get(..room).unwrap_or_default());
        }
        self.in_key &= self.in_string;
        length
    }

    fn structure(&mut self, byte: u8) -> Step {
        let followed = self.depth <= FOLLOWED;
        match byte {
            b'"' => {
                self.in_string = true;
                if followed
                    && let Some(level) = self.levels.last_mut()
                    && level.object
                    && level.key_next
                {
                    level.key.clear();
                    self.in_key = true;
                }
                Step::Other
            }
            b'{' | b'[' => {
                self.depth += 1;
                if self.depth <= FOLLOWED {
                    let object = byte == b'{';
                    self.levels.push(Level {
                        object,
                        key_next: object,
                        key: Vec::new(),
                    });
                }
                Step::Open
            }
            b'}' | b']' => {
                if followed {
                    self.levels.pop();
                }
                self.depth = self.depth.saturating_sub(1);
                Step::Close
            }
            b':' => {
                if let Some(level) = self.levels.last_mut().filter(|_| followed) {
                    level.key_next = false;
                }
                Step::Colon
            }
            b',' => {
                if let Some(level) = self.levels.last_mut().filter(|_| followed) {
                    level.key_next = level.object;
                }
                Step::Comma
            }
            _ => Step::Other,
        }
    }

    /// The key at this level, 0 being the outermost.
    pub fn key(&self, level: usize) -> &[u8] {
        self.levels
            .get(level)
            .map(|level| level.key.as_slice())
            .unwrap_or_default()
    }
}

/// What stands between the apiserver's bytes and the parser.
pub struct Scanner {
    answer: Answer,
    place: Place,
    /// The object at hand.
    object: Option<Object>,
    /// In the `managedFields` of a single object, which nobody reads: however deep they are, they are not handed on.
    skipping: bool,
}

impl Scanner {
    /// For one answer.
    pub fn new(answer: Answer) -> Self {
        Self {
            answer,
            place: Place::default(),
            object: None,
            skipping: false,
        }
    }

    /// Takes in what has arrived and returns what is handed on. An object is handed on when it is complete.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Bytes {
        let mut out = Vec::new();
        while !bytes.is_empty() {
            let (length, step) = self.place.step(bytes);
            let (read, rest) = bytes.split_at(length.clamp(1, bytes.len()));
            bytes = rest;
            self.take(read, step, &mut out);
        }
        Bytes::from(out)
    }

    fn take(&mut self, read: &[u8], step: Step, out: &mut Vec<u8>) {
        if let Some(object) = &mut self.object {
            object.take(read, step, &self.place);
            if object.is_over(&self.place) {
                out.append(&mut object.end());
                self.object = None;
            }
            return;
        }
        if self.skipping {
            let ends =
                step == Step::Comma && self.place.depth == 2 || step == Step::Close && self.place.depth == 1;
            if !ends {
                return;
            }
            self.skipping = false;
            out.extend_from_slice(b"null");
        }
        if step == Step::Open && self.begins() {
            let mut object = Object::new(self.place.depth);
            object.take(read, Step::Other, &self.place);
            self.object = Some(object);
            return;
        }
        out.extend_from_slice(read);
        let place = &self.place;
        self.skipping = step == Step::Colon
            && place.depth == 2
            && place.key(0) == b"metadata"
            && place.key(1) == b"managedFields";
    }

    /// Whether the container that was just opened is an object of the answer.
    fn begins(&self) -> bool {
        let place = &self.place;
        let is_object = |level: usize| place.levels.get(level).is_some_and(|level| level.object);
        match self.answer {
            Answer::Watch => place.depth == 2 && place.key(0) == b"object" && is_object(1),
            Answer::Document => place.depth == 3 && place.key(0) == b"items" && !is_object(1) && is_object(2),
        }
    }
}
