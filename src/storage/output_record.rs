//! What is on record of an output: whose it is, and that its store was tried.
//!
//! `output.json`:
//!
//! ```json
//! {"format": 1, "job": "production", "store": "s3://bucket/", "conditional_put_checked_at": "2026-11-20T02:30:04Z"}
//! ```
//!
//! | field | |
//! |---|---|
//! | `format` | 1; a record of another is refused |
//! | `job` | the name of the job that publishes here; that of another is refused |
//! | `store` | the root of the store, and its endpoint where `AWS_*` variables give one; another is tried |
//! | `conditional_put_checked_at` | when it was [tried](super::conditional_put), by its own clock; for people |

use chrono::SecondsFormat;
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt, PutMode, PutOptions};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ground::Layout;

use super::conditional_put::{create_twice, name_of};
use super::{Location, StorageError};

/// The form of the record.
const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    format: u32,
    job: String,
    store: String,
    conditional_put_checked_at: String,
}

/// Sees to it, before a job writes to its output, that no other job does, and that the store refuses to
/// create what is there. What is on record is not tried again.
///
/// # Errors
/// [`StorageError::OtherJob`], [`StorageError::NoConditionalPut`], a record that cannot be read, and a store
/// that fails.
pub async fn claim_output(output: &Location, job: &str) -> Result<(), StorageError> {
    let path = Layout::below(output.path.clone()).output_record();
    let store = name_of(output);
    let known = read(output, &path).await?;
    if let Some(known) = &known {
        check_owner(output, &path, known, job)?;
        if known.store == store {
            return Ok(());
        }
    }
    let record = Record {
        format: FORMAT,
        job: job.to_owned(),
        conditional_put_checked_at: try_store(output).await?,
        store,
    };
    let mode = match known {
        Some(_) => PutMode::Overwrite,
        None => PutMode::Create,
    };
    let text = serde_json::json!(record).to_string();
    let put = output
        .store
        .put_opts(&path, text.into(), PutOptions::from(mode));
    match put.await {
        Ok(_) => Ok(()),
        // Another run was faster.
        Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
            let known = read(output, &path).await?;
            known.map_or(Ok(()), |known| check_owner(output, &path, &known, job))
        }
        Err(error) => Err(output.failure("write", &path, error)),
    }
}

/// Whether a job may publish to an output, as far as that is on record.
///
/// # Errors
/// [`StorageError::OtherJob`], a record that cannot be read, and a store that fails.
pub async fn check_output(output: &Location, job: &str) -> Result<(), StorageError> {
    let path = Layout::below(output.path.clone()).output_record();
    match read(output, &path).await? {
        Some(known) => check_owner(output, &path, &known, job),
        None => Ok(()),
    }
}

fn check_owner(
    output: &Location,
    path: &Path,
    known: &Record,
    job: &str,
) -> Result<(), StorageError> {
    match known.job == job {
        true => Ok(()),
        false => Err(StorageError::OtherJob {
            job: job.to_owned(),
            owner: known.job.clone(),
            record: output.url_of(path),
        }),
    }
}

/// When the store refused to create what is there.
async fn try_store(output: &Location) -> Result<String, StorageError> {
    let layout = Layout::below(output.path.clone());
    let probe = layout.probe(&Uuid::new_v4().to_string());
    let tried_at = create_twice(output, &probe).await;
    match output.store.delete(&probe).await {
        Ok(()) | Err(Error::NotFound { .. }) => {}
        Err(error) => {
            let path = output.url_of(&probe);
            tracing::warn!(%error, path, "cannot delete what was written to try the store");
        }
    }
    Ok(tried_at?.to_rfc3339_opts(SecondsFormat::Secs, true))
}

async fn read(output: &Location, path: &Path) -> Result<Option<Record>, StorageError> {
    let found = match output.store.get(path).await {
        Ok(found) => found.bytes().await,
        Err(Error::NotFound { .. }) => return Ok(None),
        Err(error) => Err(error),
    };
    let found = found.map_err(|error| output.failure("read", path, error))?;
    let damaged = |reason: String| StorageError::OutputRecord {
        record: output.url_of(path),
        reason,
    };
    let record = serde_json::from_slice::<Record>(&found);
    let record = record.map_err(|error| damaged(error.to_string()))?;
    match record.format {
        FORMAT => Ok(Some(record)),
        other => Err(damaged(format!("it has format {other}, not {FORMAT}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::execution::object_store::ObjectStoreUrl;
    use futures::TryStreamExt;
    use object_store::ObjectMeta;
    use object_store::memory::InMemory;

    use crate::ground::{Classified, FailureKind};

    use super::*;

    fn in_memory() -> Location {
        Location {
            store: Arc::new(InMemory::new()),
            root: ObjectStoreUrl::parse("memory://").unwrap(),
            path: Path::from("nightly/out"),
            traffic: Arc::default(),
        }
    }

    async fn names(output: &Location) -> Vec<String> {
        let listed: Vec<ObjectMeta> = output.store.list(None).try_collect().await.unwrap();
        let names = listed.iter();
        names.map(|object| object.location.to_string()).collect()
    }

    #[tokio::test]
    async fn a_store_is_tried_once_and_again_when_it_is_another() {
        let output = in_memory();
        let record = Layout::below(output.path.clone()).output_record();
        claim_output(&output, "nightly").await.unwrap();
        assert_eq!(names(&output).await, [record.to_string()]);
        let kept = async || {
            let bytes = output.store.get(&record).await.unwrap().bytes();
            String::from_utf8(bytes.await.unwrap().to_vec()).unwrap()
        };
        let first = kept().await;
        claim_output(&output, "nightly").await.unwrap();
        assert_eq!(kept().await, first);

        let elsewhere = first.replace("memory:", "s3:");
        let put = output.store.put(&record, elsewhere.into());
        put.await.unwrap();
        claim_output(&output, "nightly").await.unwrap();
        assert!(kept().await.contains("memory:"), "{}", kept().await);
    }

    #[tokio::test]
    async fn an_output_is_of_one_job() {
        let output = in_memory();
        claim_output(&output, "nightly").await.unwrap();
        let refused = claim_output(&output, "trial").await.unwrap_err();
        assert_eq!(refused.kind(), FailureKind::Usage);
        let told = "the output is that of job `nightly`, as memory:///nightly/out/output.json says, and this is job `trial`: give this job an output of its own; if it is the same job by another name, write name = \"nightly\" in its file, or remove that record";
        assert_eq!(refused.to_string(), told);
    }
}
