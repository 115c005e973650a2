//! Giving up the users of old dates.
//!
//! | tables | of a date that expires |
//! |---|---|
//! | those with a column `user_id` | lose their rows, which are nearly all that a date takes |
//! | KPIs, matrices, counts and alerts | keep them: charts go over years |
//!
//! It is a publication like any other, in the same order of commits. Each date gets a row in
//! `publications` that says `expired`: it is published no longer, and those up to
//! [four weeks after it](Publications::final_until) stay as they are. The files stay for as long as old
//! versions do.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;

use super::commit::Provenance;
use super::{
    Inspection, Publication, PublicationStatus, Publications, PublishError, Published, Table,
    TableVersion, commit_prepared, made_at, repair, undisturbed, versions,
};
use crate::ground::SnapshotDate;
use crate::storage::Location;
use crate::tiles::USER_ID;

/// Gives up the users of published dates.
///
/// # Errors
/// - [`PublishError::Conflict`] when another run published or committed since `publications` were
///   loaded and `inspection` was made;
/// - a store that fails: running again finds out what is there, and puts it right.
pub async fn expire(
    output: &Location,
    (publications, inspection): (&Publications, &Inspection),
    dates: &BTreeSet<SnapshotDate>,
    application: &str,
) -> Result<Option<Published>, PublishError> {
    let published = dates
        .iter()
        .filter_map(|date| publications.newest_for(*date));
    let published: Vec<&Publication> = published.collect();
    let (Some(first), Some(newest)) = (published.first(), published.last()) else {
        return Ok(None);
    };
    let inspection = match inspection.is_clean() {
        true => inspection.clone(),
        false => repair(output, publications).await?,
    };
    let sequence = publications.next_sequence();
    let provenance = Provenance {
        run_id: run_id(first.snapshot_date, sequence),
        input_fingerprint: newest.input_fingerprint.clone(),
        application: application.to_owned(),
        sequence,
    };
    let recorded = inspection.recorded().map(|(table, _)| table);
    let opened = recorded.map(|table| undisturbed(output, &inspection, table));
    let opened = try_join_all(opened).await?.into_iter().flatten();
    let dated: Vec<Table> = opened.filter(|table| !table.is_kept_whole()).collect();
    let mut kept = BTreeMap::new();
    let mut of_users = Vec::new();
    for table in &dated {
        kept.insert(table.name.clone(), table.version());
        if table.schema()?.field_with_name(USER_ID).is_ok() {
            of_users.push(table.without_dates(dates, &provenance));
        }
    }
    let mut commits = try_join_all(of_users).await?;
    // The snapshot first: of two at once only one gets past it.
    commits.sort_by_key(|commit| commit.name() != crate::tables::TIER_SNAPSHOT.name);
    let emptied = versions(&commits);
    let expired_at = made_at(&commits);
    let numbered = published.iter().zip(sequence..);
    let rows = numbered.map(|(published, sequence)| Publication {
        status: PublicationStatus::Expired,
        run_id: run_id(published.snapshot_date, sequence),
        sequence,
        published_at: expired_at,
        tables: tables_left(published, &emptied, &kept),
        ..(*published).clone()
    });
    let mut rows: Vec<Publication> = rows.collect();
    let last = rows.remove(rows.len() - 1);
    let committed = commit_prepared(output, publications, commits, (rows, last), &provenance);
    Box::pin(committed).await.map(Some)
}

fn run_id(date: SnapshotDate, sequence: i64) -> String {
    format!("{date}-expired-{sequence}")
}

/// What an expired date has in each of its tables, as of their versions now.
fn tables_left(
    published: &Publication,
    emptied: &BTreeMap<String, TableVersion>,
    kept: &BTreeMap<String, i64>,
) -> BTreeMap<String, TableVersion> {
    let left = published.tables.iter().filter_map(|(table, recorded)| {
        let left = emptied.get(table).copied().or_else(|| {
            let version = *kept.get(table)?;
            Some(TableVersion {
                version,
                ..*recorded
            })
        });
        Some((table.clone(), left?))
    });
    left.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drafts::testing::{date, on_every_store};
    use crate::publish::inspect;
    use crate::publish::testing::{assert_found, load, publish};

    on_every_store!(
        users_of_expired_dates_go_and_the_others_stay,
        an_expiry_that_was_overtaken_changes_nothing,
    );

    async fn expired(
        output: &Location,
        publications: &Publications,
        days: &[&str],
    ) -> Result<Option<Published>, PublishError> {
        let inspection = inspect(output, publications).await.unwrap();
        expired_by((publications, &inspection), output, days).await
    }

    async fn expired_by(
        state: (&Publications, &Inspection),
        output: &Location,
        days: &[&str],
    ) -> Result<Option<Published>, PublishError> {
        let dates = days.iter().map(|day| date(day)).collect();
        expire(output, state, &dates, "tierline/nightly").await
    }

    async fn three_dates(output: &Location) {
        for (day, users) in [("2026-09-01", 1), ("2026-09-02", 2), ("2026-11-20", 3)] {
            let users: Vec<(i64, &str)> = (0..users).map(|user| (user, "new")).collect();
            publish(output, day, &users).await;
        }
    }

    async fn users_of_expired_dates_go_and_the_others_stay(output: &Location) {
        three_dates(output).await;
        let days = ["2026-09-01", "2026-09-02"];
        let done = expired(output, &load(output).await, &days).await.unwrap();
        let row = done.unwrap().publication;
        assert_eq!(
            (row.run_id.as_str(), row.sequence, row.status),
            ("2026-09-02-expired-5", 5, PublicationStatus::Expired)
        );
        assert_found(output, &[("2026-11-20", 3)], &[("2026-11-20", 3)]).await;
        let publications = load(output).await;
        assert!(inspect(output, &publications).await.unwrap().is_clean());
        assert_eq!(publications.dates(), [date("2026-11-20")].into());
        assert_eq!(publications.final_until(), Some(date("2026-09-30")));
        assert_eq!(publications.all().last(), Some(&row));

        // What has expired does so once, and later dates go on.
        let again = expired(output, &publications, &days).await.unwrap();
        assert!(again.is_none());
        publish(output, "2026-11-21", &[(1, "new")]).await;
        let both = [("2026-11-20", 3), ("2026-11-21", 1)];
        assert_found(output, &both, &[("2026-11-21", 1)]).await;
    }

    async fn an_expiry_that_was_overtaken_changes_nothing(output: &Location) {
        three_dates(output).await;
        let stale = load(output).await;
        let inspection = inspect(output, &stale).await.unwrap();
        publish(output, "2026-11-21", &[(1, "new")]).await;
        let refused = expired_by((&stale, &inspection), output, &["2026-09-01"]).await;
        let refused = refused.unwrap_err();
        assert!(
            matches!(refused, PublishError::Conflict { .. }),
            "{refused}"
        );
        let publications = load(output).await;
        assert!(inspect(output, &publications).await.unwrap().is_clean());
        assert!(publications.newest_for(date("2026-09-01")).is_some());
    }
}
