//! Section 6: from today's raw tier to the tier that is shown, by grace or by hold.
//!
//! With a grace of 7 days and a snapshot every day, a user who falls on 1 March:
//!
//! | snapshot | raw | shown | pending_since | since |
//! |---|---|---|---|---|
//! | 28 February | active | active | | 10 February |
//! | 1 March | silent | active | 1 March | 10 February |
//! | 7 March | silent | active | 1 March | 10 February |
//! | 8 March | silent | silent | | 8 March |

use chrono::NaiveDate;

use super::dimensions::{Dimension, Tier};
use super::text::{Columns, or_null};
use super::windows::days_between;

/// Today's tier of a user in one dimension, and how long another one waits there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawTier {
    pub(crate) dimension: Dimension,
    pub(crate) tier: Tier,
    /// Of grace in a ranked dimension, of hold in another.
    pub(crate) days: i64,
    /// Whether the user has a score and had none in the previous snapshot, or the other way round.
    pub(crate) is_score_new_or_gone: bool,
    /// Whether the previous snapshot was made by other rules.
    pub(crate) are_rules_new: bool,
}

/// The tier of a user in one dimension of a snapshot, and what waits there.
#[derive(Debug, Clone)]
pub(crate) struct TierState {
    pub(crate) raw: RawTier,
    pub(crate) shown: Tier,
    /// "The snapshot date on which the shown value last changed."
    pub(crate) since: NaiveDate,
    /// Of a dimension with hold.
    pub(crate) pending: Option<Tier>,
    pub(crate) pending_since: Option<NaiveDate>,
}

/// "On a user's first snapshot, show r." "Grace and hold bridge nights, not gaps and not rules": r is
/// shown at once when the previous snapshot is as many days old as the grace or hold, the night
/// before D aside, when it was made "by other rules", "or when r is the tier of users who can have
/// no score", or was.
///
/// `previous` is the user's state in the previous snapshot, and its date.
pub(crate) fn settle(
    raw: RawTier,
    previous: Option<(&TierState, NaiveDate)>,
    snapshot_date: NaiveDate,
) -> TierState {
    let Some((previous, previous_date)) = previous else {
        return show_raw(raw, snapshot_date);
    };
    let days_since_previous = days_between(previous_date, snapshot_date);
    let is_gap = days_since_previous > 1 && days_since_previous >= raw.days;
    let is_first_or_last_score = raw.is_score_new_or_gone && is_scored(raw.dimension);
    let since_if_shown = if raw.tier == previous.shown {
        previous.since
    } else {
        snapshot_date
    };
    if is_gap || raw.are_rules_new || is_first_or_last_score {
        return show_raw(raw, since_if_shown);
    }
    let waiting = if raw.dimension.is_ranked() {
        wait_in_grace(raw, previous, snapshot_date)
    } else {
        wait_in_hold(raw, previous, snapshot_date)
    };
    waiting.unwrap_or_else(|| show_raw(raw, since_if_shown))
}

/// "If rank(r) >= rank(s), show r and clear `pending_since`. Otherwise pending_since is the
/// previous one, or D; if D - pending_since >= grace_days, show r and clear it; else show s."
fn wait_in_grace(
    raw: RawTier,
    previous: &TierState,
    snapshot_date: NaiveDate,
) -> Option<TierState> {
    let is_demotion = raw.dimension.rank(raw.tier) < raw.dimension.rank(previous.shown);
    let pending_since = previous.pending_since.unwrap_or(snapshot_date);
    let is_over = days_between(pending_since, snapshot_date) >= raw.days;
    (is_demotion && !is_over).then_some(TierState {
        raw,
        shown: previous.shown,
        since: previous.since,
        pending: None,
        pending_since: Some(pending_since),
    })
}

/// "If r = s, clear both; else if r <> c (or there is none), the candidate is r since D; when D -
/// pending_since >= hold_days, show r and clear both."
fn wait_in_hold(raw: RawTier, previous: &TierState, snapshot_date: NaiveDate) -> Option<TierState> {
    if raw.tier == previous.shown {
        return None;
    }
    let pending_since = match (previous.pending, previous.pending_since) {
        (Some(candidate), Some(since)) if candidate == raw.tier => since,
        _ => snapshot_date,
    };
    let is_over = days_between(pending_since, snapshot_date) >= raw.days;
    (!is_over).then_some(TierState {
        raw,
        shown: previous.shown,
        since: previous.since,
        pending: Some(raw.tier),
        pending_since: Some(pending_since),
    })
}

fn show_raw(raw: RawTier, since: NaiveDate) -> TierState {
    TierState {
        raw,
        shown: raw.tier,
        since,
        pending: None,
        pending_since: None,
    }
}

