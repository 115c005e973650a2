//! Section 3, interaction: the features over one user's events.

use chrono::{NaiveDate, NaiveDateTime, Timelike};

use super::event_types::{EventType, EventTypes};
use super::history::Event;
use super::text::{Columns, or_null};
use super::windows::{Window, days_before};

/// "Counts and sums are 0 where there is nothing; days, maxima and ratios are NULL."
#[derive(Debug, Clone, Default)]
pub(crate) struct Interactions {
    pub(crate) first_event_day: Option<NaiveDate>,
    pub(crate) last_event_day: Option<NaiveDate>,
    pub(crate) last_interaction_day: Option<NaiveDate>,
    pub(crate) last_save_day: Option<NaiveDate>,
    pub(crate) last_complaint_day: Option<NaiveDate>,
    pub(crate) last_touch_day: Option<NaiveDate>,
    pub(crate) can_contact: bool,
    pub(crate) interactions_lifetime: i64,
    pub(crate) opens_30d: i64,
    pub(crate) saves_30d: i64,
    pub(crate) complaints_30d: i64,
    pub(crate) complaints_prev_28d: i64,
    pub(crate) watch_seconds_30d: i64,
    pub(crate) touches_7d: i64,
    pub(crate) touches_30d: i64,
    pub(crate) recalls_90d: i64,
    pub(crate) unsubscribes_30d: i64,
    pub(crate) events_lifetime: i64,
    pub(crate) interactions_7d: i64,
    pub(crate) interactions_30d: i64,
    pub(crate) interactions_prev_30d: i64,
    pub(crate) opens_15d: i64,
    pub(crate) opens_d0: i64,
    pub(crate) opens_d1: i64,
    pub(crate) opens_d2: i64,
    pub(crate) opens_d3: i64,
    pub(crate) posts_30d: i64,
    pub(crate) posts_prev_30d: i64,
    pub(crate) campaign_exposures_90d: i64,
    pub(crate) campaign_joins_90d: i64,
    pub(crate) surveys_90d: i64,
    pub(crate) posts_90d: i64,
    pub(crate) complaints_d0: i64,
    pub(crate) complaints_d1: i64,
    pub(crate) reader_30d: i64,
    pub(crate) liker_30d: i64,
    pub(crate) commenter_30d: i64,
    pub(crate) sharer_30d: i64,
    pub(crate) functional_90d: i64,
    pub(crate) social_90d: i64,
    pub(crate) emotional_90d: i64,
    pub(crate) last_content_id: Option<String>,
    /// Of the night, the morning, the afternoon and the evening.
    pub(crate) events_by_day_part_90d: [i64; 4],
}

