//! The last publication that is known to be in, kept next to the tables.
//!
//! Two things leave the same tables: a run that died before the last of its commits, and a
//! publication whose commit somebody has since removed from the log of `publications`. Only the
//! second has come as far as this record, which is written once that commit is in.
//!
//! | `publications` end with | the record | a commit of publication 12 in a table |
//! |---|---|---|
//! | 12 | 11 or 12 | is published |
//! | 11 | 11, or none | is of a run that died |
//! | 11 | 12 | was published: nothing is undone |
//!
//! One that cannot be read is refused. A record that is missing or behind protects less, and harms
//! nobody: a crash may come between, and of two runs the slower may write last. One that is ahead of tables which agree with one
//! another is of a time before these were restored from a copy: whoever publishes next takes it back
//! before the first commit.
//!
//! `last-publication.json`:
//!
//! ```json
//! {"format": 1, "run_id": "2026-11-19-81fb40b71f30", "sequence": 2, "snapshot_date": "2026-11-19"}
//! ```
//!
//! | field | |
//! |---|---|
//! | `format` | 1; a record of another is refused |
//! | `sequence` | the number of the publication; all that is read |
//! | `snapshot_date`, `run_id` | its date and its run, for people |

use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use crate::ground::Layout;
use crate::storage::Location;

use super::{Publication, Publications, PublishError};

/// The form of the record.
const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct LastPublication {
    format: u32,
    sequence: i64,
    snapshot_date: String,
    run_id: String,
}

/// Puts on record that a publication is in. A store that fails is logged, and the run does not
/// fail: the date is published.
pub(super) async fn keep(output: &Location, publication: &Publication) {
    let record = LastPublication {
        format: FORMAT,
        sequence: publication.sequence,
        snapshot_date: publication.snapshot_date.to_string(),
        run_id: publication.run_id.clone(),
    };
    let path = path(output);
    let text = serde_json::json!(record).to_string();
    if let Err(source) = output.store.put(&path, text.into()).await {
        let error = output.failure("write", &path, source);
        tracing::warn!(%error, "cannot put the last publication on record");
    }
}

/// Takes a record back that is ahead of publications with which all tables agree.
///
/// # Errors
/// A store that fails: a run that dies would be taken for one that has published.
pub(super) async fn take_back(
    output: &Location,
    publications: &Publications,
) -> Result<(), PublishError> {
    if read(output).await? < Some(publications.next_sequence()) {
        return Ok(());
    }
    let path = path(output);
    match output.store.delete(&path).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(source) => Err(output.failure("delete", &path, source).into()),
    }
}

/// Where the record is.
pub(super) fn path(output: &Location) -> Path {
    Layout::below(output.path.clone()).last_publication()
}

/// The number of the last publication on record; none where there is no record.
///
/// # Errors
/// A store that fails, and a record that says nothing: what it protects would be undone.
pub(super) async fn read(output: &Location) -> Result<Option<i64>, PublishError> {
    let path = path(output);
    let found = match output.store.get(&path).await {
        Ok(found) => found.bytes().await,
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(error) => Err(error),
    };
    let bytes = found.map_err(|source| output.failure("read", &path, source))?;
    let record = serde_json::from_slice::<LastPublication>(&bytes);
    let damaged = |reason: String| PublishError::LastPublication {
        path: output.url_of(&path),
        reason,
    };
    let record = record.map_err(|error| damaged(error.to_string()))?;
    match record.format {
        FORMAT => Ok(Some(record.sequence)),
        other => Err(damaged(format!("it has format {other}, not {FORMAT}"))),
    }
}
