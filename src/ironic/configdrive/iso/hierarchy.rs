//! One of the two hierarchies of folders, with its path tables.
use std::collections::VecDeque;
use std::io::{self, Write};

use super::files::Files;
use super::names::{Named, Scheme};
use super::record::{Extent, PARENT, SELF, byte, record};
use super::rock_ridge::{self, Continuation};
use super::{SECTOR, fill, narrow, sectors};
use crate::ironic::configdrive::tree::{Entry, Folder as Entries};

pub(super) struct Hierarchy<'a> {
    pub(super) scheme: Scheme,
    /// Level by level, the root first: the order of the path tables.
    folders: Vec<Folder<'a>>,
    /// Bytes of a path table, and the first sectors of the two: low byte first, high byte first.
    pub(super) table_size: u32,
    pub(super) low_table: u32,
    pub(super) high_table: u32,
}

struct Folder<'a> {
    id: Vec<u8>,
    /// Position of its parent; the root is its own.
    parent: usize,
    children: Vec<Child<'a>>,
    /// Of its records, without what they are continued in.
    extent: Extent,
}

struct Child<'a> {
    id: Vec<u8>,
    name: &'a str,
    is: Is,
}

enum Is {
    /// By position.
    Folder(usize),
    /// By number.
    File(usize),
}

impl<'a> Hierarchy<'a> {
    pub(super) fn of(root: &'a Entries, files: &Files, scheme: Scheme) -> Self {
        let mut folders = Vec::new();
        let mut waiting = VecDeque::from([(SELF.to_vec(), 0, root)]);
        while let Some((id, parent, entries)) = waiting.pop_front() {
            let place = folders.len();
            let mut children = Vec::new();
            for Named { id, name, entry } in scheme.entries(entries) {
                let is = match entry {
                    Entry::File(content) => Is::File(files.number(content)),
                    Entry::Folder(inner) => {
                        waiting.push_back((id.clone(), place, inner));
                        Is::Folder(place + waiting.len())
                    }
                };
                children.push(Child { id, name, is });
            }
            folders.push(Folder {
                id,
                parent,
                children,
                extent: Extent::default(),
            });
        }
        Self {
            scheme,
            folders,
            table_size: 0,
            low_table: 0,
            high_table: 0,
        }
    }

    pub(super) fn place_tables(&mut self, next: &mut u32) {
        let size = self.table(u32::to_le_bytes, u16::to_le_bytes).len();
        self.table_size = narrow(size);
        self.low_table = *next;
        self.high_table = *next + sectors(size);
        *next += 2 * sectors(size);
    }

    pub(super) fn place_folders(&mut self, files: &Files, next: &mut u32) {
        let sizes: Vec<_> = (self.folders.iter())
            .map(|folder| self.records(folder, files))
            .map(|(records, more)| (records.len(), more.len()))
            .collect();
        for (folder, (records, more)) in self.folders.iter_mut().zip(sizes) {
            folder.extent = Extent {
                start: *next,
                length: narrow(records),
            };
            *next += sectors(records) + sectors(more);
        }
    }

    pub(super) fn write_tables(&self, to: &mut impl Write) -> io::Result<()> {
        let low = self.table(u32::to_le_bytes, u16::to_le_bytes);
        let high = self.table(u32::to_be_bytes, u16::to_be_bytes);
        for mut table in [low, high] {
            fill(&mut table);
            to.write_all(&table)?;
        }
        Ok(())
    }

    pub(super) fn write_folders(&self, files: &Files, to: &mut impl Write) -> io::Result<()> {
        for folder in &self.folders {
            let (records, more) = self.records(folder, files);
            to.write_all(&records)?;
            to.write_all(&more)?;
        }
        Ok(())
    }

    /// Where the root is.
    pub(super) fn root(&self) -> Extent {
        self.extent(0)
    }

    fn extent(&self, place: usize) -> Extent {
        self.folders
            .get(place)
            .map(|folder| folder.extent)
            .unwrap_or_default()
    }

    /// A path table (ECMA-119 9.4).
    fn table(&self, wide: fn(u32) -> [u8; 4], narrow: fn(u16) -> [u8; 2]) -> Vec<u8> {
        let mut table = Vec::new();
        for folder in &self.folders {
            let parent = u16::try_from(folder.parent + 1).unwrap_or(u16::MAX);
            table.extend([byte(folder.id.len()), 0]);
            table.extend(wide(folder.extent.start));
            table.extend(narrow(parent));
            table.extend(&folder.id);
            table.resize(table.len().next_multiple_of(2), 0);
        }
        table
    }

    /// The records of a folder and what they are continued in, both in full sectors. Their lengths do not depend on
    /// where anything is.
    fn records(&self, folder: &Folder, files: &Files) -> (Vec<u8>, Vec<u8>) {
        let Extent { start, length } = folder.extent;
        let mut more = Continuation {
            start: start + sectors(length as usize),
            bytes: Vec::new(),
        };
        let mut records = Vec::new();
        for record in self.each_record(folder, files, &mut more) {
            // A record does not cross into the next sector.
            if records.len() % SECTOR + record.len() > SECTOR {
                fill(&mut records);
            }
            records.extend(record);
        }
        fill(&mut records);
        fill(&mut more.bytes);
        (records, more.bytes)
    }

    fn each_record(&self, folder: &Folder, files: &Files, more: &mut Continuation) -> Vec<Vec<u8>> {
        let rock_ridge = self.scheme == Scheme::Plain;
        let is_root = folder.id == SELF;
        let here = match (rock_ridge, is_root) {
            (false, _) => Vec::new(),
            (true, true) => rock_ridge::root(links(folder), more),
            (true, false) => rock_ridge::itself(links(folder)),
        };
        let above = match self.folders.get(folder.parent) {
            Some(parent) if rock_ridge => rock_ridge::itself(links(parent)),
            _ => Vec::new(),
        };
        let mut records = vec![
            record(SELF, folder.extent, true, &here),
            record(PARENT, self.extent(folder.parent), true, &above),
        ];
        for child in &folder.children {
            let (extent, inner) = match child.is {
                Is::File(number) => (files.extent(number), None),
                Is::Folder(place) => (self.extent(place), self.folders.get(place)),
            };
            let system_use = if rock_ridge {
                rock_ridge::named(&child.id, child.name, inner.map(links), more)
            } else {
                Vec::new()
            };
            records.push(record(&child.id, extent, inner.is_some(), &system_use));
        }
        records
    }
}

/// As a file system counts them: its name, its `.`, and the `..` of each folder in it.
fn links(folder: &Folder) -> u32 {
    let inner = |child: &&Child| matches!(child.is, Is::Folder(_));
    2 + narrow(folder.children.iter().filter(inner).count())
}