/// The features over the user's events up to D.
pub(crate) fn interactions(
    events: &[&Event],
    event_types: &EventTypes,
    snapshot_date: NaiveDate,
) -> Interactions {
    let tally = Tally::over(events, event_types);
    let own = |event_type: &EventType| !event_type.is_touch;
    let last_days = |days| Window::last_days(days, snapshot_date);
    let previous_days = |days| Window::previous_days(days, snapshot_date);
    let single_day = |days_ago| Window::single_day(days_ago, snapshot_date);
    Interactions {
        first_event_day: tally.days(own).min(),
        last_event_day: tally.days(own).max(),
        last_interaction_day: tally.days(|event_type| event_type.is_active).max(),
        last_save_day: tally.last_day_of("save"),
        last_complaint_day: tally.last_day_of("complaint"),
        last_touch_day: tally.days(|event_type| event_type.is_touch).max(),
        can_contact: last_at(events, event_types, "unsubscribe")
            <= last_at(events, event_types, "resubscribe"),
        events_lifetime: tally.days(own).count() as i64,
        interactions_lifetime: tally.days(|event_type| event_type.is_active).count() as i64,
        opens_30d: tally.role("open", last_days(30)),
        saves_30d: tally.role("save", last_days(30)),
        complaints_30d: tally.role("complaint", last_days(30)),
        complaints_prev_28d: tally.role(
            "complaint",
            Window::last_days(28, days_before(snapshot_date, 1)),
        ),
        // No event of these histories has a duration.
        watch_seconds_30d: 0,
        touches_7d: tally.count(last_days(7), |event_type| event_type.is_touch),
        touches_30d: tally.count(last_days(30), |event_type| event_type.is_touch),
        recalls_90d: tally.role("recall", last_days(90)),
        unsubscribes_30d: tally.role("unsubscribe", last_days(30)),
        interactions_7d: tally.active(last_days(7)),
        interactions_30d: tally.active(last_days(30)),
        interactions_prev_30d: tally.active(previous_days(30)),
        opens_15d: tally.role("open", last_days(15)),
        opens_d0: tally.role("open", single_day(0)),
        opens_d1: tally.role("open", single_day(1)),
        opens_d2: tally.role("open", single_day(2)),
        opens_d3: tally.role("open", single_day(3)),
        posts_30d: tally.role("post", last_days(30)),
        posts_prev_30d: tally.role("post", previous_days(30)),
        campaign_exposures_90d: campaign_exposures(events, last_days(90)),
        campaign_joins_90d: tally.role("campaign_join", last_days(90)),
        surveys_90d: tally.role("survey", last_days(90)),
        posts_90d: tally.role("post", last_days(90)),
        complaints_d0: tally.role("complaint", single_day(0)),
        complaints_d1: tally.role("complaint", single_day(1)),
        reader_30d: tally.style("reader", last_days(30)),
        liker_30d: tally.style("liker", last_days(30)),
        commenter_30d: tally.style("commenter", last_days(30)),
        sharer_30d: tally.style("sharer", last_days(30)),
        functional_90d: tally.need("functional", last_days(90)),
        social_90d: tally.need("social", last_days(90)),
        emotional_90d: tally.need("emotional", last_days(90)),
        last_content_id: last_content_id(events, event_types),
        events_by_day_part_90d: events_by_day_part(events, event_types, last_days(90)),
    }
}

/// When the newest event of a role was.
fn last_at(events: &[&Event], event_types: &EventTypes, role: &str) -> Option<NaiveDateTime> {
    let of_role = events.iter();
    let of_role =
        of_role.filter(|event| event_types.describe(&event.event_type).role == Some(role));
    of_role.map(|event| event.at()).max()
}

/// The content of the user's newest event that has one.
fn last_content_id(events: &[&Event], event_types: &EventTypes) -> Option<String> {
    let own = events.iter();
    let own = own.filter(|event| !event_types.describe(&event.event_type).is_touch);
    let contents = own.filter_map(|event| Some((event.at(), event.content_id.as_ref()?)));
    contents.max().map(|(_, content_id)| content_id.clone())
}

/// The user's own events from midnight to six, to noon, to six, to midnight.
fn events_by_day_part(events: &[&Event], event_types: &EventTypes, window: Window) -> [i64; 4] {
    let mut counts = [0; 4];
    let within = events.iter().filter(|event| window.contains(event.day));
    for event in within.filter(|event| !event_types.describe(&event.event_type).is_touch) {
        counts[event.time.hour() as usize / 6] += 1;
    }
    counts
}

/// "the largest of these, the later in the day on a tie, NULL when all are 0"
fn preferred_day_part(counts: [i64; 4]) -> Option<&'static str> {
    let parts = ["night", "morning", "afternoon", "evening"];
    let counted = counts.into_iter().zip(parts).enumerate();
    let largest = counted.max_by_key(|(position, (count, _))| (*count, *position));
    largest
        .filter(|(_, (count, _))| *count > 0)
        .map(|(_, (_, part))| part)
}

/// "Touches of the type campaign_exposure"
fn campaign_exposures(events: &[&Event], window: Window) -> i64 {
    let exposures = events.iter();
    let exposures = exposures.filter(|event| event.event_type == "campaign_exposure");
    exposures.filter(|event| window.contains(event.day)).count() as i64
}

/// A user's events with what their types mean.
struct Tally {
    events: Vec<(NaiveDate, EventType)>,
}

impl Tally {
    fn over(events: &[&Event], event_types: &EventTypes) -> Self {
        let events = events
            .iter()
            .map(|event| (event.day, event_types.describe(&event.event_type)))
            .collect();
        Self { events }
    }

    fn days(&self, wanted: impl Fn(&EventType) -> bool) -> impl Iterator<Item = NaiveDate> {
        let wanted = self
            .events
            .iter()
            .filter(move |(_, event_type)| wanted(event_type));
        wanted.map(|(day, _)| *day)
    }

