//! Records of source days that no publication needs any more are removed, so that they do not grow
//! with the square of the history.
//!
//! Needed are those of publications that [no later one has overtaken](Publications::not_overtaken),
//! and those of an older tierline's, which do not say themselves what had expired. A run that began
//! before may still be reading one, and a run that has not published yet has written one that no
//! publication names, so nothing goes that was younger than a [week](RECENT) when the newest record
//! was written.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};

use crate::job::Workspace;
use crate::plan::files_then;
use crate::publish::{Publication, Publications};

/// No run takes longer from its plan to its publication.
const RECENT: TimeDelta = TimeDelta::days(7);

/// Removes them. That it fails is logged: the date is published, and the next run tries again.
pub(super) async fn forget_old_records(
    workspace: &Workspace,
    before: &Publications,
    published: &Publication,
) {
    let rows = before.all().iter();
    let of_older = rows.filter(|row| files_then(row).is_none());
    let needed = before.not_overtaken().into_iter().chain(of_older);
    let needed = needed.chain([published]);
    let needed = needed.map(|row| workspace.layout.source_record(row.source_record()));
    if let Err(error) = forget_all_but(workspace, &needed.collect()).await {
        tracing::warn!(%error, "records of source days that nobody needs are left");
    }
}

async fn forget_all_but(
    workspace: &Workspace,
    needed: &BTreeSet<Path>,
) -> Result<(), object_store::Error> {
    let store = &workspace.output.store;
    let folder = workspace.layout.source_records();
    let records: Vec<ObjectMeta> = store.list(Some(&folder)).try_collect().await?;
    for path in forgettable(&records, needed) {
        match store.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The records that nobody needs and that are old.
fn forgettable<'a>(
    records: &'a [ObjectMeta],
    needed: &'a BTreeSet<Path>,
) -> impl Iterator<Item = &'a Path> {
    let newest = records.iter().map(|record| record.last_modified).max();
    let old = records
        .iter()
        .filter(move |record| newest.is_some_and(|newest| newest - record.last_modified > RECENT));
    let old = old.map(|record| &record.location);
    old.filter(|path| !needed.contains(*path))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn what_is_needed_or_recent_stays() {
        let record = |name: &str, day: i64| ObjectMeta {
            location: Path::from(name),
            last_modified: DateTime::UNIX_EPOCH + TimeDelta::days(day),
            size: 1,
            e_tag: None,
            version: None,
        };
        let records = [
            record("old", 1),
            record("old and needed", 1),
            record("of a run that has not published", 14),
            record("new", 20),
        ];
        let needed = ["old and needed", "new"].map(Path::from).into();
        let forgotten: Vec<&Path> = forgettable(&records, &needed).collect();
        assert_eq!(forgotten, [&Path::from("old")]);
        assert_eq!(forgettable(&[], &needed).count(), 0);
    }
}
