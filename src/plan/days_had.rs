//! The days that D had when it was published, so that it is not replaced by something poorer.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::inputs::{SourceHistory, SourceRecord};
use crate::job::Workspace;
use crate::publish::Publication;

use super::circumstances::Accepted;
use super::error::PlanError;
use super::source_files::{SourceFiles, files_then};

/// Days of each source.
pub(super) type DaysBySource = BTreeMap<String, BTreeSet<NaiveDate>>;

/// The days that D had when it was published, where it would come out poorer than that.
#[derive(Debug, Clone, Default)]
pub(super) enum DaysHad {
    /// D is not published, nothing has expired, or somebody has accepted what is lost.
    #[default]
    Any,
    /// As the publication says: all days but those that had expired.
    Files(BTreeMap<String, SourceFiles>),
    /// As its record of source days says.
    Known(SourceRecord),
}

impl DaysHad {
    /// Those of D as it is published, where days have expired that it may have had.
    ///
    /// # Errors
    /// A record that cannot be read.
    pub(super) async fn when_published(
        published: Option<&Publication>,
        histories: &BTreeMap<String, SourceHistory>,
        accepted: Accepted,
        workspace: &Workspace,
    ) -> Result<Self, PlanError> {
        let may_be_poorer = has_expired(histories) && !accepted.shorter_history;
        let Some(published) = published.filter(|_| may_be_poorer) else {
            return Ok(Self::Any);
        };
        if let Some(then) = files_then(published) {
            return Ok(Self::Files(then));
        }
        let Workspace { output, layout, .. } = workspace;
        let record = SourceRecord::read(output, layout, published.source_record()).await?;
        Ok(Self::Known(record.unwrap_or_default()))
    }

    /// Which expired days D had, and has lost since.
    pub(super) fn lost(&self, expired: &DaysBySource) -> BTreeSet<NaiveDate> {
        lost_days(expired, |source, day| match self {
            Self::Any => false,
            Self::Files(then) => {
                let then = then.get(source);
                then.is_some_and(|then| !then.had_expired(day))
            }
            Self::Known(SourceRecord(known)) => {
                let known = known.get(source).and_then(|days| days.get(&day));
                known.is_some_and(|known| !known.is_expired)
            }
        })
    }
}

/// The days, whatever their source.
pub(super) fn all_of(days: &DaysBySource) -> BTreeSet<NaiveDate> {
    days.values().flatten().copied().collect()
}

/// The expired days that a date had when it was published. A day of one source says nothing of the
/// same day of another.
fn lost_days(expired: &DaysBySource, had: impl Fn(&str, NaiveDate) -> bool) -> BTreeSet<NaiveDate> {
    let days = expired
        .iter()
        .flat_map(|(source, days)| days.iter().map(move |day| (source, *day)));
    let lost = days.filter(|(source, day)| had(source, *day));
    lost.map(|(_, day)| day).collect()
}

/// Whether any day of any source has expired.
pub(super) fn has_expired(histories: &BTreeMap<String, SourceHistory>) -> bool {
    let mut histories = histories.values();
    histories.any(|history| history.days.values().any(|known| known.is_expired))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(days: &[(&str, &[&str])]) -> DaysBySource {
        let sources = days.iter().map(|(source, days)| {
            let days = days.iter().map(|day| day.parse().unwrap());
            ((*source).to_owned(), days.collect())
        });
        sources.collect()
    }

    #[test]
    fn a_day_that_another_source_had_is_not_lost() {
        let expired = days(&[
            ("engagement", &["2026-07-01"]),
            ("orders", &["2026-07-01", "2026-07-02"]),
        ]);
        let had = |source: &str, day: NaiveDate| {
            let of_engagement = day.to_string() == "2026-07-02";
            (source == "engagement") == of_engagement
        };
        let lost = lost_days(&expired, had);
        assert_eq!(lost, all_of(&days(&[("orders", &["2026-07-01"])])));
    }
}
