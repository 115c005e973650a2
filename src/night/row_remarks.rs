//! Remarks on rows in a few lines, however many there are: staging remarks on each row, and a
//! source may deliver ten thousand values that nobody knows.
//!
//! | remark on a row | what is before the first `: ` | the name after it |
//! |---|---|---|
//! | `unknown status counts as no order: PAID` | the kind of the remark | `PAID` |
//! | `amount is estimated` | the kind | |
//!
//! One line for each kind says how many rows it is about and the names that most of them have.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::ground::shown;

/// How many names a line shows, and how many kinds of remarks a source gets.
pub(super) const SHOWN: usize = 10;

/// What staging remarks on the rows of one source.
#[derive(Debug, Default)]
pub(super) struct RowRemarks(BTreeMap<String, Kind>);

#[derive(Debug, Default)]
struct Kind {
    rows: i64,
    days: BTreeSet<String>,
    names: HashMap<String, i64>,
}

impl RowRemarks {
    /// Counts rows of a day with the same remark.
    pub(super) fn add(&mut self, day: &str, remark: &str, rows: i64) {
        let (kind, name) = match remark.split_once(": ") {
            Some((kind, name)) => (kind, Some(name)),
            None => (remark, None),
        };
        let kind = match self.0.get_mut(kind) {
            Some(known) => known,
            None => self.0.entry(kind.to_owned()).or_default(),
        };
        kind.rows += rows;
        if !kind.days.contains(day) {
            kind.days.insert(day.to_owned());
        }
        if let Some(name) = name {
            *kind.names.entry(name.to_owned()).or_insert(0) += rows;
        }
    }

    /// A line for each kind, and one for all that are too many.
    pub(super) fn lines(&self, source: &str) -> Vec<String> {
        let mut by_rows: Vec<(&String, &Kind)> = self.0.iter().collect();
        by_rows.sort_by_key(|(_, kind)| Reverse(kind.rows));
        let others = by_rows.split_off(by_rows.len().min(SHOWN));
        by_rows.sort_by_key(|(kind, _)| *kind);
        let lines = by_rows.into_iter();
        let lines = lines.map(|(kind, found)| format!("{source}: {}", found.line(kind)));
        let rows: i64 = others.iter().map(|(_, kind)| kind.rows).sum();
        let rest = (!others.is_empty()).then(|| {
            format!(
                "{source}: {} other remarks on {}",
                others.len(),
                rows_of(rows)
            )
        });
        lines.chain(rest).collect()
    }
}

impl Kind {
    fn line(&self, kind: &str) -> String {
        let about = format!("({} on {})", rows_of(self.rows), span(&self.days));
        let kind = shown(kind);
        match self.names.is_empty() {
            true => format!("{kind} {about}"),
            false => format!("{kind}: {} {about}", self.names_shown()),
        }
    }

    /// The names that most rows have, and how many others there are.
    fn names_shown(&self) -> String {
        let mut names: Vec<(&String, &i64)> = self.names.iter().collect();
        names.sort_unstable_by_key(|(name, rows)| (Reverse(**rows), *name));
        let others = names.len().saturating_sub(SHOWN);
        let names = names.into_iter().take(SHOWN);
        let names: Vec<String> = names.map(|(name, _)| shown(name)).collect();
        match others {
            0 => names.join(", "),
            others => format!("{} and {others} more", names.join(", ")),
        }
    }
}

fn rows_of(rows: i64) -> String {
    match rows {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    }
}

/// The day, or how many from which to which.
pub(super) fn span<T: AsRef<str> + Ord>(days: &BTreeSet<T>) -> String {
    match (days.first(), days.last()) {
        (Some(first), Some(last)) if first != last => {
            let [first, last] = [first, last].map(AsRef::as_ref);
            format!("{} days, {first} to {last}", days.len())
        }
        (day, _) => day.map_or("", AsRef::as_ref).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(remarks: impl IntoIterator<Item = (String, i64)>) -> Vec<String> {
        let mut found = RowRemarks::default();
        for (remark, rows) in remarks {
            found.add("2026-11-20", &remark, rows);
        }
        found.lines("engagement")
    }

    #[test]
    fn a_remark_without_names_is_a_line() {
        let mut found = RowRemarks::default();
        found.add("2026-11-19", "amount is estimated", 1);
        found.add("2026-11-20", "amount is estimated", 2);
        assert_eq!(
            found.lines("orders"),
            ["orders: amount is estimated (3 rows on 2 days, 2026-11-19 to 2026-11-20)"]
        );
    }

    /// So it is with a type that has an id in it. The ten with the most rows are named.
    #[test]
    fn sixty_thousand_names_are_one_line() {
        let names = (0..60_000).map(|id| (format!("unknown type: t{id}"), 1 + i64::from(id == 7)));
        assert_eq!(
            lines(names),
            [
                "engagement: unknown type: t7, t0, t1, t10, t100, t1000, t10000, t10001, t10002, t10003 and 59990 more (60001 rows on 2026-11-20)"
            ]
        );
    }

    #[test]
    fn kinds_beyond_ten_are_told_together() {
        let kinds = (0..12).map(|kind| (format!("kind {kind:02}"), 100 - kind));
        let lines = lines(kinds);
        assert_eq!(lines.len(), 11);
        assert_eq!(lines[10], "engagement: 2 other remarks on 179 rows");
    }
}
