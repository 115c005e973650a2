//! What to say of a date that is not published: whether it was withdrawn or has expired, and which dates near it are.

use std::collections::BTreeSet;

use crate::ground::{Diagnostic, Problems, SnapshotDate};
use crate::night::NightError;
use crate::publish::{Publication, Publications};

/// How many published dates a message about one that is not published names.
const DATES_NAMED: usize = 4;

/// What somebody wants of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To see it.
    Show,
    /// To see it, although it cannot be published again.
    ShowFinal,
    /// To take it back.
    Withdraw,
}

/// Says that a date is not published, and what to do. No date stands for the newest.
///
/// # Errors
/// Always: the problem, or that of the store in which it was looked for.
pub(crate) async fn not_published(
    date: Option<SnapshotDate>,
    publications: &Publications,
    wish: Wish,
) -> NightError {
    let last = match date {
        Some(date) => publications.last_of(date),
        None => publications.all().last(),
    };
    let withdrawal = match last.filter(|last| !last.is_published()) {
        Some(withdrawal) => match explanation(publications, withdrawal).await {
            Ok(told) => Some(told),
            Err(failure) => return failure,
        },
        None => None,
    };
    let is_final = date.is_some_and(|date| publications.is_final(date));
    let wish = match wish {
        Wish::Show if is_final => Wish::ShowFinal,
        wish => wish,
    };
    problem(date, withdrawal, &publications.dates(), wish).into()
}

/// Which date was withdrawn or has expired, when, and by which run.
async fn explanation(
    publications: &Publications,
    withdrawal: &Publication,
) -> Result<String, NightError> {
    let date = withdrawal.snapshot_date;
    let run_id = &withdrawal.run_id;
    if withdrawal.is_expired() {
        return Ok(format!(
            "{date} has expired: `tierline maintain` has removed its users, as `daily` under [maintain] says"
        ));
    }
    Ok(match publications.published_at(withdrawal).await? {
        Some(time) => {
            let time = time.format("%F %T UTC");
            format!("{date} was withdrawn, at {time} by run {run_id}")
        }
        None => format!("{date} was withdrawn, by run {run_id}"),
    })
}

fn problem(
    date: Option<SnapshotDate>,
    withdrawal: Option<String>,
    published: &BTreeSet<SnapshotDate>,
    wish: Wish,
) -> Problems {
    let run = match date {
        Some(date) => format!("`tierline run --date {date}`"),
        None => "`tierline run`".to_owned(),
    };
    let nearby = date.map(|date| nearest_dates(date, published));
    let nearby = nearby.filter(|nearby| !nearby.is_empty());
    let message = match (date, withdrawal, &nearby) {
        (Some(_), Some(withdrawal), Some(nearby)) => {
            format!(
                "{withdrawal}; the nearest that are published: {}",
                list(nearby)
            )
        }
        (_, Some(withdrawal), _) => format!("nothing is published any more: {withdrawal}"),
        (Some(date), None, Some(nearby)) => {
            format!(
                "{date} is not published; the nearest that are: {}",
                list(nearby)
            )
        }
        (_, None, _) => "nothing is published yet".to_owned(),
    };
    let help = match (wish, nearby.is_some()) {
        (Wish::Show, true) => format!("name one of them, or publish it: {run}"),
        (Wish::ShowFinal, _) => "name one of them: it cannot be published again".to_owned(),
        (Wish::Show, false) => format!("publish a date first: {run}"),
        (Wish::Withdraw, true) => {
            "name one of them: a date that is not published needs no withdrawal".to_owned()
        }
        (Wish::Withdraw, false) => "there is nothing to withdraw".to_owned(),
    };
    Problems(vec![Diagnostic::new(message).help(help)])
}

fn list(dates: &BTreeSet<SnapshotDate>) -> String {
    let dates: Vec<String> = dates.iter().map(SnapshotDate::to_string).collect();
    dates.join(", ")
}

/// The published dates that are the fewest days away, in order.
fn nearest_dates(date: SnapshotDate, published: &BTreeSet<SnapshotDate>) -> BTreeSet<SnapshotDate> {
    let mut by_distance: Vec<SnapshotDate> = published.iter().copied().collect();
    by_distance.sort_by_key(|other| other.days_since_epoch().abs_diff(date.days_since_epoch()));
    by_distance.into_iter().take(DATES_NAMED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(day: &str) -> SnapshotDate {
        day.parse().unwrap()
    }

    fn message(
        wanted: Option<&str>,
        withdrawal: Option<&str>,
        published: &[&str],
        wish: Wish,
    ) -> String {
        let published = published.iter().map(|day| date(day)).collect();
        let withdrawal = withdrawal.map(str::to_owned);
        problem(wanted.map(date), withdrawal, &published, wish).to_string()
    }

    #[test]
    fn nothing_published_says_what_to_run() {
        insta::assert_snapshot!(message(Some("2026-11-20"), None, &[], Wish::Show), @"
        error: nothing is published yet
         |
         = help: publish a date first: `tierline run --date 2026-11-20`
        ");
        insta::assert_snapshot!(message(None, None, &[], Wish::Show), @"
        error: nothing is published yet
         |
         = help: publish a date first: `tierline run`
        ");
        insta::assert_snapshot!(message(Some("2026-11-20"), None, &[], Wish::Withdraw), @"
        error: nothing is published yet
         |
         = help: there is nothing to withdraw
        ");
    }

    #[test]
    fn a_date_that_is_not_published_names_those_nearby() {
        let published = [
            "2026-11-01",
            "2026-11-17",
            "2026-11-18",
            "2026-11-20",
            "2026-11-21",
            "2026-12-24",
        ];
        insta::assert_snapshot!(message(Some("2026-11-19"), None, &published, Wish::Show), @"
        error: 2026-11-19 is not published; the nearest that are: 2026-11-17, 2026-11-18, 2026-11-20, 2026-11-21
         |
         = help: name one of them, or publish it: `tierline run --date 2026-11-19`
        ");
        insta::assert_snapshot!(message(Some("2026-11-19"), None, &published, Wish::Withdraw), @"
        error: 2026-11-19 is not published; the nearest that are: 2026-11-17, 2026-11-18, 2026-11-20, 2026-11-21
         |
         = help: name one of them: a date that is not published needs no withdrawal
        ");
    }

    #[test]
    fn a_date_that_was_withdrawn_says_so() {
        let withdrawal = Some("2026-11-19 was withdrawn, by run r");
        insta::assert_snapshot!(message(Some("2026-11-19"), withdrawal, &["2026-11-18"], Wish::Show), @"
        error: 2026-11-19 was withdrawn, by run r; the nearest that are published: 2026-11-18
         |
         = help: name one of them, or publish it: `tierline run --date 2026-11-19`
        ");
        insta::assert_snapshot!(message(None, withdrawal, &[], Wish::Show), @"
        error: nothing is published any more: 2026-11-19 was withdrawn, by run r
         |
         = help: publish a date first: `tierline run`
        ");
    }
}
