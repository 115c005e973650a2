//! Nights on a store that has a bad day. One request in a few goes wrong, whatever its kind: internal
//! errors, refusals, lost replies, connections that end before or after the request took effect, slow,
//! cut and stalled answers, listings that lag. A night publishes what it would have published on a good
//! day, or nothing; it never takes longer than `[storage]` allows, and once the day is better the next
//! run finishes.
//!
//! The faults are drawn from fixed seeds; `FAULT_SEEDS` tries more:
//! `FAULT_SEEDS=50 cargo test --test integration fault_matrix -- --nocapture`.

use std::time::{Duration, Instant};

use chrono::NaiveDate;
use tierline::publish::Publications;
use tierline::storage::Location;

use super::bucket::Bucket;
use super::tables::{Row, of_any_run, rows};
use crate::naive::fixtures::days_ago;

/// How many seeds an ordinary test run tries.
const SEEDS: u64 = 2;

/// How often a night is tried on a bad day.
const ATTEMPTS: usize = 3;

/// Short, so that a request that nobody answers is soon tried again.
const PATIENCE: &str = "\n[storage]\nretry_seconds = 8\nrequest_seconds = 1\n";

/// How long a night may take: its requests follow one another in some twenty steps.
const LONG: Duration = Duration::from_secs(200);

/// Exit codes of a night whose store failed: it may be run again.
const MAY_BE_RETRIED: [i32; 4] = [1, 4, 5, 6];

/// The nights.
fn nights() -> [NaiveDate; 2] {
    [days_ago(1), days_ago(0)]
}

/// The rows of every table of a date; none where it is not published.
async fn published(output: &Location, night: NaiveDate) -> Option<Vec<Vec<Row>>> {
    let publications = Publications::load(output).await.unwrap();
    let mut dates = publications.dates().into_iter().map(|date| date.day());
    dates.find(|date| *date == night)?;
    let mut of_tables = Vec::new();
    for table in tierline::tables::OUR_NAMES {
        let mut of_table = of_any_run(rows(output, night, table).await);
        of_table.sort();
        of_tables.push(of_table);
    }
    Some(of_tables)
}

/// The bucket, and what its nights publish on a good day.
async fn on_a_good_day() -> Vec<Option<Vec<Vec<Row>>>> {
    let bucket = Bucket::with_history_of(40, 2).await;
    let mut expected = Vec::new();
    for night in nights() {
        bucket.run(night);
        expected.push(published(&bucket.output(), night).await);
    }
    expected
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "what the seeds came to is asked for")]
async fn nights_on_bad_days_publish_what_they_would_have_or_nothing() {
    let expected = on_a_good_day().await;
    let seeds = std::env::var_os("FAULT_SEEDS").map(|seeds| seeds.into_string().unwrap());
    let seeds = seeds.map_or(SEEDS, |seeds| seeds.parse().unwrap());
    for seed in 0..seeds {
        let bucket = Bucket::with_history_of(40, 2).await;
        bucket.add_to_job(PATIENCE);
        for (night, expected) in nights().into_iter().zip(&expected) {
            // From one request in four to one in sixteen.
            let one_in = 4 << (seed % 3);
            bucket.server.begin_faults(seed, one_in);
            let mut codes = Vec::new();
            while codes.len() < ATTEMPTS && codes.last() != Some(&0) {
                let began = Instant::now();
                let ended = bucket.call("run", night);
                let took = began.elapsed();
                assert!(took < LONG, "seed {seed}, {night}: {took:?}");
                let is_known = ended.exit_code == 0 || MAY_BE_RETRIED.contains(&ended.exit_code);
                assert!(is_known, "seed {seed}, {night}: {ended:?}");
                codes.push(ended.exit_code);
            }
            bucket.server.end_trouble();
            println!("seed {seed}, one request in {one_in}, {night}: exit codes {codes:?}");
            let found = published(&bucket.output(), night).await;
            let is_published = codes.last() == Some(&0);
            assert!(found.is_some() || !is_published, "seed {seed}, {night}");
            assert!(
                found.is_none() || found == *expected,
                "seed {seed}, {night}"
            );
            bucket.run(night);
            let found = published(&bucket.output(), night).await;
            assert_eq!(found, *expected, "seed {seed}, {night}, the day after");
        }
    }
}

/// Files cannot be told apart by their e_tags then, but by their sizes and times.
#[tokio::test]
async fn nights_on_a_store_without_e_tags_publish_the_same() {
    let expected = on_a_good_day().await;
    let bucket = Bucket::with_history_of(40, 2).await;
    bucket.server.hide_e_tags();
    for (night, expected) in nights().into_iter().zip(&expected) {
        bucket.run(night);
        assert_eq!(published(&bucket.output(), night).await, *expected);
    }
}
