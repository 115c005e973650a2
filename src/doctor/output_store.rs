//! The store of the output: what commits rest on.

use chrono::{DateTime, TimeDelta, Utc};
use object_store::path::Path;
use object_store::{Error, GetOptions, ListResult, ObjectStoreExt};
use uuid::Uuid;

use crate::engine::chain;
use crate::ground::Layout;
use crate::job::Job;
use crate::storage::{Location, StorageError, check_output, create_twice};

use super::finding::Findings;

/// By how much the clocks of the store and of this machine may differ. S3 refuses requests beyond 15
/// minutes; ages of files, which say what may be removed, are told by both.
const CLOCKS_APART: TimeDelta = TimeDelta::minutes(2);

/// An ETag that no object has.
const NO_ETAG: &str = "\"00000000000000000000000000000000\"";

/// Writes a probe, tries what nights ask of the store, and deletes it.
pub(super) async fn examine(
    job: &Job,
    output: &Location,
    clock: &(dyn Fn() -> DateTime<Utc> + Sync),
    findings: &mut Findings<'_>,
) {
    findings.begin(format!("output {}", output.url_of(&output.path)));
    match check_output(output, &job.name).await {
        Ok(()) => findings.pass("owner", "no other job publishes here"),
        Err(error) => findings.failed("owner", &error),
    }
    let probe = Layout::below(output.path.clone()).probe(&Uuid::new_v4().to_string());
    let before = clock();
    let created = create_twice(output, &probe).await;
    let after = clock();
    let is_written = match created {
        Ok(written_at) => {
            findings.pass(
                "conditional writes",
                "the second creation of an object is refused",
            );
            examine_clock(written_at, before, after, findings);
            true
        }
        Err(error @ StorageError::NoConditionalPut { .. }) => {
            findings.failed("conditional writes", &error);
            true
        }
        Err(error) => {
            findings.failed("writing", &error);
            // A full disk may have taken the name, and not the bytes.
            drop(output.store.delete(&probe).await);
            false
        }
    };
    if is_written {
        examine_listing(output, &probe, findings).await;
        examine_pinned_reads(output, &probe, findings).await;
        examine_deletion(output, &probe, findings).await;
    }
}

fn examine_clock(
    written_at: DateTime<Utc>,
    before: DateTime<Utc>,
    after: DateTime<Utc>,
    findings: &mut Findings<'_>,
) {
    let (behind, ahead) = (before - written_at, written_at - after);
    let apart = behind.max(ahead).max(TimeDelta::zero());
    let seconds = apart.num_seconds();
    let found = format!("the clocks of the store and this machine are {seconds} s apart");
    match apart <= CLOCKS_APART {
        true => findings.pass("clock", found),
        false => findings.fail("clock", found, Some("set this machine's clock, as by NTP")),
    }
}

async fn examine_listing(output: &Location, probe: &Path, findings: &mut Findings<'_>) {
    let folder = &output.path;
    let has_probe = |listed: ListResult| {
        let mut objects = listed.objects.into_iter();
        objects.any(|object| object.location == *probe)
    };
    match output.store.list_with_delimiter(Some(folder)).await.map(has_probe) {
        Ok(true) => findings.pass("listing", "what was just written is listed"),
        Ok(false) => findings.fail(
            "listing",
            "what was just written is not listed, so that runs would not see one another's tiles and publications",
            Some("let `output` be in a store whose listings are up to date"),
        ),
        Err(error) => {
            let error = output.failure("list", folder, error);
            findings.failed("listing", &error);
        }
    }
}

/// Whether a read can be tied to the object that was listed. What cannot is noticed later, by its size and
/// its time.
pub(super) async fn examine_pinned_reads(
    location: &Location,
    path: &Path,
    findings: &mut Findings<'_>,
) {
    let found = match location.store.head(path).await {
        Ok(found) => found,
        Err(error) => {
            let error = location.failure("read", path, error);
            return findings.failed("reading", &error);
        }
    };
    let Some(_) = found.e_tag else {
        let found = "objects have no ETags: a file that is replaced is known by its size and time";
        return findings.warn("reading", found, None);
    };
    let other = GetOptions {
        if_match: Some(NO_ETAG.to_owned()),
        ..GetOptions::default()
    };
    match location.store.get_opts(path, other).await {
        Err(Error::Precondition { .. }) => findings.pass(
            "reading",
            "a read is refused when the object is another than was listed (If-Match)",
        ),
        Ok(_) => findings.warn(
            "reading",
            "the store passes over If-Match: a file that is replaced while it is read may be noticed late",
            Some("see that files are not overwritten while nights run"),
        ),
        Err(error) => {
            let error = location.failure("read", path, error);
            findings.failed("reading", &error);
        }
    }
}

async fn examine_deletion(output: &Location, probe: &Path, findings: &mut Findings<'_>) {
    if let Err(error) = output.store.delete(probe).await {
        let error = output.failure("delete", probe, error);
        let remedy = "allow deletions: nights remove drafts of theirs that are not published";
        return findings.fail("deleting", chain(&error), Some(remedy));
    }
    match output.store.head(probe).await {
        Err(Error::NotFound { .. }) => findings.pass("deleting", "what was written is gone again"),
        Ok(_) => findings.warn(
            "deleting",
            "what was deleted is still there for a while",
            None,
        ),
        Err(error) => {
            let error = output.failure("read", probe, error);
            findings.failed("deleting", &error);
        }
    }
}
