//! Whether a store lets two writers create one object.
//!
//! A commit to a table is the creation of an object, which must fail where another run has created it.
//! S3 and what is built like it do so when asked by `If-None-Match: *`, disks by themselves; a store that
//! passes over the header, as some gateways and older servers do, would lose commits without a word.

use chrono::{DateTime, Utc};
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt, PutMode, PutOptions};

use super::{Location, StorageError, environment};

/// What the first of two writers writes.
const FIRST: &str = "first";

/// Creates an object of a new name, and once more; and says when the first was written, by the clock of
/// the store.
///
/// # Errors
/// [`StorageError::NoConditionalPut`], and a store that fails.
pub async fn create_twice(output: &Location, probe: &Path) -> Result<DateTime<Utc>, StorageError> {
    let refused = || StorageError::NoConditionalPut {
        store: name_of(output),
    };
    for (text, is_new) in [(FIRST, true), ("second", false)] {
        let create = PutOptions::from(PutMode::Create);
        match output.store.put_opts(probe, text.into(), create).await {
            Ok(_) if is_new => {}
            // Also of the first, where its answer was lost and it was sent again.
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
            Ok(_) | Err(Error::NotImplemented { .. }) => return Err(refused()),
            Err(error) => return Err(output.failure("write", probe, error)),
        }
    }
    let found = async {
        let found = output.store.get(probe).await?;
        let written_at = found.meta.last_modified;
        Ok((found.bytes().await?, written_at))
    };
    match found.await {
        Ok((bytes, written_at)) if bytes == FIRST => Ok(written_at),
        Ok(_) => Err(refused()),
        Err(error) => Err(output.failure("read", probe, error)),
    }
}

/// The store of a location: another server may have a bucket of the same name.
pub(super) fn name_of(location: &Location) -> String {
    let root = location.root.as_str();
    if !root.starts_with("s3") {
        return root.to_owned();
    }
    let endpoints = environment().filter(|(name, _)| {
        let name = name.to_ascii_uppercase();
        name.starts_with("AWS_ENDPOINT")
    });
    let mut endpoints: Vec<String> = endpoints.map(|(_, endpoint)| endpoint).collect();
    endpoints.sort();
    endpoints.dedup();
    match endpoints.is_empty() {
        true => root.to_owned(),
        false => format!("{root} at {}", endpoints.join(" and ")),
    }
}