    fn last_day_of(&self, role: &str) -> Option<NaiveDate> {
        self.days(|event_type| event_type.role == Some(role)).max()
    }

    /// "Active events are interactions, the others (open, view) are passive."
    fn active(&self, window: Window) -> i64 {
        self.count(window, |event_type| event_type.is_active)
    }

    fn style(&self, style: &str, window: Window) -> i64 {
        self.count(window, |event_type| event_type.style == Some(style))
    }

    fn need(&self, need: &str, window: Window) -> i64 {
        self.count(window, |event_type| event_type.need == Some(need))
    }

    fn role(&self, role: &str, window: Window) -> i64 {
        self.count(window, |event_type| event_type.role == Some(role))
    }

    fn count(&self, window: Window, wanted: impl Fn(&EventType) -> bool) -> i64 {
        let matching = self
            .events
            .iter()
            .filter(|(day, event_type)| window.contains(*day) && wanted(event_type));
        matching.count() as i64
    }
}

impl Interactions {
    pub(crate) fn columns(&self) -> Columns {
        let mut columns = vec![
            ("first_event_day", or_null(self.first_event_day)),
            ("last_event_day", or_null(self.last_event_day)),
            ("last_interaction_day", or_null(self.last_interaction_day)),
            ("last_save_day", or_null(self.last_save_day)),
            ("last_complaint_day", or_null(self.last_complaint_day)),
            ("last_touch_day", or_null(self.last_touch_day)),
            ("can_contact", self.can_contact.to_string()),
            ("last_content_id", or_null(self.last_content_id.as_deref())),
            (
                "preferred_day_part",
                or_null(preferred_day_part(self.events_by_day_part_90d)),
            ),
        ];
        let [night, morning, afternoon, evening] = self.events_by_day_part_90d;
        let day_parts = [
            ("events_night_90d", night),
            ("events_morning_90d", morning),
            ("events_afternoon_90d", afternoon),
            ("events_evening_90d", evening),
        ];
        columns.extend(day_parts.map(|(column, count)| (column, count.to_string())));
        let counts = self
            .counts()
            .map(|(column, count)| (column, count.to_string()));
        columns.extend(counts);
        columns
    }

