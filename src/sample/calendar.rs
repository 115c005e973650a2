//! What a day is like for everybody: its place in the week, and whether a campaign runs.
//!
//! In: a date. Out: a [`Day`]. It follows from the date alone, so a date looks the same in
//! samples of any length.

use std::ops::RangeInclusive;

use chrono::{Datelike, NaiveDate, NaiveTime, TimeDelta, Weekday};

use super::dice::Dice;

/// A campaign starts every three weeks.
const CAMPAIGN_CYCLE_DAYS: i32 = 21;
/// It runs for this many days.
const CAMPAIGN_DAYS: i32 = 5;
/// How much busier a campaign makes a day.
const CAMPAIGN_BUSTLE: f64 = 1.2;

const MILLIS_PER_HOUR: u32 = 3_600_000;
/// Nobody comes before six in the morning, UTC.
const EARLIEST_MILLIS: u32 = 6 * MILLIS_PER_HOUR;
/// Added twice: arrivals are likeliest around two in the afternoon and end at ten at night, early
/// enough for no visit to reach into the next day.
const SPREAD_MILLIS: RangeInclusive<u32> = 0..=8 * MILLIS_PER_HOUR;

/// One UTC business day.
#[derive(Clone, Debug)]
pub(super) struct Day {
    pub(super) date: NaiveDate,
    /// Days since the common era: consecutive days have consecutive numbers.
    pub(super) number: i32,
    /// The first instant of the day, in microseconds since 1970.
    midnight_micros: i64,
    /// How busy the day is; 1.0 on average over a week without a campaign.
    pub(super) bustle: f64,
    /// The campaign that runs on this day.
    pub(super) campaign_id: Option<String>,
}

impl Day {
    pub(super) fn on(date: NaiveDate) -> Self {
        let campaign_id = campaign_on(date);
        let campaign_bustle = if campaign_id.is_some() {
            CAMPAIGN_BUSTLE
        } else {
            1.0
        };
        Self {
            date,
            number: date.num_days_from_ce(),
            midnight_micros: date.and_time(NaiveTime::MIN).and_utc().timestamp_micros(),
            bustle: weekday_bustle(date.weekday()) * campaign_bustle,
            campaign_id,
        }
    }

    /// A moment of this day at which a user turns up, in microseconds since 1970.
    pub(super) fn arrival_micros(&self, dice: &mut Dice) -> i64 {
        let millis = EARLIEST_MILLIS + dice.within(&SPREAD_MILLIS) + dice.within(&SPREAD_MILLIS);
        self.midnight_micros + i64::from(millis) * 1_000
    }
}

fn weekday_bustle(weekday: Weekday) -> f64 {
    match weekday {
        Weekday::Mon | Weekday::Wed => 0.9,
        Weekday::Tue => 0.85,
        Weekday::Thu => 0.95,
        Weekday::Fri => 1.05,
        Weekday::Sat => 1.2,
        Weekday::Sun => 1.15,
    }
}

/// Campaigns are named for the day they started on: `campaign-2026-11-07`.
fn campaign_on(date: NaiveDate) -> Option<String> {
    let days_since_start = date.num_days_from_ce().rem_euclid(CAMPAIGN_CYCLE_DAYS);
    if days_since_start >= CAMPAIGN_DAYS {
        return None;
    }
    let started_on = date.checked_sub_signed(TimeDelta::days(days_since_start.into()))?;
    Some(format!("campaign-{started_on}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three_weeks() -> impl Iterator<Item = Day> {
        NaiveDate::default()
            .iter_days()
            .take(CAMPAIGN_CYCLE_DAYS as usize)
            .map(Day::on)
    }

    #[test]
    fn three_weeks_hold_five_days_of_campaign() {
        assert_eq!(
            three_weeks()
                .filter(|day| day.campaign_id.is_some())
                .count(),
            5
        );
    }

    #[test]
    fn a_campaign_is_named_for_its_first_day() {
        let first = three_weeks().find(|day| day.campaign_id.is_some()).unwrap();
        let last = Day::on(first.date + TimeDelta::days(4));
        assert_eq!(first.campaign_id, Some(format!("campaign-{}", first.date)));
        assert_eq!(last.campaign_id, first.campaign_id);
    }

    #[test]
    fn an_ordinary_week_has_seven_days_worth_of_bustle() {
        let week = NaiveDate::default().iter_days().take(7);
        let bustle: f64 = week.map(|date| weekday_bustle(date.weekday())).sum();
        assert!((bustle - 7.0).abs() < 1e-9);
    }
}
