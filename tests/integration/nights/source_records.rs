//! What runs knew of the days of their sources: no record is taken for another, and they do not
//! pile up.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::time::Duration;

use super::example::{history, last_night, late, night_before};
use super::job::{Nights, source};
use super::lake::Delivery;
use super::pack::Edit;
use super::tables::publication;
use crate::naive::fixtures::days_ago;
use crate::support::command::Tierline;

/// A week and a day.
const LONG_AGO: Duration = Duration::from_secs(8 * 24 * 60 * 60);

/// The names of the records.
fn records(nights: &Nights) -> BTreeSet<String> {
    let records = fs::read_dir(nights.output_folder().join("sources")).unwrap();
    let names = records.map(|record| record.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// As if all of them had been written more than a week ago.
fn age(nights: &Nights) {
    for name in records(nights) {
        let path = nights.output_folder().join("sources").join(name);
        let record = File::options().write(true).open(path).unwrap();
        let written = record.metadata().unwrap().modified().unwrap();
        record.set_modified(written - LONG_AGO).unwrap();
    }
}

/// The records that the publications of the last two nights name.
async fn needed(nights: &Nights) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    for night in [night_before(), last_night()] {
        let published = publication(&nights.output(), night).await;
        needed.insert(format!("{}.json", published.source_record()));
    }
    needed
}

#[tokio::test]
async fn records_that_no_publication_needs_are_gone_after_a_week() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(days_ago(2)).await.unwrap();
    nights.run(night_before()).await.unwrap();
    assert_eq!(records(&nights).len(), 2);
    age(&nights);

    // That of the night before was needed when the night began.
    nights.run(last_night()).await.unwrap();
    assert_eq!(records(&nights), needed(&nights).await);
    assert_eq!(nights.status_of(last_night()).await, "already_published");

    // An older date that is restated knows more of its days than the newest.
    let late_file = Delivery {
        file_name: "late",
        ..Delivery::default()
    };
    nights.deliver(&late(), &late_file);
    age(&nights);
    assert_eq!(nights.status_of(night_before()).await, "replaced");
    assert_eq!(records(&nights), needed(&nights).await);
}

/// Another rule of features: rows of all dates.
const EDIT: &[Edit] = &[Edit {
    file: "tiers/lifecycle_stage.sql",
    from: "$loyal_orders",
    to: "($loyal_orders + 1)",
}];

/// Which sources a date was published from its publication says: nothing is asked of the rules.
#[tokio::test]
async fn a_source_that_is_declared_later_costs_no_record_of_old_rules() {
    let mut nights = Nights::over(&history(), &Delivery::default());
    nights.run(days_ago(2)).await.unwrap();
    nights.edit_pack(EDIT);
    nights.run(night_before()).await.unwrap();
    let declared =
        ["orders", "engagement", "users"].map(|name| source(name, &format!("lake/{name}")));
    let coupons = "[sources.coupons]\nurl = \"lake/coupons\"\nrequired = false\n[sources.coupons.columns]\nuser_id = \"BIGINT\"\n";
    nights.set_sources(declared.concat() + coupons);
    nights.run(last_night()).await.unwrap();

    let newest = publication(&nights.output(), last_night()).await;
    let newest = format!("{}.json", newest.rules_fingerprint.unwrap());
    let rules = nights.output_folder().join("rules");
    for record in fs::read_dir(rules).unwrap() {
        let record = record.unwrap();
        if *record.file_name() != *newest {
            fs::remove_file(record.path()).unwrap();
        }
    }
    let restated = Tierline::new().args(["backfill".as_ref(), nights.job_file().as_os_str()]);
    let restated = restated.args(["--affected"]).run();
    assert_eq!(
        &*restated.stdout, "no published date is affected; nothing done\n",
        "{restated:?}"
    );
}
