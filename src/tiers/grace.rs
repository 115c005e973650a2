//! The tier a user is shown: promotion at once, demotion after a grace period.
//!
//! With grace 7, from shown `high_value` since 1 May:
//!
//! | D | raw today | shown | since | pending since |
//! |---|---|---|---|---|
//! | 10 May | high_value | high_value | 1 May | |
//! | 11 May | active | high_value | 1 May | 11 May |
//! | 12 May | silent | high_value | 1 May | 11 May |
//! | 18 May | silent | silent | 18 May | |

/// A date, in days since 1970-01-01.
type Day = i32;

/// The tier that a snapshot shows, a name or a number, and how far its grace period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GraceState<T> {
    /// The tier.
    pub(super) tier: T,
    /// The snapshot date on which it became this tier.
    pub(super) since: Day,
    /// The date since which a lower tier has been pending.
    pub(super) pending_since: Option<Day>,
}

impl<T: Copy + PartialEq> GraceState<T> {
    /// The first snapshot of a user shows the raw tier.
    pub(super) fn first(raw: T, snapshot_date: Day) -> Self {
        Self {
            tier: raw,
            since: snapshot_date,
            pending_since: None,
        }
    }

    /// What follows on `snapshot_date` when the raw tier is `raw`. `is_demotion` says whether its
    /// rank is below the shown one's.
    pub(super) fn next(
        self,
        raw: T,
        is_demotion: bool,
        grace_days: u32,
        snapshot_date: Day,
    ) -> Self {
        let shows_raw = Self {
            tier: raw,
            since: if raw == self.tier {
                self.since
            } else {
                snapshot_date
            },
            pending_since: None,
        };
        if !is_demotion {
            return shows_raw;
        }
        let pending_since = self.pending_since.unwrap_or(snapshot_date);
        let held_days = i64::from(snapshot_date) - i64::from(pending_since);
        if held_days >= i64::from(grace_days) {
            return shows_raw;
        }
        Self {
            pending_since: Some(pending_since),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A day of one and the same month.
    const fn may(day: Day) -> Day {
        20_573 + day
    }

    const SHOWN: GraceState<&str> = GraceState {
        tier: "high_value",
        since: may(1),
        pending_since: None,
    };

    #[test]
    fn a_demotion_shows_after_the_grace_period_and_not_before() {
        let pending = SHOWN.next("active", true, 7, may(11));
        assert_eq!(
            (pending.tier, pending.pending_since),
            ("high_value", Some(may(11)))
        );
        let waiting = pending.next("silent", true, 7, may(17));
        assert_eq!(
            (waiting.tier, waiting.pending_since),
            ("high_value", Some(may(11)))
        );
        let shown = waiting.next("silent", true, 7, may(18));
        assert_eq!(
            (shown.tier, shown.since, shown.pending_since),
            ("silent", may(18), None)
        );
    }

    #[test]
    fn nights_that_were_missed_count_as_held() {
        let pending = SHOWN.next("active", true, 7, may(11));
        let shown = pending.next("active", true, 7, may(25));
        assert_eq!((shown.tier, shown.since), ("active", may(25)));
    }

    #[test]
    fn a_recovery_clears_what_was_pending() {
        let pending = SHOWN.next("active", true, 7, may(11));
        let recovered = pending.next("high_value", false, 7, may(12));
        assert_eq!(recovered, SHOWN);
    }

    #[test]
    fn without_grace_a_demotion_shows_at_once() {
        let shown = SHOWN.next("active", true, 0, may(11));
        assert_eq!(
            (shown.tier, shown.since, shown.pending_since),
            ("active", may(11), None)
        );
    }

    #[test]
    fn with_one_day_of_grace_it_shows_on_the_next_night() {
        let pending = SHOWN.next("active", true, 1, may(11));
        assert_eq!(pending.tier, "high_value");
        assert_eq!(pending.next("active", true, 1, may(12)).tier, "active");
    }
}