/// The dimensions that go by the scores.
fn is_scored(dimension: Dimension) -> bool {
    matches!(
        dimension,
        Dimension::ValueTier | Dimension::RfmClass | Dimension::ValueEngagement
    )
}

impl TierState {
    /// The shown tier and its date; the raw tier and what waits for a dimension with grace or hold.
    pub(crate) fn columns(&self) -> Columns {
        let names = self.raw.dimension.column_names();
        let mut columns = vec![
            (names.shown, self.shown.to_owned()),
            (names.since, self.since.to_string()),
        ];
        if self.raw.days > 0 {
            columns.push((names.raw, self.raw.tier.to_owned()));
            columns.push((names.pending_since, or_null(self.pending_since)));
            if !self.raw.dimension.is_ranked() {
                columns.push((names.pending, or_null(self.pending)));
            }
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naive::fixtures::days_ago;

    const NO_SCORE: [Tier; 2] = ["no_orders", "unscored"];

    /// Settles the nights in order, each given as (days before D, raw tier), and writes every
    /// shown tier with the days before D of its `since` and of `pending_since`.
    fn settle_nights(
        dimension: Dimension,
        grace_days: i64,
        nights: &[(i64, Tier)],
    ) -> Vec<(Tier, i64, Option<i64>)> {
        let days_before_d = |day| days_between(day, days_ago(0));
        let mut previous: Option<(TierState, NaiveDate)> = None;
        let mut shown = Vec::new();
        for (days, tier) in nights {
            let tier_before = previous.as_ref().map_or(*tier, |(state, _)| state.raw.tier);
            let raw = RawTier {
                dimension,
                tier,
                days: grace_days,
                is_score_new_or_gone: NO_SCORE.contains(tier) != NO_SCORE.contains(&tier_before),
                are_rules_new: false,
            };
            let before = previous.as_ref().map(|(state, date)| (state, *date));
            let state = settle(raw, before, days_ago(*days));
            shown.push((
                state.shown,
                days_before_d(state.since),
                state.pending_since.map(days_before_d),
            ));
            previous = Some((state, days_ago(*days)));
        }
        shown
    }

    #[test]
    fn first_snapshot_shows_the_raw_tier_from_that_day() {
        let nights = [(9, "silent")];
        assert_eq!(
            settle_nights(Dimension::ValueTier, 7, &nights),
            [("silent", 9, None)]
        );
    }

    #[test]
    fn promotion_shows_at_once_and_an_unchanged_tier_keeps_its_date() {
        let nights = [(9, "silent"), (8, "silent"), (7, "high_value")];
        assert_eq!(
            settle_nights(Dimension::ValueTier, 7, &nights),
            [
                ("silent", 9, None),
                ("silent", 9, None),
                ("high_value", 7, None)
            ]
        );
    }

    #[test]
    fn without_grace_a_demotion_shows_at_once() {
        let nights = [(9, "loyal"), (8, "churned")];
        assert_eq!(
            settle_nights(Dimension::LifecycleStage, 0, &nights),
            [("loyal", 9, None), ("churned", 8, None)]
        );
    }

    #[test]
    fn a_grace_of_one_day_holds_for_one_night() {
        let nights = [(9, "active"), (8, "silent"), (7, "silent")];
        assert_eq!(
            settle_nights(Dimension::ValueTier, 1, &nights),
            [
                ("active", 9, None),
                ("active", 9, Some(8)),
                ("silent", 7, None)
            ]
        );
    }

    #[test]
    fn a_grace_of_seven_days_ends_on_the_seventh_day_after_the_fall() {
        let nights = [
            (10, "active"),
            (9, "silent"),
            (8, "silent"),
            (3, "silent"),
            (2, "silent"),
            (1, "silent"),
        ];
        assert_eq!(
            settle_nights(Dimension::ValueTier, 7, &nights),
            [
                ("active", 10, None),
                ("active", 10, Some(9)),
                ("active", 10, Some(9)),
                ("active", 10, Some(9)),
                ("silent", 2, None),
                ("silent", 2, None),
            ]
        );
    }

    #[test]
    fn missed_nights_count_towards_grace_but_the_first_lower_night_starts_it() {
        let nights = [(16, "active"), (10, "silent"), (4, "silent"), (3, "silent")];
        assert_eq!(
            settle_nights(Dimension::ValueTier, 7, &nights),
            [
                ("active", 16, None),
                ("active", 16, Some(10)),
                ("active", 16, Some(10)),
                ("silent", 3, None)
            ]
        );
    }

    #[test]
    fn a_gap_of_the_days_of_grace_ends_it() {
        let nights = [(17, "active"), (10, "silent")];
        assert_eq!(
            settle_nights(Dimension::ValueTier, 7, &nights),
            [("active", 17, None), ("silent", 10, None)]
        );
    }

    #[test]
    fn whoever_has_nothing_to_score_is_shown_so_at_once() {
        let nights = [(9, "active"), (8, "no_orders")];
        assert_eq!(
            settle_nights(Dimension::ValueTier, 7, &nights),
            [("active", 9, None), ("no_orders", 8, None)]
        );
    }

    #[test]
    fn recovery_clears_the_wait_and_the_next_fall_starts_it_anew() {
        let nights = [
            (12, "active"),
            (11, "silent"),
            (6, "active"),
            (5, "silent"),
            (0, "silent"),
        ];
        assert_eq!(
            settle_nights(Dimension::ValueTier, 7, &nights),
            [
                ("active", 12, None),
                ("active", 12, Some(11)),
                ("active", 12, None),
                ("active", 12, Some(5)),
                ("active", 12, Some(5)),
            ]
        );
    }

    /// Lower tiers need not be the same one: the tier that shows in the end is the last night's.
    #[test]
    fn the_wait_goes_on_through_different_lower_tiers() {
        let nights = [
            (8, "high_value"),
            (7, "low_value"),
            (3, "active"),
            (0, "silent"),
        ];
        assert_eq!(
            settle_nights(Dimension::ValueTier, 7, &nights),
            [
                ("high_value", 8, None),
                ("high_value", 8, Some(7)),
                ("high_value", 8, Some(7)),
                ("silent", 0, None),
            ]
        );
    }

    #[test]
    fn a_dimension_without_rank_and_hold_shows_every_change_at_once() {
        let nights = [(9, "important_value"), (8, "general_winback")];
        assert_eq!(
            settle_nights(Dimension::RfmClass, 0, &nights),
            [("important_value", 9, None), ("general_winback", 8, None)]
        );
    }

    #[test]
    fn a_class_shows_once_that_very_class_has_held() {
        let nights = [
            (12, "general_value"),
            (11, "general_retain"),
            (9, "important_value"),
            (3, "important_value"),
            (2, "important_value"),
        ];
        assert_eq!(
            settle_nights(Dimension::RfmClass, 7, &nights),
            [
                ("general_value", 12, None),
                ("general_value", 12, Some(11)),
                ("general_value", 12, Some(9)),
                ("general_value", 12, Some(9)),
                ("important_value", 2, None),
            ]
        );
    }

    #[test]
    fn the_first_class_shows_at_once() {
        let nights = [(9, "unscored"), (8, "general_develop")];
        assert_eq!(
            settle_nights(Dimension::RfmClass, 7, &nights),
            [("unscored", 9, None), ("general_develop", 8, None)]
        );
    }

    #[test]
    fn other_rules_end_the_wait() {
        let raw = |tier, are_rules_new| RawTier {
            dimension: Dimension::RfmClass,
            tier,
            days: 7,
            is_score_new_or_gone: false,
            are_rules_new,
        };
        let first = settle(raw("general_value", false), None, days_ago(3));
        let waiting = settle(
            raw("general_retain", false),
            Some((&first, days_ago(3))),
            days_ago(2),
        );
        let shown = settle(
            raw("general_retain", true),
            Some((&waiting, days_ago(2))),
            days_ago(1),
        );
        assert_eq!(
            (waiting.shown, waiting.pending_since),
            ("general_value", Some(days_ago(2)))
        );
        assert_eq!((shown.shown, shown.since), ("general_retain", days_ago(1)));
        assert_eq!((shown.pending, shown.pending_since), (None, None));
    }

    #[test]
    fn only_a_dimension_with_a_wait_publishes_raw_and_pending() {
        let names = |dimension, days| -> Vec<&str> {
            let raw = RawTier {
                dimension,
                tier: "active",
                days,
                is_score_new_or_gone: false,
                are_rules_new: false,
            };
            let columns = settle(raw, None, days_ago(0)).columns();
            columns.into_iter().map(|(name, _)| name).collect()
        };

        let of_value = |days| names(Dimension::ValueTier, days);
        assert_eq!(of_value(0), ["value_tier", "value_tier_since"]);
        assert_eq!(
            names(Dimension::NeedType, 1).last(),
            Some(&"need_type_pending")
        );
        assert_eq!(
            of_value(7),
            [
                "value_tier",
                "value_tier_since",
                "value_tier_raw",
                "value_tier_pending_since"
            ]
        );
    }
}
