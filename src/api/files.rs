//! The definitions as YAML: printed, or one file each.

use std::io::{self, Write};
use std::path::Path;

use super::crds;

/// Prints every definition, or writes each into a file of its own in `directory`.
pub fn write(directory: Option<&Path>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (name, yaml) in documents()? {
        match directory {
            None => write!(out, "---\n{yaml}")?,
            Some(directory) => {
                std::fs::create_dir_all(directory)?;
                std::fs::write(directory.join(format!("{name}.yaml")), yaml)?;
            }
        }
    }
    out.flush()
}

/// Name and YAML of every definition.
pub fn documents() -> io::Result<Vec<(String, String)>> {
    let documents = crds().into_iter().map(|crd| {
        let yaml = serde_saphyr::to_string(&crd).map_err(io::Error::other)?;
        let yaml = if yaml.ends_with('\n') { yaml } else { format!("{yaml}\n") };
        Ok((crd.metadata.name.unwrap_or_default(), yaml))
    });
    documents.collect()
}
