//! Whether the log of a Delta table is whole. Its reader takes a commit without bytes for one that
//! changes nothing, and says little of one that it cannot read.
//!
//! | in the log | the night |
//! |---|---|
//! | the newest commit is empty, or ends in the middle of a line | waits: it is being written, or its writer died |
//! | an older one is, or one is missing, or a checkpoint is empty | ends: the log is damaged |
//! | `_last_checkpoint` is there, and neither a checkpoint nor a commit | ends: the log is damaged |
//! | nothing that is read is there | waits: the table is being made |
//!
//! What a checkpoint holds already is not looked at. Empty and missing files show in the listing;
//! what commits hold is looked at only when the reader has failed.

use std::collections::BTreeMap;

use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};
use serde::de::IgnoredAny;

use crate::storage::{Location, StorageError};

/// Digits of a version in the name of a file.
const VERSION_DIGITS: usize = 20;

/// The files of a log that are read for the newest version.
#[derive(Debug, Default)]
pub(super) struct DeltaLog {
    /// The commits by version, those after the checkpoint.
    commits: BTreeMap<u64, ObjectMeta>,
    /// The newest checkpoint.
    checkpoint: Option<(u64, ObjectMeta)>,
    /// What names the newest checkpoint.
    pointer: Option<ObjectMeta>,
}

/// The folder of a log.
pub(super) const LOG_FOLDER: &str = "_delta_log";

/// The file that names the newest checkpoint.
const POINTER: &str = "_last_checkpoint";

/// What is wrong with a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogFault {
    /// The file.
    pub path: Path,
    /// What is wrong with it.
    pub what: String,
    /// Whether it may be a commit that is being written.
    pub is_newest: bool,
}

impl DeltaLog {
    /// The log among the objects of the table in `folder`.
    pub(super) fn among(objects: &[ObjectMeta], folder: &Path) -> Self {
        let mut log = Self::default();
        for object in objects {
            let parts = object.location.prefix_match(folder);
            let parts: Vec<_> = parts.into_iter().flatten().collect();
            let [log_folder, name] = parts.as_slice() else {
                continue;
            };
            if log_folder.as_ref() != LOG_FOLDER {
                continue;
            }
            if name.as_ref() == POINTER {
                log.pointer = Some(object.clone());
            }
            match version_and_kind(name.as_ref()) {
                Some((version, "json")) => {
                    log.commits.insert(version, object.clone());
                }
                Some((version, kind)) if kind.starts_with("checkpoint.") => {
                    let newest = log.checkpoint.as_ref().map(|(version, _)| *version);
                    if newest <= Some(version) {
                        log.checkpoint = Some((version, object.clone()));
                    }
                }
                _ => {}
            }
        }
        if let Some((checkpoint, _)) = &log.checkpoint {
            log.commits = log.commits.split_off(&(checkpoint + 1));
        }
        log
    }

    /// The newest version.
    pub(super) fn newest(&self) -> Option<u64> {
        let newest = self.commits.keys().next_back().copied();
        newest.or(self.checkpoint.as_ref().map(|(version, _)| *version))
    }

    /// Looks for files without bytes, and for versions without a commit.
    ///
    /// # Errors
    /// The first of them.
    pub(super) fn check(&self) -> Result<(), LogFault> {
        if let Some(pointer) = self.pointer.as_ref().filter(|_| self.newest().is_none()) {
            let what =
                "is alone in the log: the checkpoint that it names is not there, nor is any commit";
            return Err(fault(pointer, what.to_owned(), false));
        }
        let mut next = 0;
        if let Some((version, checkpoint)) = &self.checkpoint {
            if checkpoint.size == 0 {
                let what = "is a checkpoint without bytes".to_owned();
                return Err(fault(checkpoint, what, false));
            }
            next = version + 1;
        }
        for (version, commit) in &self.commits {
            if *version != next {
                let what = format!("is a commit after version {next}, which is missing");
                return Err(fault(commit, what, false));
            }
            if commit.size == 0 {
                let what = "is a commit without bytes".to_owned();
                return Err(fault(commit, what, self.newest() == Some(*version)));
            }
            next = version + 1;
        }
        Ok(())
    }

    /// Reads the commits, and finds the one that is not whole.
    ///
    /// # Errors
    /// A store that fails.
    pub(super) async fn cut_commit(
        &self,
        location: &Location,
    ) -> Result<Option<LogFault>, StorageError> {
        for (version, commit) in &self.commits {
            let path = &commit.location;
            let failure = |error| location.failure("read", path, error);
            let read = location.store.get(path).await.map_err(failure)?;
            let bytes = read.bytes().await.map_err(failure)?;
            let Some(line) = invalid_line(&bytes) else {
                continue;
            };
            let what = match line {
                InvalidLine::Last => "is a commit that ends in the middle of a line".to_owned(),
                InvalidLine::Before(number) => {
                    format!("is a commit whose line {number} is not JSON")
                }
            };
            let may_be_written = line == InvalidLine::Last && self.newest() == Some(*version);
            return Ok(Some(fault(commit, what, may_be_written)));
        }
        Ok(None)
    }
}

