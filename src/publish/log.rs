//! The entries of a table's log, read by their keys.
//!
//! A key is certain where a listing may lag behind. An entry that a power cut or a full disk cut
//! short is reported by name: taken for a commit without rows it would hide what was published. Cut at
//! the end of a line it still is an entry, so each of ours says in its first line how many actions
//! it has.

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::Value;

use crate::drafts::objects;

use super::PublishError;
use super::log_entry::{LogEntry, parse};
use super::place::Place;

/// The folder of a table's log.
pub(super) const LOG: &str = "_delta_log";

/// Where a log says which checkpoint readers begin with.
const LAST_CHECKPOINT: &str = "_last_checkpoint";

/// How many of the newest files of a log are looked at for one that was cut short.
const FILES_LOOKED_AT: usize = 50;

impl Place {
    /// Where the entry of a version is, from the root of the store.
    pub(super) fn entry_path(&self, version: i64) -> Path {
        let inner = Path::from(format!("{LOG}/{version:020}.json"));
        objects::below(&self.folder, &inner)
    }

    /// The bytes of an entry; none when there is no such version.
    pub(super) async fn entry(&self, version: i64) -> object_store::Result<Option<Bytes>> {
        self.bytes(&self.entry_path(version)).await
    }

    async fn bytes(&self, path: &Path) -> object_store::Result<Option<Bytes>> {
        match self.output.store.get(path).await {
            Ok(found) => found.bytes().await.map(Some),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The version of the checkpoint that readers begin with; none where the log names none.
    ///
    /// # Errors
    /// A store that fails.
    pub(super) async fn last_checkpoint(&self) -> Result<Option<i64>, PublishError> {
        let inner = Path::from(format!("{LOG}/{LAST_CHECKPOINT}"));
        let path = objects::below(&self.folder, &inner);
        let bytes = self.bytes(&path).await;
        let bytes = bytes.map_err(|source| self.output.failure("read", &path, source))?;
        let said: Option<Value> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(said.and_then(|said| said.get("version")?.as_i64()))
    }

    /// An entry as read; none when there is no such version.
    ///
    /// # Errors
    /// A store that fails, and [`PublishError::CutShort`].
    pub(super) async fn log_entry(&self, version: i64) -> Result<Option<LogEntry>, PublishError> {
        let path = self.entry_path(version);
        let bytes = self.entry(version).await;
        let bytes = bytes.map_err(|source| self.output.failure("read", &path, source))?;
        let Some(bytes) = bytes else {
            return Ok(None);
        };
        let actions = parse(&bytes).ok_or_else(|| self.cut_short(&path, bytes.len()))?;
        Ok(Some(LogEntry { version, actions }))
    }

    fn cut_short(&self, path: &Path, length: usize) -> PublishError {
        PublishError::CutShort {
            table: self.table_name(),
            path: self.output.url_of(path),
            length: length as u64,
        }
    }

    /// Why a log cannot be read, when one of its files was cut short or is gone.
    pub(super) async fn damage(&self) -> Option<PublishError> {
        let log = objects::below(&self.folder, &Path::from(LOG));
        let listed = self.output.store.list_with_delimiter(Some(&log)).await;
        let objects = listed.ok()?.objects.into_iter();
        let mut paths: Vec<Path> = objects.map(|file| file.location).collect();
        paths.sort();
        match self.cut_file(&paths).await {
            Some(cut) => Some(cut),
            None => self.missing_entry(&paths),
        }
    }

    /// The first commit that is missing between others, none of which a checkpoint stands for.
    fn missing_entry(&self, paths: &[Path]) -> Option<PublishError> {
        let numbered = |extension: &str| -> Vec<i64> {
            let paths = paths
                .iter()
                .filter(|path| path.extension() == Some(extension));
            let names = paths.filter_map(|path| path.filename()?.split('.').next());
            names.filter_map(|name| name.parse().ok()).collect()
        };
        let (entries, checkpoints) = (numbered("json"), numbered("parquet"));
        let first = checkpoints.into_iter().max().map_or(0, |last| last + 1);
        let last = entries.iter().copied().max()?;
        let missing = (first..last).find(|version| !entries.contains(version))?;
        Some(PublishError::EntryGone {
            table: self.table_name(),
            path: self.output.url_of(&self.entry_path(missing)),
        })
    }

    async fn cut_file(&self, paths: &[Path]) -> Option<PublishError> {
        for path in paths.iter().rev().take(FILES_LOOKED_AT) {
            let is_entry = path.extension() == Some("json");
            let is_checkpoint = path.extension() == Some("parquet");
            if !is_entry && !is_checkpoint && path.filename() != Some(LAST_CHECKPOINT) {
                continue;
            }
            let bytes = self.output.store.get(path).await.ok()?.bytes().await.ok()?;
            let is_whole = match is_checkpoint {
                true => bytes.ends_with(b"PAR1"),
                false => parse(&bytes).is_some(),
            };
            if is_whole {
                continue;
            }
            return Some(match is_entry {
                true => self.cut_short(path, bytes.len()),
                false => PublishError::CutCheckpoint {
                    table: self.table_name(),
                    path: self.output.url_of(path),
                },
            });
        }
        None
    }

    fn table_name(&self) -> String {
        self.folder.filename().unwrap_or_default().to_owned()
    }
}