    fn counts(&self) -> [(&'static str, i64); 33] {
        [
            ("interactions_lifetime", self.interactions_lifetime),
            ("opens_30d", self.opens_30d),
            ("saves_30d", self.saves_30d),
            ("complaints_30d", self.complaints_30d),
            ("watch_seconds_30d", self.watch_seconds_30d),
            ("touches_7d", self.touches_7d),
            ("touches_30d", self.touches_30d),
            ("recalls_90d", self.recalls_90d),
            ("unsubscribes_30d", self.unsubscribes_30d),
            ("events_lifetime", self.events_lifetime),
            ("interactions_7d", self.interactions_7d),
            ("interactions_30d", self.interactions_30d),
            ("interactions_prev_30d", self.interactions_prev_30d),
            ("opens_15d", self.opens_15d),
            ("opens_d0", self.opens_d0),
            ("opens_d1", self.opens_d1),
            ("opens_d2", self.opens_d2),
            ("opens_d3", self.opens_d3),
            ("posts_30d", self.posts_30d),
            ("posts_prev_30d", self.posts_prev_30d),
            ("campaign_exposures_90d", self.campaign_exposures_90d),
            ("campaign_joins_90d", self.campaign_joins_90d),
            ("surveys_90d", self.surveys_90d),
            ("posts_90d", self.posts_90d),
            ("complaints_d0", self.complaints_d0),
            ("complaints_d1", self.complaints_d1),
            ("reader_30d", self.reader_30d),
            ("liker_30d", self.liker_30d),
            ("commenter_30d", self.commenter_30d),
            ("sharer_30d", self.sharer_30d),
            ("functional_90d", self.functional_90d),
            ("social_90d", self.social_90d),
            ("emotional_90d", self.emotional_90d),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naive::fixtures::{days_ago, event, snapshot_date};

    fn interactions_of(rows: &[(i64, &str)]) -> Interactions {
        let events: Vec<Event> = rows
            .iter()
            .map(|(days, event_type)| event("u", *days, event_type))
            .collect();
        let events: Vec<&Event> = events.iter().collect();
        interactions(&events, &EventTypes::defaults(), snapshot_date())
    }

    #[test]
    fn active_events_fall_out_of_a_window_the_day_it_ends() {
        let features = interactions_of(&[
            (0, "click"),
            (6, "save"),
            (7, "vote"),
            (29, "like"),
            (30, "like"),
            (59, "like"),
            (60, "like"),
        ]);

        assert_eq!(features.interactions_7d, 2);
        assert_eq!(features.interactions_30d, 4);
        assert_eq!(features.interactions_prev_30d, 2);
        assert_eq!(features.events_lifetime, 7);
        assert_eq!(features.first_event_day, Some(days_ago(60)));
        assert_eq!(features.last_event_day, Some(days_ago(0)));
    }

    #[test]
    fn passive_and_unknown_events_are_seen_but_are_no_interactions() {
        let features = interactions_of(&[
            (0, "open"),
            (0, "view"),
            (0, "campaign_exposure"),
            (0, "hologram"),
        ]);

        assert_eq!(features.interactions_7d, 0);
        assert_eq!(features.events_lifetime, 3);
        assert_eq!(features.last_event_day, Some(snapshot_date()));
        assert_eq!(features.reader_30d, 1);
        assert_eq!(features.campaign_exposures_90d, 1);
    }

    #[test]
    fn touches_are_what_the_brand_did_and_no_activity_of_the_user() {
        let features = interactions_of(&[
            (0, "campaign_exposure"),
            (6, "message_sent"),
            (7, "recall_sent"),
            (30, "message_sent"),
        ]);

        assert_eq!(features.last_event_day, None);
        assert_eq!(features.events_lifetime, 0);
        assert_eq!(features.last_touch_day, Some(snapshot_date()));
        assert_eq!(features.touches_7d, 2);
        assert_eq!(features.touches_30d, 3);
        assert_eq!(features.recalls_90d, 1);
    }

    #[test]
    fn contact_ends_with_an_unsubscribe_and_begins_again_with_a_later_resubscribe() {
        let can_contact = |rows: &[(i64, &str)]| interactions_of(rows).can_contact;

        assert!(can_contact(&[]));
        assert!(!can_contact(&[(3, "unsubscribe")]));
        assert!(!can_contact(&[(3, "unsubscribe"), (4, "resubscribe")]));
        assert!(can_contact(&[(3, "unsubscribe"), (2, "resubscribe")]));
        assert!(can_contact(&[(3, "unsubscribe"), (3, "resubscribe")]));
    }

    #[test]
    fn opens_are_counted_on_each_of_the_last_four_days() {
        let features = interactions_of(&[
            (1, "open"),
            (2, "open"),
            (2, "open"),
            (3, "open"),
            (4, "open"),
            (14, "open"),
            (15, "open"),
        ]);

        assert_eq!(features.opens_d0, 0);
        assert_eq!(features.opens_d1, 1);
        assert_eq!(features.opens_d2, 2);
        assert_eq!(features.opens_d3, 1);
        assert_eq!(features.opens_15d, 6);
    }

    #[test]
    fn a_review_is_social_and_commenter_but_no_post() {
        let features = interactions_of(&[(0, "review"), (0, "comment"), (30, "post")]);

        assert_eq!(features.commenter_30d, 2);
        assert_eq!(features.social_90d, 3);
        assert_eq!(features.posts_30d, 1);
        assert_eq!(features.posts_prev_30d, 1);
        assert_eq!(features.posts_90d, 2);
    }

    #[test]
    fn campaign_joins_are_joins_and_redeemed_coupons() {
        let features = interactions_of(&[
            (89, "campaign_join"),
            (89, "coupon_redemption"),
            (90, "campaign_join"),
            (89, "survey"),
        ]);

        assert_eq!(features.campaign_joins_90d, 2);
        assert_eq!(features.surveys_90d, 1);
    }

    #[test]
    fn a_complaint_is_a_functional_need() {
        let features = interactions_of(&[
            (0, "complaint"),
            (1, "complaint"),
            (1, "complaint"),
            (2, "consult"),
            (3, "brand_story"),
        ]);

        assert_eq!(features.complaints_d0, 1);
        assert_eq!(features.complaints_d1, 2);
        assert_eq!(features.functional_90d, 4);
        assert_eq!(features.emotional_90d, 1);
        assert_eq!(features.interactions_7d, 4);
    }
}
