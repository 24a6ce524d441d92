//! Files and folders in memory, with names that every reader of a config drive understands.
use std::collections::BTreeMap;
use std::fmt;

/// How deep a tree may be: ISO 9660 allows eight levels of folders, the root among them.
const DEEPEST: usize = 8;

/// How long a name may be, UTF-16 units: Joliet's limit.
const LONGEST: usize = 64;

/// Why a path cannot be in a tree.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// A part of it is no name.
    #[error("{path:?}: {problem}")]
    Name {
        /// The path.
        path: String,
        /// What is wrong with a name in it.
        problem: &'static str,
    },
    /// Too many folders in each other.
    #[error("{path:?}: the folders are more than {DEEPEST} levels deep, the root counted")]
    Deep {
        /// The path.
        path: String,
    },
    /// A file is where a folder is to be, or the other way round.
    #[error("{path:?}: it is a file as well as a folder")]
    Both {
        /// The path.
        path: String,
    },
}

/// The files of a config drive. Their contents may be secret: never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tree {
    root: Folder,
}

pub(super) type Folder = BTreeMap<String, Entry>;

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Entry {
    File(Vec<u8>),
    Folder(Folder),
}

impl Tree {
    /// Puts a file at a path like `openstack/latest/user_data`, with the folders that it needs. A file that is there
    /// already is replaced.
    pub fn file(&mut self, path: &str, content: impl Into<Vec<u8>>) -> Result<(), TreeError> {
        let mut names = path.split('/');
        let name = names.next_back().unwrap_or_default();
        check(path, name)?;
        let entries = self.enter(path, names)?;
        if matches!(entries.get(name), Some(Entry::Folder(_))) {
            return Err(both(path));
        }
        entries.insert(name.to_owned(), Entry::File(content.into()));
        Ok(())
    }

    /// Puts a folder at a path, with the folders that it needs. One that is there already stays as it is.
    pub fn folder(&mut self, path: &str) -> Result<(), TreeError> {
        self.enter(path, path.split('/')).map(drop)
    }

    /// The content of the file at a path.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        let mut names = path.split('/');
        let name = names.next_back()?;
        let inner = names.try_fold(&self.root, |at, name| match at.get(name) {
            Some(Entry::Folder(inner)) => Some(inner),
            _ => None,
        })?;
        match inner.get(name) {
            Some(Entry::File(content)) => Some(content),
            _ => None,
        }
    }

    /// The paths of all files.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        collect(&self.root, "", &mut paths);
        paths
    }

    pub(super) const fn root(&self) -> &Folder {
        &self.root
    }

    /// The folder with these names, made if need be; `path` is what was asked for. A refusal leaves the tree as it was: what
    /// is in the way is in the way of a folder that is there.
    fn enter<'p>(
        &mut self,
        path: &str,
        names: impl Iterator<Item = &'p str> + Clone,
    ) -> Result<&mut Folder, TreeError> {
        for (level, name) in names.clone().enumerate() {
            check(path, name)?;
            // The root is level one already.
            if level + 2 > DEEPEST {
                return Err(TreeError::Deep {
                    path: path.to_owned(),
                });
            }
        }
        let mut at = &mut self.root;
        for name in names {
            at = match at
                .entry(name.to_owned())
                .or_insert_with(|| Entry::Folder(Folder::new()))
            {
                Entry::Folder(inner) => inner,
                Entry::File(_) => return Err(both(path)),
            };
        }
        Ok(at)
    }
}

fn both(path: &str) -> TreeError {
    TreeError::Both {
        path: path.to_owned(),
    }
}

fn collect(folder: &Folder, place: &str, paths: &mut Vec<String>) {
    for (name, entry) in folder {
        match entry {
            Entry::File(_) => paths.push(format!("{place}{name}")),
            Entry::Folder(inner) => collect(inner, &format!("{place}{name}/"), paths),
        }
    }
}

/// The rules of Joliet, whose names are the most limited of those that keep their spelling.
fn check(path: &str, name: &str) -> Result<(), TreeError> {
    let problem = if name.is_empty() {
        "a name in it is empty"
    } else if matches!(name, "." | "..") {
        "`.` and `..` are no names"
    } else if name.chars().any(|at| at.is_control() || "*:;?\\".contains(at)) {
        "a name in it has a control character or one of * : ; ? \\"
    } else if name.chars().any(|at| at.len_utf16() > 1) {
        "a name in it has a character beyond U+FFFF"
    } else if name.encode_utf16().count() > LONGEST {
        "a name in it is longer than 64 characters"
    } else {
        return Ok(());
    };
    Err(TreeError::Name {
        path: path.to_owned(),
        problem,
    })
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.paths()).finish()
    }
}
