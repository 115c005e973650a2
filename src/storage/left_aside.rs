//! Files that a killed process has left next to those that it was about to write.
//!
//! On a disk a file is written as `<name>#1`, and gets its name once it is whole. No listing of the
//! store has such names, and no key names them, so they are looked for, and removed, on the disk
//! itself.

use std::fs;
use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::time::SystemTime;

use object_store::local::LocalFileSystem;
use object_store::path::Path;

use super::Location;

/// What the root of a disk looks like.
const DISK: &str = "file://";

/// A file that never got its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileAside {
    /// Where it is on the disk.
    pub path: PathBuf,
    /// Its bytes so far.
    pub size_bytes: u64,
    /// When they were last written.
    pub written: SystemTime,
}

impl FileAside {
    /// Those below some folders of a location that nobody has written to since a time; there are none
    /// but on a disk.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn list(
        location: &Location,
        folders: &[Path],
        before: SystemTime,
    ) -> io::Result<Vec<Self>> {
        let mut found = Vec::new();
        if !location.root.as_str().starts_with(DISK) {
            return Ok(found);
        }
        let disk = LocalFileSystem::new();
        for folder in folders {
            let folder = disk.path_to_filesystem(folder);
            collect(&folder.map_err(io::Error::other)?, &mut found)?;
        }
        found.retain(|file| file.written < before);
        found.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    }

    /// Removes the file.
    ///
    /// # Errors
    /// A disk that does not remove it.
    pub fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Finds them below a folder, which need not be there.
fn collect(folder: &FilePath, found: &mut Vec<FileAside>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), found)?;
        } else if kind.is_file() && entry.file_name().to_str().is_some_and(is_aside) {
            let file = entry.metadata()?;
            found.push(FileAside {
                path: entry.path(),
                size_bytes: file.len(),
                written: file.modified()?,
            });
        }
    }
    Ok(())
}

/// Whether it is the name of a file of tierline's, and a number.
fn is_aside(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(name, number)| {
        let is_ours = name.ends_with(".parquet") || name.ends_with(".json");
        is_ours && !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_aside_is_that_of_a_file_and_a_number() {
        for name in ["a-b.parquet#1", "last-publication.json#12"] {
            assert!(is_aside(name), "{name}");
        }
        for name in ["a-b.parquet", "a.parquet#", "a.parquet#x", "notes#1", "#1"] {
            assert!(!is_aside(name), "{name}");
        }
    }
}
