//! Another value shows only once it has held: in dimensions without ranks, where every change is
//! of one kind.
//!
//! With hold 7, from shown `general_value` since 1 May:
//!
//! | D | raw today | shown | since | pending | pending since |
//! |---|---|---|---|---|---|
//! | 11 May | general_retain | general_value | 1 May | general_retain | 11 May |
//! | 12 May | important_value | general_value | 1 May | important_value | 12 May |
//! | 18 May | important_value | general_value | 1 May | important_value | 12 May |
//! | 19 May | important_value | important_value | 19 May | | |

use super::shown::{Day, ShownState};

impl<T: Copy + PartialEq> ShownState<T> {
    /// What follows on `snapshot_date` when the raw value is `raw`, and another than the shown one
    /// has to hold for `hold_days`.
    pub(super) fn after_hold(self, raw: T, hold_days: u32, snapshot_date: Day) -> Self {
        if raw == self.tier {
            return self.showing(raw, snapshot_date);
        }
        let waits = self.pending.filter(|pending| *pending == raw);
        let pending_since = waits.and(self.pending_since).unwrap_or(snapshot_date);
        self.once_held(raw, (Some(raw), pending_since), hold_days, snapshot_date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A day of one and the same month.
    const fn may(day: Day) -> Day {
        20_573 + day
    }

    /// Shown value, candidate and its first day, night by night.
    fn follow(hold_days: u32, nights: &[(Day, &'static str)]) -> Vec<(String, Option<Day>)> {
        let mut state = ShownState::first("value", may(1));
        let mut told = Vec::new();
        for (day, raw) in nights {
            state = state.after_hold(raw, hold_days, may(*day));
            let pending = state
                .pending
                .map_or(String::new(), |tier| format!(" ({tier})"));
            let since = state.pending_since.map(|since| since - may(0));
            told.push((format!("{}{pending}", state.tier), since));
        }
        told
    }

    fn standing(text: &str, since: Option<Day>) -> (String, Option<Day>) {
        (text.to_owned(), since)
    }

    #[test]
    fn another_value_shows_after_it_has_held_and_not_before() {
        assert_eq!(
            follow(7, &[(11, "retain"), (17, "retain"), (18, "retain")]),
            [
                standing("value (retain)", Some(11)),
                standing("value (retain)", Some(11)),
                standing("retain", None),
            ]
        );
    }

    #[test]
    fn a_third_value_begins_anew_and_the_shown_one_clears() {
        assert_eq!(
            follow(
                3,
                &[
                    (11, "retain"),
                    (13, "winback"),
                    (14, "winback"),
                    (15, "value"),
                    (16, "winback")
                ]
            ),
            [
                standing("value (retain)", Some(11)),
                standing("value (winback)", Some(13)),
                standing("value (winback)", Some(13)),
                standing("value", None),
                standing("value (winback)", Some(16)),
            ]
        );
    }

    #[test]
    fn without_days_it_shows_at_once_and_with_one_the_next_night() {
        assert_eq!(follow(0, &[(11, "retain")]), [standing("retain", None)]);
        assert_eq!(
            follow(1, &[(11, "retain"), (12, "retain")]),
            [
                standing("value (retain)", Some(11)),
                standing("retain", None)
            ]
        );
    }

    #[test]
    fn a_day_that_no_candidate_belongs_to_counts_for_nothing() {
        let of_grace = ShownState {
            pending_since: Some(may(2)),
            ..ShownState::first("value", may(1))
        };
        let next = of_grace.after_hold("retain", 7, may(11));
        assert_eq!((next.tier, next.pending_since), ("value", Some(may(11))));
    }
}
