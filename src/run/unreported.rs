//! What earlier tries of a night found in rows, and no publication has told yet.
//!
//! A night counts the rejected rows of the days that it makes tiles of. When it fails after that,
//! the tiles stay, and the try that publishes D reads those days no more. So that its result has
//! their rows all the same, each try keeps what it found until D is published.
//!
//! | an earlier try read | this try reads | reported |
//! |---|---|---|
//! | a day | | what the earlier try counted |
//! | a day | the same day | what this try counts |
//!
//! What was counted by other SQL counts for nothing: each source has the [rules](Found::rules) that
//! its rows were judged by. Nor does a record of before D was published or withdrawn the last time,
//! whether or not it could be removed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use object_store::{Error as StoreError, ObjectStoreExt};
use serde::{Deserialize, Serialize};

use super::context::Run;
use super::report::RowCount;
use super::{Report, RunError};

/// What the tries of a night have found so far, by source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Unreported {
    /// How often D had been published or withdrawn.
    publications: usize,
    sources: BTreeMap<String, Found>,
}

/// What the rows of one source were like.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Found {
    /// The days that were read; empty where all rows are read in every try.
    pub days: BTreeSet<NaiveDate>,
    /// The rows left out.
    pub rejected: Vec<RowCount>,
    /// What else is told of the rows, a line each.
    pub remarks: Vec<String>,
    /// The run under which the sample of the rows left out lies.
    pub sample: Option<String>,
    /// The staging model, the declared columns and the reference files, as a fingerprint.
    pub rules: String,
}

impl Unreported {
    /// Adds what this try found in a source.
    pub(super) fn add(&mut self, source: &str, found: Found) {
        let known = self.sources.entry(source.to_owned()).or_default();
        let is_counted_anew = known.days.is_subset(&found.days) || found.days.is_empty();
        if is_counted_anew || known.rules != found.rules {
            *known = found;
            return;
        }
        let read: BTreeSet<String> = found.days.iter().map(NaiveDate::to_string).collect();
        known.rejected.retain(|row| !read.contains(&row.day));
        known.rejected.extend(found.rejected);
        known.rejected.sort_by(|left, right| {
            let key = |row: &RowCount| (row.day.clone(), row.reason.clone());
            key(left).cmp(&key(right))
        });
        let new = found.remarks.into_iter();
        let new: Vec<String> = new.filter(|line| !known.remarks.contains(line)).collect();
        known.remarks.extend(new);
        known.days.extend(found.days);
        known.sample = found.sample.or(known.sample.take());
    }

    /// Leaves out what was found by other rules than those of a source today; none for a source
    /// that is read no more.
    pub(super) fn keep_judged_by(&mut self, rules: &BTreeMap<String, String>) {
        self.sources
            .retain(|source, found| rules.get(source) == Some(&found.rules));
    }

    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        let mut found = self.sources.values();
        found.all(|found| found.rejected.is_empty() && found.remarks.is_empty())
    }

    /// Puts everything into the report.
    pub(super) fn note_in(&self, report: &mut Report) {
        for found in self.sources.values() {
            report.warnings.extend(found.remarks.iter().cloned());
            report.rejected.extend(found.rejected.iter().cloned());
        }
    }
}

