//! An ISO 9660 image (ECMA-119) with Joliet and Rock Ridge (RRIP_1991A), laid out in memory and written
//! from front to back.
//!
//! Two hierarchies of folders share the files: the plain one, whose records carry the Rock Ridge entries, and
//! Joliet's. Files of the same content share their sectors, which halves a drive that holds two metadata versions.
mod files;
mod hierarchy;
mod names;
mod record;
mod rock_ridge;
mod volume;

use std::io::{self, Write};

use super::{Error, LARGEST_IMAGE, Tree};
use files::Files;
use hierarchy::Hierarchy;
use names::Scheme;

/// Bytes of a sector, and of a logical block.
const SECTOR: usize = 2048;

/// Sectors at the beginning that the standard leaves to others.
const SYSTEM_AREA: u32 = 16;

/// The volume descriptors: the primary one, Joliet's, and the one that ends them.
const DESCRIPTORS: u32 = 3;

/// A whole image, ready to be written.
pub(super) struct Image<'a> {
    plain: Hierarchy<'a>,
    joliet: Hierarchy<'a>,
    files: Files<'a>,
    /// Sectors of all of it.
    sectors: u32,
}

impl<'a> Image<'a> {
    /// Finds a place for everything.
    pub(super) fn of(tree: &'a Tree) -> Result<Self, Error> {
        // Files that are too large by far do not get to where sizes are 32 bits wide.
        let files = Files::of(tree.root());
        within_limit(files.bytes())?;
        let mut image = Self {
            plain: Hierarchy::of(tree.root(), &files, Scheme::Plain),
            joliet: Hierarchy::of(tree.root(), &files, Scheme::Joliet),
            files,
            sectors: 0,
        };
        let mut next = SYSTEM_AREA + DESCRIPTORS;
        image.plain.place_tables(&mut next);
        image.joliet.place_tables(&mut next);
        image.plain.place_folders(&image.files, &mut next);
        image.joliet.place_folders(&image.files, &mut next);
        image.files.place(&mut next);
        image.sectors = next;
        within_limit(image.size())?;
        Ok(image)
    }

    /// Bytes.
    pub(super) fn size(&self) -> u64 {
        u64::from(self.sectors) * SECTOR as u64
    }

    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        for _ in 0..SYSTEM_AREA {
            to.write_all(&[0; SECTOR])?;
        }
        to.write_all(&volume::descriptor(&self.plain, self.sectors))?;
        to.write_all(&volume::descriptor(&self.joliet, self.sectors))?;
        to.write_all(&volume::terminator())?;
        self.plain.write_tables(to)?;
        self.joliet.write_tables(to)?;
        self.plain.write_folders(&self.files, to)?;
        self.joliet.write_folders(&self.files, to)?;
        self.files.write(to)
    }
}

const fn within_limit(size: u64) -> Result<(), Error> {
    if size > LARGEST_IMAGE {
        return Err(Error::TooLarge { size });
    }
    Ok(())
}

/// How many sectors that many bytes take.
fn sectors(bytes: usize) -> u32 {
    narrow(bytes.div_ceil(SECTOR))
}

/// Sizes are at most those of the largest image.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Fills up the last sector with zeros.
fn fill(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(SECTOR), 0);
}
