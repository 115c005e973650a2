//! The objects of tables and drafts: where they are, and how to be rid of them.

use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;

use crate::ground::{Layout, interruption};
use crate::storage::{Location, StorageError};

/// The folder of a published table.
pub(crate) fn table_folder(output: &Location, table: &str) -> Path {
    Layout::below(output.path.clone()).table(table)
}

/// The path `inner` of a folder.
pub(crate) fn below(folder: &Path, inner: &Path) -> Path {
    folder.parts().chain(inner.parts()).collect()
}

/// Deletes `paths`; one that is gone already is no error.
pub(crate) async fn delete(output: &Location, paths: Vec<Path>) -> Result<(), StorageError> {
    let requests = stream::iter(paths.into_iter().map(Ok)).boxed();
    let mut answers = output.store.delete_stream(requests);
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
            Err(source) => return Err(output.failure("delete", &output.path, source)),
        }
    }
    Ok(())
}

/// Deletes everything below `folder`, also once everything else is given up.
pub(super) async fn delete_folder(output: &Location, folder: &Path) -> Result<(), StorageError> {
    let _held_off = interruption().held_off();
    let objects = output.store.list(Some(folder));
    let paths = objects
        .map_ok(|object| object.location)
        .try_collect()
        .await
        .map_err(|source| output.failure("list", folder, source))?;
    delete(output, paths).await
}
