//! Files of the export before in which somebody has worked since, such as with a column of notes: the next
//! export keeps them under another name.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};
use sha2::{Digest, Sha256};

use crate::night::NightError;
use crate::storage::Location;

use super::manifest::{KeptFile, NamedFile, hex};

/// How many files are asked for at once.
const HEADS_AT_ONCE: usize = 16;

/// Copies each file that is not as the manifest says, and was changed after that was written.
///
/// # Errors
/// A store that fails.
pub(super) async fn keep_changed(
    location: &Location,
    named: &[NamedFile],
    written: DateTime<Utc>,
    path_of: impl Fn(&str) -> Path,
) -> Result<Vec<KeptFile>, NightError> {
    let paths = named.iter().map(|file| path_of(&file.name));
    let found = stream::iter(paths).map(|path| head(location, path));
    let found: Vec<_> = found.buffered(HEADS_AT_ONCE).try_collect().await?;
    let mut kept = Vec::new();
    for (file, found) in named.iter().zip(found) {
        let Some(found) = found.filter(|found| found.last_modified > written) else {
            continue;
        };
        let path = found.location;
        if digest(location, &path).await? != file.sha256 {
            let kept_as = free_name(location, &file.name, &path_of).await?;
            let copied = location.store.copy(&path, &path_of(&kept_as)).await;
            copied.map_err(|error| location.failure("copy", &path, error))?;
            let name = file.name.clone();
            kept.push(KeptFile { name, kept_as });
        }
    }
    Ok(kept)
}

async fn head(location: &Location, path: Path) -> Result<Option<ObjectMeta>, NightError> {
    match location.store.head(&path).await {
        Ok(found) => Ok(Some(found)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(location.failure("read", &path, error).into()),
    }
}

async fn digest(location: &Location, path: &Path) -> Result<String, NightError> {
    let failed = |error| location.failure("read", path, error);
    let found = location.store.get(path).await.map_err(failed)?;
    let add = |mut digest: Sha256, bytes: Bytes| async move {
        digest.update(&bytes);
        Ok(digest)
    };
    let read = found.into_stream().try_fold(Sha256::new(), add).await;
    Ok(hex(&read.map_err(failed)?.finalize()))
}

/// `calls.csv.changed`, or with a number behind it.
async fn free_name(
    location: &Location,
    name: &str,
    path_of: impl Fn(&str) -> Path,
) -> Result<String, NightError> {
    let mut free = format!("{name}.changed");
    let mut number = 1;
    while head(location, path_of(&free)).await?.is_some() {
        number += 1;
        free = format!("{name}.changed-{number}");
    }
    Ok(free)
}
