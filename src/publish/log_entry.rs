//! One entry of a table's log: what a commit says of itself, and whether all of it is there.
//!
//! What a commit of tierline says besides what Delta asks for:
//!
//! | in | | |
//! |---|---|---|
//! | `commitInfo` | `runId` | the run; every commit of a publication or a withdrawal says so |
//! | | `inputFingerprint` | everything that the run read |
//! | | `restoredPublication` | in a repair, which has no `runId`: the number of the last publication that it restored |
//! | | `actionCount` | how many lines the entry has; form 1 lacks it, and its entries count as whole |
//! | `txn` | `appId` | `tierline/` and the name of the job |
//! | | `version` | the number of the publication |

use chrono::{DateTime, Utc};
use serde_json::Value;

/// Where an entry says which run made it. Every commit of tierline says so, but for repairs.
pub(super) const RUN_ID: &str = "runId";

/// Where an entry says how many actions it has, itself among them.
pub(super) const ACTION_COUNT: &str = "actionCount";

/// One entry of a log.
#[derive(Debug, Clone)]
pub(super) struct LogEntry {
    /// The version that it makes.
    pub(super) version: i64,
    pub(super) actions: Vec<Value>,
}

impl LogEntry {
    /// What it says of itself; nothing where whoever wrote it said nothing.
    pub(super) fn commit_info(&self) -> Option<&Value> {
        self.of_kind("commitInfo").next()
    }

    /// The run that made it, as it says.
    pub(super) fn run_id(&self) -> Option<&str> {
        self.commit_info()?.get(RUN_ID)?.as_str()
    }

    /// When it was made, as it says.
    pub(super) fn made_at(&self) -> Option<DateTime<Utc>> {
        let millis = self.commit_info()?.get("timestamp")?.as_i64()?;
        DateTime::from_timestamp_millis(millis)
    }

    /// The publication that it is part of, as it says.
    pub(super) fn sequence(&self) -> Option<i64> {
        self.of_kind("txn").next()?.get("version")?.as_i64()
    }

    /// The version, what it says it did, and when: `version 2, DELETE at 2026-11-26 08:00:00 UTC`.
    pub(super) fn description(&self) -> String {
        let info = self.commit_info();
        let operation = info.and_then(|info| info.get("operation")?.as_str());
        let operation = operation.unwrap_or("commit");
        let time = self.made_at();
        let time = time.map_or_else(String::new, |time| time.format(" at %F %T UTC").to_string());
        format!("version {}, {operation}{time}", self.version)
    }

    /// The kind of each of its actions.
    pub(super) fn kinds(&self) -> impl Iterator<Item = &str> {
        let actions = self.actions.iter().filter_map(Value::as_object);
        actions.flat_map(|action| action.keys().map(String::as_str))
    }

    /// What it says of a kind, such as `add` or `commitInfo`.
    pub(super) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.actions
            .iter()
            .filter_map(move |action| action.get(kind))
    }
}

/// The actions of an entry; none when it is empty, ends in the middle of one, or lacks some.
pub(super) fn parse(bytes: &[u8]) -> Option<Vec<Value>> {
    let actions: Vec<Value> = lines(bytes)?
        .map(|line| serde_json::from_str(line).ok())
        .collect::<Option<_>>()?;
    let is_whole = !actions.is_empty() && has_every_action(bytes);
    is_whole.then_some(actions)
}

/// Whether an entry has as many actions as its first line says; so, too, if it does not say.
pub(super) fn has_every_action(bytes: &[u8]) -> bool {
    let Some(mut lines) = lines(bytes) else {
        return true;
    };
    let first = lines
        .next()
        .and_then(|line| serde_json::from_str(line).ok());
    let first: Value = first.unwrap_or_default();
    let count = first["commitInfo"][ACTION_COUNT].as_u64();
    count.is_none_or(|count| count == 1 + lines.count() as u64)
}

fn lines(bytes: &[u8]) -> Option<impl Iterator<Item = &str>> {
    let lines = std::str::from_utf8(bytes).ok()?.lines();
    Some(lines.filter(|line| !line.trim().is_empty()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ground::fixtures::{assert_reads, path, versions};
    use crate::publish::repair::restored_publication;

    #[test]
    fn commits_of_every_form_are_read() {
        for version in versions("commits") {
            let mut reading = serde_json::Map::new();
            for name in ["publication", "repair"] {
                let entry = path(&format!("commits/{version}/{name}.json"));
                let actions = parse(&std::fs::read(entry).unwrap()).unwrap();
                let version = 7;
                let entry = LogEntry { version, actions };
                reading.insert(name.to_owned(), of_entry(&entry));
            }
            assert_reads("commits", &version, &Value::Object(reading));
        }
    }

    fn of_entry(entry: &LogEntry) -> Value {
        json!({
            "told": entry.description(),
            "run_id": entry.run_id(),
            "sequence": entry.sequence(),
            "restored": restored_publication(entry),
            "kinds": entry.kinds().collect::<Vec<_>>(),
            "changes_rows": entry.changes_rows(),
        })
    }

    /// Cut at the end of a line it still is JSON: it says itself that it has more.
    #[test]
    fn commits_of_the_newest_form_know_when_they_are_cut() {
        let newest = versions("commits").pop().unwrap();
        for name in ["publication", "repair"] {
            let entry = path(&format!("commits/{newest}/{name}.json"));
            let entry = std::fs::read_to_string(entry).unwrap();
            let (cut, _) = entry.trim_end().rsplit_once('\n').unwrap();
            assert_eq!(parse(cut.as_bytes()), None, "{name}");
        }
    }
}
