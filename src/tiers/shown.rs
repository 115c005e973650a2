//! The value of a dimension that a snapshot shows a user in.

/// A date, in days since 1970-01-01.
pub(super) type Day = i32;

/// The value that is shown, a name or a number, and what waits to take its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ShownState<T> {
    /// The value.
    pub(super) tier: T,
    /// The snapshot date on which it became this value.
    pub(super) since: Day,
    /// The value that waits, where it has to be one and the same.
    pub(super) pending: Option<T>,
    /// The date since which something has waited.
    pub(super) pending_since: Option<Day>,
}

impl<T: Copy + PartialEq> ShownState<T> {
    /// The first snapshot of a user shows the raw value.
    pub(super) fn first(raw: T, snapshot_date: Day) -> Self {
        Self {
            tier: raw,
            since: snapshot_date,
            pending: None,
            pending_since: None,
        }
    }

    /// The raw value is shown, and nothing waits.
    pub(super) fn showing(self, raw: T, snapshot_date: Day) -> Self {
        match raw == self.tier {
            true => Self::first(raw, self.since),
            false => Self::first(raw, snapshot_date),
        }
    }

    /// The raw value is shown once something has waited for `days`; until then it waits, since a
    /// date, and as one and the same value where that is given.
    pub(super) fn once_held(
        self,
        raw: T,
        (pending, pending_since): (Option<T>, Day),
        days: u32,
        snapshot_date: Day,
    ) -> Self {
        let held_days = i64::from(snapshot_date) - i64::from(pending_since);
        if held_days >= i64::from(days) {
            return self.showing(raw, snapshot_date);
        }
        Self {
            pending,
            pending_since: Some(pending_since),
            ..self
        }
    }
}