fn fault(object: &ObjectMeta, what: String, is_newest: bool) -> LogFault {
    LogFault {
        path: object.location.clone(),
        what,
        is_newest,
    }
}

/// `00000000000000000012.json` as 12 and `json`.
fn version_and_kind(name: &str) -> Option<(u64, &str)> {
    let (digits, kind) = name.split_once('.')?;
    let is_version = digits.len() == VERSION_DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
    let version = digits.parse().ok().filter(|_| is_version)?;
    Some((version, kind))
}

/// A line of a commit that is no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InvalidLine {
    Last,
    Before(usize),
}

fn invalid_line(commit: &[u8]) -> Option<InvalidLine> {
    let lines: Vec<&[u8]> = commit.split(|byte| *byte == b'\n').collect();
    let lines: Vec<&[u8]> = lines.into_iter().map(<[u8]>::trim_ascii).collect();
    let last = lines.iter().rposition(|line| !line.is_empty())?;
    let is_invalid =
        |line: &[u8]| !line.is_empty() && serde_json::from_slice::<IgnoredAny>(line).is_err();
    let invalid = lines.iter().position(|line| is_invalid(line))?;
    Some(match invalid == last {
        true => InvalidLine::Last,
        false => InvalidLine::Before(invalid + 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of files with these sizes.
    fn log(files: &[(&str, u64)]) -> DeltaLog {
        let objects = files.iter().map(|(name, size)| ObjectMeta {
            location: Path::from(format!("raw/orders/_delta_log/{name}")),
            last_modified: chrono::DateTime::UNIX_EPOCH,
            size: *size,
            e_tag: None,
            version: None,
        });
        DeltaLog::among(&objects.collect::<Vec<_>>(), &Path::from("raw/orders"))
    }

    fn commit(version: u64) -> String {
        format!("{version:020}.json")
    }

    fn fault(files: &[(&str, u64)]) -> Option<(String, bool)> {
        let fault = log(files).check().err();
        fault.map(|fault| (fault.what, fault.is_newest))
    }

    #[test]
    fn empty_and_missing_commits_are_faults() {
        let [zero, one, two, three] = [0, 1, 2, 3].map(commit);
        let checkpoint = format!("{:020}.checkpoint.parquet", 2);
        assert_eq!(fault(&[(&zero, 9), (&one, 9)]), None);
        let empty = |is_newest| Some(("is a commit without bytes".to_owned(), is_newest));
        assert_eq!(fault(&[(&zero, 9), (&one, 0)]), empty(true));
        assert_eq!(fault(&[(&zero, 9), (&one, 0), (&two, 9)]), empty(false));
        let gap = "is a commit after version 1, which is missing".to_owned();
        assert_eq!(fault(&[(&zero, 9), (&two, 9)]), Some((gap, false)));
        // What a checkpoint holds is cleaned up by and by.
        assert_eq!(fault(&[(&one, 0), (&checkpoint, 9), (&three, 9)]), None);
        let gap = "is a commit after version 0, which is missing".to_owned();
        assert_eq!(fault(&[(&three, 9)]), Some((gap, false)));
        let empty = "is a checkpoint without bytes".to_owned();
        assert_eq!(fault(&[(&checkpoint, 0)]), Some((empty, false)));
        let others = "00000000000000000001.crc";
        let pointer = ("_last_checkpoint", 9);
        let whole = log(&[(&zero, 9), (others, 0), pointer]);
        assert_eq!((whole.newest(), whole.check()), (Some(0), Ok(())));
        let alone =
            "is alone in the log: the checkpoint that it names is not there, nor is any commit";
        assert_eq!(fault(&[pointer]), Some((alone.to_owned(), false)));
        assert_eq!(
            (log(&[(others, 9)]).newest(), fault(&[(others, 9)])),
            (None, None)
        );
    }

    #[test]
    fn commits_are_lines_of_json() {
        assert_eq!(invalid_line(b"{\"a\":1}\n{\"b\":2}\n"), None);
        assert_eq!(invalid_line(b"{\"a\":1}\r\n\n{\"b\":2}"), None);
        assert_eq!(invalid_line(b"{\"a\":1}\n{\"b\":"), Some(InvalidLine::Last));
        assert_eq!(invalid_line(b"\0\0\0\0"), Some(InvalidLine::Last));
        assert_eq!(
            invalid_line(b"{\"a\":\n{\"b\":2}\n"),
            Some(InvalidLine::Before(1))
        );
    }
}
