//! A folder on this machine's disk for as long as a run, or a session of the engine, takes.
//!
//! A run that is killed leaves its folder behind. The system drops the locks of a process when that
//! ends, so the folder of a dead run is the one whose lock can be had.

use std::fs::{self, File};
use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::time::SystemTime;

use tempfile::TempDir;

/// What the names of these folders begin with.
const PREFIX: &str = "tierline-";

/// The file that a living run has locked.
const LOCK: &str = "in-use.lock";

/// A folder that nobody else may look into; gone when dropped.
#[derive(Debug)]
pub struct ScratchFolder {
    /// Dropped first: some systems remove no file that is open.
    _lock: Option<File>,
    folder: TempDir,
}

impl ScratchFolder {
    /// A fresh folder below `parent`, or below the system's temporary folder.
    ///
    /// # Errors
    /// A disk on which it cannot be made.
    pub fn create(parent: Option<&FilePath>) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX);
        // Rows of users lie in it.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let folder = builder.tempdir_in(parent_or_default(parent))?;
        Ok(Self {
            _lock: locked(folder.path())?,
            folder,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &FilePath {
        self.folder.path()
    }
}

/// The lock of a new folder. Where locks cannot be had the folder has none, and is never taken for
/// that of a dead run.
fn locked(folder: &FilePath) -> io::Result<Option<File>> {
    let path = folder.join(LOCK);
    let lock = File::create_new(&path)?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(_) => fs::remove_file(path).map(|()| None),
    }
}

/// A folder that a dead run has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftFolder {
    /// Where it is.
    pub path: PathBuf,
    /// How many files it has.
    pub files: usize,
    /// Their bytes.
    pub size_bytes: u64,
    /// When something was last put into it.
    pub written: SystemTime,
}

impl LeftFolder {
    /// Those below `parent`, or the system's temporary folder, that were left before a time: one that
    /// is being made has no lock for a moment.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn list(parent: Option<&FilePath>, before: SystemTime) -> io::Result<Vec<Self>> {
        let mut left = Vec::new();
        for entry in fs::read_dir(parent_or_default(parent))? {
            let path = entry?.path();
            if is_named_so(&path)
                && is_left(&path)
                && let Ok(found) = Self::measure(path)
                && found.written < before
            {
                left.push(found);
            }
        }
        left.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(left)
    }

    fn measure(path: PathBuf) -> io::Result<Self> {
        let mut found = Self {
            files: 0,
            size_bytes: 0,
            written: fs::symlink_metadata(&path)?.modified()?,
            path,
        };
        let folder = found.path.clone();
        found.add_files_of(&folder)?;
        Ok(found)
    }

    /// The engine spills into folders of its own.
    fn add_files_of(&mut self, folder: &FilePath) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            self.written = self.written.max(metadata.modified()?);
            match metadata.is_dir() {
                true => self.add_files_of(&entry.path())?,
                false => {
                    self.files += 1;
                    self.size_bytes += metadata.len();
                }
            }
        }
        Ok(())
    }

    /// Removes the folder, unless a run has it after all.
    ///
    /// # Errors
    /// A disk that does not remove it.
    pub fn remove(&self) -> io::Result<()> {
        match is_left(&self.path) {
            true => fs::remove_dir_all(&self.path),
            false => Ok(()),
        }
    }
}

fn parent_or_default(parent: Option<&FilePath>) -> PathBuf {
    parent.map_or_else(std::env::temp_dir, FilePath::to_owned)
}

fn is_named_so(path: &FilePath) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(PREFIX))
}

/// Whether a folder has a lock that nobody holds. Anything else of that name is not ours to judge.
fn is_left(folder: &FilePath) -> bool {
    let lock = folder.join(LOCK);
    let is_folder = fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir());
    let has_lock = fs::symlink_metadata(&lock).is_ok_and(|found| found.is_file());
    is_folder && has_lock && File::open(lock).is_ok_and(|lock| lock.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn later() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40)
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_look_into_the_folder() {
        use std::os::unix::fs::PermissionsExt;

        let parent = TempDir::new().unwrap();
        let scratch = ScratchFolder::create(Some(parent.path())).unwrap();
        let mode = scratch.path().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn the_folder_of_a_living_run_is_not_taken_for_one_that_was_left() {
        let parent = TempDir::new().unwrap();
        let left = || LeftFolder::list(Some(parent.path()), later()).unwrap();
        let scratch = ScratchFolder::create(Some(parent.path())).unwrap();
        fs::write(scratch.path().join("rows.parquet"), "rows").unwrap();
        fs::create_dir(scratch.path().join("spilled")).unwrap();
        fs::write(scratch.path().join("spilled/run"), "more").unwrap();
        assert_eq!(left(), []);

        // What is there once a run was killed.
        let ScratchFolder { _lock, folder } = scratch;
        drop(_lock);
        let path = folder.keep();
        let [found] = &left()[..] else {
            panic!("one folder")
        };
        assert_eq!((&found.path, found.files, found.size_bytes), (&path, 3, 8));
        let before = LeftFolder::list(Some(parent.path()), found.written).unwrap();
        assert_eq!(before, []);
        found.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn folders_of_others_are_left_alone() {
        let parent = TempDir::new().unwrap();
        fs::create_dir(parent.path().join("tierline-demo")).unwrap();
        let of_others = parent.path().join("others");
        fs::create_dir(&of_others).unwrap();
        fs::write(of_others.join(LOCK), "").unwrap();
        assert_eq!(LeftFolder::list(Some(parent.path()), later()).unwrap(), []);
    }
}
