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

use chrono::NaiveDate;

/// What the previous snapshot showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown<'a> {
    /// The tier.
    pub tier: &'a str,
    /// The snapshot date on which it became this tier.
    pub since: NaiveDate,
    /// Since when a lower tier has been waiting to show.
    pub pending_since: Option<NaiveDate>,
}

/// What today's snapshot shows.
pub type Standing<'a> = Shown<'a>;

impl<'a> Shown<'a> {
    /// The first snapshot of a user shows the raw tier.
    pub fn first(raw: &'a str, snapshot_date: NaiveDate) -> Self {
        Self {
            tier: raw,
            since: snapshot_date,
            pending_since: None,
        }
    }

    /// What follows on `snapshot_date` when the raw tier is `raw`. `is_demotion` says whether its
    /// rank is below the shown one's.
    pub fn next(
        self,
        raw: &'a str,
        is_demotion: bool,
        grace_days: u32,
        snapshot_date: NaiveDate,
    ) -> Standing<'a> {
        let shows_raw = Standing {
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
        let held_days = (snapshot_date - pending_since).num_days();
        if held_days >= i64::from(grace_days) {
            return shows_raw;
        }
        Standing {
            pending_since: Some(pending_since),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 5, day).unwrap()
    }

    const SHOWN: Shown<'_> = Shown {
        tier: "high_value",
        since: NaiveDate::from_ymd_opt(2026, 5, 1).unwrap(),
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
