//! What sample to generate.

use chrono::{Days, NaiveDate};

/// How long before the first day of the sample users begin to register: by then many are old
/// customers, and some are gone.
const REGISTRATION_LEAD_DAYS: u32 = 150;

/// What to generate. Equal specs give equal bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleSpec {
    /// Users who register up to the last day, at a steady pace that began months before the first.
    pub user_count: u32,
    /// How many days of orders and engagement there are.
    pub day_count: u32,
    /// The last of these days.
    pub last_day: NaiveDate,
    /// Another seed gives other users.
    pub seed: u64,
    /// What a `user_id` looks like.
    pub user_ids: UserIds,
}

/// The type of the `user_id` columns. Users are numbered from 1 in order of registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserIds {
    /// VARCHAR: `u0000042`.
    Text,
    /// BIGINT: `42`.
    Integer,
}

impl SampleSpec {
    /// The days with orders and engagement, in order.
    pub fn days(&self) -> impl Iterator<Item = NaiveDate> + use<> {
        days_until(self.last_day, self.day_count)
    }

    /// The days on which users register, in order: those of the sample and the months before.
    pub(super) fn registration_days(&self) -> impl Iterator<Item = NaiveDate> + use<> {
        days_until(
            self.last_day,
            self.day_count.saturating_add(REGISTRATION_LEAD_DAYS),
        )
    }
}

fn days_until(last_day: NaiveDate, day_count: u32) -> impl Iterator<Item = NaiveDate> {
    (0..day_count)
        .rev()
        .filter_map(move |back| last_day.checked_sub_days(Days::new(back.into())))
}