impl Run<'_> {
    /// What earlier tries of this night found. A record that cannot be read ends no night.
    pub(super) async fn unreported(&self) -> Result<Unreported, RunError> {
        let date = self.plan.snapshot_date;
        let all = self.plan.publications.all().iter();
        let none = Unreported {
            publications: all.filter(|row| row.snapshot_date == date).count(),
            sources: BTreeMap::new(),
        };
        let output = &self.workspace.output;
        let path = self.workspace.layout.unreported(date);
        let bytes = match output.store.get(&path).await {
            Ok(found) => found.bytes().await,
            Err(StoreError::NotFound { .. }) => return Ok(none),
            Err(error) => Err(error),
        };
        let bytes = bytes.map_err(|error| output.failure("read", &path, error))?;
        match serde_json::from_slice::<Unreported>(&bytes) {
            Ok(found) if found.publications == none.publications => Ok(found),
            Ok(_) => Ok(none),
            Err(error) => {
                tracing::warn!(%path, %error, "what earlier tries found in rows cannot be read");
                Ok(none)
            }
        }
    }

    /// Keeps what was found for the tries that may follow, and brings samples of earlier tries to
    /// where this run's lie.
    pub(super) async fn keep_unreported(
        &self,
        found: &mut Unreported,
        has_earlier: bool,
    ) -> Result<(), RunError> {
        if found.is_empty() {
            if has_earlier {
                self.forget_unreported().await;
            }
            return Ok(());
        }
        let run_id = self.identity().run_id;
        for (source, found) in &mut found.sources {
            if let Some(earlier) = found.sample.as_ref().filter(|sample| **sample != run_id) {
                self.move_sample(source, earlier, &run_id).await?;
                found.sample = Some(run_id.clone());
            }
        }
        let output = &self.workspace.output;
        let path = self.workspace.layout.unreported(self.plan.snapshot_date);
        let bytes = serde_json::to_vec_pretty(found).map_err(|error| {
            let stage = RunError::engine("keeping what was found in rows");
            stage(datafusion::error::DataFusionError::External(error.into()))
        })?;
        let put = output.store.put(&path, bytes.into()).await;
        put.map_err(|error| output.failure("write", &path, error))?;
        Ok(())
    }

    async fn move_sample(&self, source: &str, from: &str, to: &str) -> Result<(), RunError> {
        let layout = &self.workspace.layout;
        let [from, to] = [from, to].map(|run_id| layout.quarantine(source, run_id));
        let output = &self.workspace.output;
        match output.store.rename(&from, &to).await {
            // A sample may be removed at any time.
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(output.failure("move", &from, error).into()),
        }
    }

    /// Forgets what was found, since the publication tells it or it holds no more.
    pub(super) async fn forget_unreported(&self) {
        let path = self.workspace.layout.unreported(self.plan.snapshot_date);
        match self.workspace.output.store.delete(&path).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => {}
            Err(error) => tracing::warn!(%error, "a record of what was found in rows is left"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
    }

    fn found(days: &[u32], rejected: &[(u32, i64)], remark: &str) -> Found {
        let rejected = rejected.iter().map(|(of, rows)| RowCount {
            source: "orders".to_owned(),
            day: day(*of).to_string(),
            reason: "null_time".to_owned(),
            rows: *rows,
        });
        Found {
            days: days.iter().copied().map(day).collect(),
            rejected: rejected.collect(),
            remarks: vec![remark.to_owned()],
            sample: None,
            rules: "by SQL".to_owned(),
        }
    }

    fn told(unreported: &Unreported) -> (Vec<(String, i64)>, Vec<String>) {
        let mut report = Report::default();
        unreported.note_in(&mut report);
        let rejected = report.rejected.into_iter();
        let rejected = rejected.map(|row| (row.day, row.rows)).collect();
        (rejected, report.warnings)
    }

    #[test]
    fn days_that_are_read_again_are_counted_again_and_others_stay() {
        let mut unreported = Unreported::default();
        assert!(unreported.is_empty());
        unreported.add("orders", found(&[17, 20], &[(17, 2), (20, 5)], "a"));
        unreported.add("orders", found(&[20], &[(20, 1)], "b"));
        let expected = [("2026-11-17".to_owned(), 2), ("2026-11-20".to_owned(), 1)];
        let remarks = ["a", "b"].map(str::to_owned);
        assert_eq!(told(&unreported), (expected.into(), remarks.into()));
    }

    #[test]
    fn what_other_sql_counted_counts_for_nothing() {
        let mut unreported = Unreported::default();
        let edited = Found {
            rules: "by edited SQL".to_owned(),
            ..found(&[17, 20], &[(17, 200), (20, 500)], "a")
        };
        unreported.add("orders", edited);
        unreported.add("orders", found(&[20], &[(20, 1)], "b"));
        let expected = [("2026-11-20".to_owned(), 1)];
        assert_eq!(told(&unreported), (expected.into(), vec!["b".to_owned()]));
    }

    #[test]
    fn what_is_read_whole_is_told_as_it_is_read_last() {
        for days in [&[][..], &[17, 18, 20]] {
            let mut unreported = Unreported::default();
            unreported.add("orders", found(&[17, 20], &[(17, 2), (20, 5)], "a"));
            unreported.add("orders", found(days, &[(18, 1)], "b"));
            let expected = [("2026-11-18".to_owned(), 1)];
            assert_eq!(
                told(&unreported),
                (expected.into(), vec!["b".to_owned()]),
                "{days:?}"
            );
        }
    }
}
