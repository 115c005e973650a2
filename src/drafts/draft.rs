//! A finished draft: the files that one commit will make visible.

use std::sync::Arc;

use deltalake_core::kernel::Add;
use futures::{StreamExt, stream};
use object_store::ObjectStoreExt;
use object_store::path::Path;

#[cfg(feature = "cluster")]
use super::Dating;
use super::{DraftError, TableSpec, contract, objects};
use crate::ground::SnapshotDate;
use crate::storage::{Location, StorageError};

/// Files that are copied side by side.
const COPIES_AT_ONCE: usize = 8;

/// Files of a table that no reader sees until they are committed.
#[derive(Debug)]
pub struct Draft {
    spec: Arc<TableSpec>,
    date: Option<SnapshotDate>,
    files: Vec<DraftFile>,
}

/// One file of a draft.
#[derive(Debug)]
pub struct DraftFile {
    /// Where the file is, from the root of the store.
    pub path: Path,
    /// What was written, as the log of the table will say.
    pub size_bytes: u64,
    /// How many rows were written to it.
    pub rows: u64,
    /// The same file as the table's log will name it.
    add: Add,
}

/// The files of a draft, each as the table's log will name it, and with its count of rows.
#[cfg(feature = "cluster")]
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct DraftParts(Vec<(Add, u64)>);

impl Draft {
    /// The files that `additions` name, each with its count of rows.
    pub(super) fn new(
        output: &Location,
        spec: Arc<TableSpec>,
        date: Option<SnapshotDate>,
        additions: Vec<(Add, u64)>,
    ) -> Self {
        let folder = objects::table_folder(output, spec.name());
        let files = additions.into_iter().map(|(add, rows)| DraftFile {
            path: objects::below(&folder, &Path::from(add.path.as_str())),
            size_bytes: add.size.cast_unsigned(),
            rows,
            add,
        });
        Self {
            spec,
            date,
            files: files.collect(),
        }
    }

    /// Adds the files of a draft of the same table and date, whose rows come after these.
    pub fn add(&mut self, others: Self) {
        self.files.extend(others.files);
    }

    /// The table these files are for.
    pub fn spec(&self) -> &Arc<TableSpec> {
        &self.spec
    }

    /// The snapshot date of every row; none in an undated table.
    pub fn date(&self) -> Option<SnapshotDate> {
        self.date
    }

    /// The files, none of them empty.
    pub fn files(&self) -> &[DraftFile] {
        &self.files
    }

    /// The rows of all files.
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// The files as the table's log will name them.
    pub(crate) fn additions(&self) -> impl Iterator<Item = &Add> {
        self.files.iter().map(|file| &file.add)
    }

    /// A draft of another table with the same rows, copied within the store.
    ///
    /// # Errors
    /// [`DraftError::Contract`] when the other table's files have other columns, and
    /// [`DraftError::Storage`] when the store did not copy; then nothing is left behind.
    pub async fn copy_as(
        &self,
        output: &Location,
        spec: &Arc<TableSpec>,
    ) -> Result<Self, DraftError> {
        contract::exactly(spec.name(), &spec.file_schema(), &self.spec.file_schema())?;
        let additions = self.files.iter().map(|file| (file.add.clone(), file.rows));
        let copy = Self::new(output, Arc::clone(spec), self.date, additions.collect());
        if let Err(failure) = copy.fill_from(self, output).await {
            if let Err(error) = copy.discard(output).await {
                tracing::warn!(%error, "files of a failed copy are left");
            }
            return Err(failure.into());
        }
        Ok(copy)
    }

    async fn fill_from(&self, original: &Self, output: &Location) -> Result<(), StorageError> {
        let files = original.files.iter().zip(&self.files);
        let copies = files.map(|(from, to)| async {
            let copied = output.store.copy(&from.path, &to.path).await;
            copied.map_err(|source| output.failure("copy", &from.path, source))
        });
        let copied = stream::iter(copies).buffer_unordered(COPIES_AT_ONCE);
        // All of them are done before any is removed.
        let copied: Vec<Result<(), StorageError>> = copied.collect().await;
        copied.into_iter().collect()
    }

    /// The files as another process is told of them, which makes them [a draft](Self::of_parts) of the same
    /// table and date.
    #[cfg(feature = "cluster")]
    pub(crate) fn into_parts(self) -> DraftParts {
        let files = self.files.into_iter();
        DraftParts(files.map(|file| (file.add, file.rows)).collect())
    }

    /// The draft whose files another process has written.
    #[cfg(feature = "cluster")]
    pub(crate) fn of_parts(
        output: &Location,
        spec: &Arc<TableSpec>,
        date: SnapshotDate,
        parts: DraftParts,
    ) -> Self {
        let date = (spec.dating() != Dating::Undated).then_some(date);
        Self::new(output, Arc::clone(spec), date, parts.0)
    }

    /// Deletes the files of a draft that will not be committed.
    ///
    /// # Errors
    /// When the store did not delete; files that are left are in no table, only in the way.
    pub async fn discard(&self, output: &Location) -> Result<(), StorageError> {
        let paths = self.files.iter().map(|file| file.path.clone());
        objects::delete(output, paths.collect()).await
    }
}

/// Removes drafts that will not be committed.
pub(crate) async fn discard(output: &Location, drafts: Vec<Draft>) {
    for draft in drafts {
        if let Err(error) = draft.discard(output).await {
            let table = draft.spec().name();
            tracing::warn!(table.name = table, %error, "files of a discarded draft are left");
        }
    }
}
