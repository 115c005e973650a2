//! How much of history models saw when a date was published.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::inputs::SourceHistory;
use crate::job::{Job, Workspace};
use crate::pack::Project;
use crate::publish::Publication;

use super::error::{HistoryError, PlanError};
use super::rules::{HistoryStarts, Rules, fingerprint};

/// How much of history models saw when a date was published.
#[derive(Debug, Default)]
pub(crate) struct SeenThen {
    /// From which day on, and so at least they see it again.
    pub starts: HistoryStarts,
    /// Why nobody knows. Then a night needs all that is not given up once more: it asks about what
    /// it cannot have, and about nothing else.
    pub unread: Option<String>,
}

impl SeenThen {
    /// As the rules of a publication say.
    pub(super) fn by(rules: &Rules) -> Self {
        Self {
            starts: rules.history_starts.clone(),
            unread: None,
        }
    }

    /// Those of the starts before which days have expired: of others everything is there again.
    pub(super) fn still_needed(mut self, histories: &BTreeMap<String, SourceHistory>) -> Self {
        let expired = histories.values().flat_map(SourceHistory::expired);
        let first = expired.min();
        let is_needed = |start: &NaiveDate| first.is_some_and(|first| first < *start);
        self.starts.retain(|_, start| is_needed(start));
        self
    }
}

/// How much of history models saw when `published` was.
pub(crate) async fn seen_then(
    job: &Job,
    project: &Project,
    workspace: &Workspace,
    published: Option<&Publication>,
) -> Result<SeenThen, PlanError> {
    let Some(rules) = published.and_then(|published| published.rules_fingerprint.as_ref()) else {
        return Ok(SeenThen::default());
    };
    if *rules == fingerprint(job, project, &HistoryStarts::new()).as_str() {
        return Ok(SeenThen::default());
    }
    match Rules::read(workspace, rules).await {
        Err(PlanError::History(HistoryError::Rules { path, reason })) => Ok(SeenThen {
            unread: Some(unread_rules(&path, &reason)),
            ..SeenThen::default()
        }),
        rules => Ok(SeenThen::by(&rules?)),
    }
}

fn unread_rules(path: &str, reason: &str) -> String {
    format!(
        "the record of rules `{path}` cannot be read: {reason}; dates that were published by these rules can be restated by today's alone, unless it is restored from a copy"
    )
}
