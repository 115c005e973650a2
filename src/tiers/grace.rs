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

use super::shown::{Day, ShownState};

impl<T: Copy + PartialEq> ShownState<T> {
    /// What follows on `snapshot_date` when the raw tier is `raw`, and a lower one than the shown
    /// one has to hold for `grace_days`. `is_demotion` says whether its rank is below the shown
    /// one's.
    pub(super) fn after_grace(
        self,
        raw: T,
        is_demotion: bool,
        grace_days: u32,
        snapshot_date: Day,
    ) -> Self {
        if !is_demotion {
            return self.showing(raw, snapshot_date);
        }
        let pending_since = self.pending_since.unwrap_or(snapshot_date);
        self.once_held(raw, (None, pending_since), grace_days, snapshot_date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A day of one and the same month.
    const fn may(day: Day) -> Day {
        20_573 + day
    }

    const SHOWN: ShownState<&str> = ShownState {
        tier: "high_value",
        since: may(1),
        pending: None,
        pending_since: None,
    };

    #[test]
    fn a_demotion_shows_after_the_grace_period_and_not_before() {
        let pending = SHOWN.after_grace("active", true, 7, may(11));
        assert_eq!(
            (pending.tier, pending.pending_since),
            ("high_value", Some(may(11)))
        );
        let waiting = pending.after_grace("silent", true, 7, may(17));
        assert_eq!(
            (waiting.tier, waiting.pending_since),
            ("high_value", Some(may(11)))
        );
        let shown = waiting.after_grace("silent", true, 7, may(18));
        assert_eq!(
            (shown.tier, shown.since, shown.pending_since),
            ("silent", may(18), None)
        );
    }

    #[test]
    fn nights_that_were_missed_count_as_held() {
        let pending = SHOWN.after_grace("active", true, 7, may(11));
        let shown = pending.after_grace("active", true, 7, may(25));
        assert_eq!((shown.tier, shown.since), ("active", may(25)));
    }

    #[test]
    fn a_recovery_clears_what_was_pending() {
        let pending = SHOWN.after_grace("active", true, 7, may(11));
        let recovered = pending.after_grace("high_value", false, 7, may(12));
        assert_eq!(recovered, SHOWN);
    }

    #[test]
    fn without_grace_a_demotion_shows_at_once() {
        let shown = SHOWN.after_grace("active", true, 0, may(11));
        assert_eq!(
            (shown.tier, shown.since, shown.pending_since),
            ("active", may(11), None)
        );
    }

    #[test]
    fn with_one_day_of_grace_it_shows_on_the_next_night() {
        let pending = SHOWN.after_grace("active", true, 1, may(11));
        assert_eq!(pending.tier, "high_value");
        assert_eq!(
            pending.after_grace("active", true, 1, may(12)).tier,
            "active"
        );
    }
}
