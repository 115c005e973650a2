//! New cut points: compared by `tierline calibrate`, kept when confirmed; and cut points by hand.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde_json::Value;
use tierline::ground::{Classified, FailureKind};
use tierline::night::{Report, Status};

use super::example::{history, history_with_late, last_night, late, night_before, rows_of_last};
use super::expected::{assert_same_night, published};
use super::job::{Nights, calibration_id};
use super::lake::Delivery;
use super::pack::Edit;
use super::tables::versions;
use crate::naive::calibration::{CutPoints, calibrate};
use crate::naive::dimensions::{Dimension, raw_tiers};
use crate::naive::event_types::EventTypes;
use crate::naive::features::{Features, features};
use crate::naive::fixtures::{days_ago, event, hand_given_cut_points, order};
use crate::naive::history::History;
use crate::naive::parameters::{Parameters, Rules};
use crate::naive::scores::{Scores, score};
use crate::naive::text;
use crate::support::command::{Finished, Redactions, Tierline};

/// Calls `tierline calibrate` as of a date.
fn called(nights: &Nights, date: NaiveDate, arguments: &[&str]) -> Finished {
    Tierline::new()
        .args(["calibrate"])
        .args([nights.job_file()])
        .args(["--date", &date.to_string()])
        .args(arguments)
        .run()
}

/// What such a call, which must succeed, prints.
fn shown(nights: &Nights, date: NaiveDate, arguments: &[&str]) -> String {
    let finished = called(nights, date, arguments);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    assert_eq!(finished.stderr, "");
    finished.stdout
}

fn shown_as_json(nights: &Nights, date: NaiveDate, arguments: &[&str]) -> Value {
    let shown = shown(nights, date, &[&["--output", "json"], arguments].concat());
    serde_json::from_str(&shown).unwrap()
}

/// The example's nights with a late order, which moves the cut points.
async fn night_and_late_order() -> Nights {
    let nights = Nights::over(&history(), &Delivery::default());
    assert_eq!(nights.status_of(last_night()).await, "published");
    let late_file = Delivery {
        file_name: "late",
        ..Delivery::default()
    };
    nights.deliver(&late(), &late_file);
    nights
}

fn version(date: NaiveDate, version: u32) -> String {
    format!("{date}-v{version}")
}

/// Checks what the run of D published by these cut points.
async fn assert_scored_by(nights: &Nights, seen: &History, cut_points: CutPoints) {
    let rules = Rules::with_cut_points(cut_points);
    let expected = rows_of_last(&[(last_night(), seen)], &rules);
    let published = published(&nights.output(), last_night()).await;
    assert_same_night(last_night(), &published, &expected);
}

#[tokio::test]
async fn comparison_keeps_nothing_unless_told_to() {
    let nights = night_and_late_order().await;
    let before = versions(&nights.output()).await;

    let shown = shown(&nights, last_night(), &[]);

    let jobs = nights.job_file();
    let redactions = Redactions::new().path(jobs.parent().unwrap(), "[JOBS]");
    insta::assert_snapshot!(redactions.apply(&shown), @"
    Cut points as of 2026-11-20: over 7 users
      old  2026-11-20-v1, which a run of this date scores by
      new  computed from the users of this date

      recency_days  old  users  new  users
      up to          10      2   10      2
      up to          20      1   40      3
      up to          40      2   50      1
      up to          50      1   60      1
      above           .      1    .      0

      orders_365d  old  users  new  users
      up to          2      3    1      2
      up to          4      2    4      3
      up to          5      1    5      1
      up to          6      1    6      1
      above          .      0    .      0

      revenue_365d     old  users     new  users
      up to          40.00      2   40.00      2
      up to         160.00      2  160.00      2
      up to         250.00      1  250.00      1
      up to         360.00      1  360.00      1
      above              .      1       .      1

    users by score
      score         1  2  3  4  5  (none)  change
      r_score  old  1  1  2  1  2       3
               new  .  1  1  3  2       3       4
      f_score  old  3  2  1  1  .       3
               new  2  3  1  1  .       3       1
      m_score  old  2  2  1  1  1       3
               new  2  2  1  1  1       3       .

    value_tier: the raw value of 3 of 10 users changes; 2 are shown otherwise than on 2026-11-20
      tier            old  new  change
      high_value        .    .       .
      high_potential    1    2      +1
      active            4    5      +1
      silent            2    .      -2
      low_value         .    .       .
      no_orders         3    3       .

      from -> to                users
      active -> high_potential      1
      silent -> active              2

    rfm_class: the raw value of 2 of 10 users changes; 1 is shown otherwise than on 2026-11-20
      tier               old  new  change
      important_value      .    .       .
      important_develop    1    1       .
      important_retain     1    1       .
      important_winback    .    .       .
      general_value        .    .       .
      general_develop      2    4      +2
      general_retain       .    .       .
      general_winback      3    1      -2
      unscored             3    3       .

      from -> to                          users
      general_winback -> general_develop      2

    value_engagement: the raw value of 1 of 10 users changes; 1 is shown otherwise than on 2026-11-20
      tier                        old  new  change
      high_value_high_engagement    .    .       .
      high_value_low_engagement     1    2      +1
      low_value_high_engagement     2    2       .
      low_value_low_engagement      7    6      -1

      from -> to                                             users
      low_value_low_engagement -> high_value_low_engagement      1

    lifecycle_stage, customer_layer, interaction_depth, engagement_style, participation_level, need_type, price_sensitivity do not depend on cut points

    warning: the new cut points are provisional: `orders_365d` counts from 2025-11-21 on, and there is nothing before 2026-09-16; from 2027-09-15 on another calibration is worth making, by `tierline calibrate`

    Once kept, runs of 2026-11-20 and later dates score by the new cut points.
    The first of them shows raw values at once: no grace or hold goes on from other cut points.
    2026-11-20 is published by other cut points and stays as published
    until run again, by
      tierline backfill [JOBS]/out.toml --from 2026-11-20 --to 2026-11-20

    Nothing was kept. To keep the new cut points as 2026-11-20-v2, run this with --yes.
    ");
    assert_eq!(nights.calibrations(), ["2026-11-20-v1.json"]);
    assert_eq!(versions(&nights.output()).await, before);
    let json = shown_as_json(&nights, last_night(), &[]);
    assert_eq!(json["status"], "not_kept");
    assert_eq!(nights.calibrations(), ["2026-11-20-v1.json"]);
}

#[tokio::test]
async fn kept_cut_points_are_those_of_the_next_run() {
    let nights = night_and_late_order().await;
    let proposal = shown_as_json(&nights, last_night(), &[]);
    let before = published(&nights.output(), last_night()).await;

    let kept = shown(&nights, last_night(), &["--yes"]);

    assert!(kept.contains("\nKept as 2026-11-20-v2.\n"), "{kept}");
    assert_eq!(
        nights.calibrations(),
        ["2026-11-20-v1.json", "2026-11-20-v2.json"]
    );
    let report = nights.run(last_night()).await.unwrap();
    assert_eq!(report.status, Status::Replaced);
    assert_eq!(report.cutpoints_id, Some(version(last_night(), 2)));
    let after = published(&nights.output(), last_night()).await;
    for dimension in proposal["dimensions"].as_array().unwrap() {
        let name = dimension["name"].as_str().unwrap();
        let shown = before.snapshot.iter().zip(&after.snapshot);
        let changed = shown.filter(|(before, after)| before[name] != after[name]);
        assert_eq!(dimension["shown"]["changed"], changed.count(), "{name}");
    }
    let naive = calibrate(&history_with_late(), last_night()).unwrap();
    assert_scored_by(&nights, &history_with_late(), naive.cut_points).await;
    assert_eq!(nights.status_of(last_night()).await, "already_published");
}

/// The moves that come of the cut points are of the users whose raw tiers they tell apart. Where the
/// old ones are gone, that is told, and the night is published all the same.
#[tokio::test]
async fn the_first_night_of_new_cut_points_tells_whom_these_alone_move() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(night_before()).await.unwrap();
    nights.calibrate_by_hand(last_night(), &hand_given_cut_points());
    let without_old = nights.copied();

    let report = nights.run(last_night()).await.unwrap();

    let [old, new] = [night_before(), last_night()].map(calibration_id);
    let raw = |cut_points: CutPoints| {
        let features = features(&history(), &EventTypes::defaults(), last_night());
        let tiers = features.into_values().map(move |features| {
            let scores = score(&features.purchases, &cut_points);
            raw_tiers(&features, scores, &Parameters::default())
        });
        tiers.collect::<Vec<_>>()
    };
    let before = raw(calibrate(&history(), night_before()).unwrap().cut_points);
    let after = raw(hand_given_cut_points());
    let moved = Dimension::ALL.into_iter().filter_map(|dimension| {
        let pairs = before.iter().zip(&after);
        let users = pairs.filter(|(before, after)| before[&dimension] != after[&dimension]);
        let users = users.count();
        (users > 0).then(|| format!("{users} in {}", dimension.name()))
    });
    let moved = moved.collect::<Vec<_>>().join(", ");
    let told = format!(
        "of tonight's moves by today's raw tiers these come of the cut points {new} in place of {old} alone: {moved}"
    );
    assert!(
        !moved.is_empty() && report.warnings.contains(&told),
        "{told}: {:?}",
        report.warnings
    );

    let record = without_old
        .output_folder()
        .join(format!("calibrations/{old}.json"));
    std::fs::remove_file(record).unwrap();
    let report = without_old.run(last_night()).await.unwrap();
    let start = format!("whom the cut points {new} alone move cannot be told: ");
    let mut warnings = report.warnings.iter();
    assert!(
        warnings.any(|warning| warning.starts_with(&start)),
        "{:?}",
        report.warnings
    );
}

#[tokio::test]
async fn equal_cut_points_are_not_kept_again() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(last_night()).await.unwrap();

    let shown = shown(&nights, last_night(), &["--yes"]);

    let end = "\nThe new cut points are those of 2026-11-20-v1: nothing to keep.\n";
    assert!(shown.ends_with(end), "{shown}");
    assert_eq!(nights.calibrations(), ["2026-11-20-v1.json"]);
    let json = shown_as_json(&nights, last_night(), &["--yes"]);
    assert_eq!(json["status"], "unchanged");
    assert_eq!(json["dimensions"][0]["changed"], 0);
}

#[tokio::test]
async fn first_calibration_can_be_kept_before_any_run() {
    let nights = Nights::over(&history(), &Delivery::default());

    let json = shown_as_json(&nights, last_night(), &["--yes"]);

    assert_eq!(json["status"], "kept");
    assert_eq!(json["old"]["source"], "none");
    assert_eq!(json["dimensions"], serde_json::json!([]));
    let report = nights.run(last_night()).await.unwrap();
    assert!(!report.calibrated);
    assert_eq!(report.cutpoints_id, Some(calibration_id(last_night())));
    let naive = calibrate(&history(), last_night()).unwrap();
    assert_scored_by(&nights, &history(), naive.cut_points).await;
}

/// A run of an earlier date makes no scale of its own, so that both dates can be compared.
#[tokio::test]
async fn date_before_every_calibration_takes_the_earliest_and_says_so() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(last_night()).await.unwrap();

    let planned = nights.plan(night_before()).await.unwrap();
    let plan = planned.plan().to_string();
    let report = planned.execute().await.unwrap();

    let id = calibration_id(last_night());
    assert!(
        plan.contains(&format!(
            "cut points {id}, provisional until 2027-09-15, the earliest there are"
        )),
        "{plan}"
    );
    assert_eq!(report.cutpoints_id, Some(id.clone()));
    let told = format!(
        "scored by the cut points {id}, the earliest there are: {} is before all of them",
        night_before()
    );
    assert!(report.warnings.contains(&told), "{:?}", report.warnings);
    assert_eq!(nights.calibrations(), [format!("{id}.json")]);
}

/// The first order is of 2026-09-16: a year of them is there from 2027-09-15 on.
#[tokio::test]
async fn cut_points_of_a_short_history_are_told_once_it_is_long_enough() {
    let nights = Nights::over(&history(), &Delivery::default()).requiring_nothing();
    nights.run(last_night()).await.unwrap();
    let told = "the cut points 2026-11-20-v1 were made on a short history, which is long enough since 2027-09-15: compare them with new ones by `tierline calibrate`".to_owned();

    for (night, is_told) in [("2027-09-14", false), ("2027-09-15", true)] {
        let report = nights.run(night.parse().unwrap()).await.unwrap();
        assert_eq!(
            report.warnings.contains(&told),
            is_told,
            "{:?}",
            report.warnings
        );
    }
}

#[tokio::test]
async fn job_that_pins_a_calibration_is_told_to_change_its_id() {
    let mut nights = night_and_late_order().await;
    nights.sections = "[calibration]\nid = \"2026-11-20-v1\"\n".to_owned();

    let kept = shown(&nights, last_night(), &["--yes"]);

    let end = "
Job nights pins 2026-11-20-v1 and keeps using it until its job file says
[calibration] id = \"2026-11-20-v2\".

Kept as 2026-11-20-v2.
";
    assert!(kept.ends_with(end), "{kept}");
    let report = nights.run(last_night()).await.unwrap();
    assert_eq!(report.cutpoints_id, Some(version(last_night(), 1)));
    // The pinned job goes on seeing a difference, which is no reason to keep v2 again as v3.
    let again = shown(&nights, last_night(), &["--yes"]);
    let end = "\nThe new cut points are those of 2026-11-20-v2: nothing to keep.\n";
    assert!(again.ends_with(end), "{again}");
}

#[tokio::test]
async fn published_dates_up_to_a_later_calibration_would_be_scored_anew() {
    let nights = Nights::over(&history(), &Delivery::default());
    for days in [3, 2, 1] {
        nights.run(days_ago(days)).await.unwrap();
    }
    nights.calibrate_by_hand(days_ago(1), &hand_given_cut_points());
    nights.run(last_night()).await.unwrap();

    let json = shown_as_json(&nights, days_ago(2), &["--yes"]);

    assert_eq!(json["status"], "kept", "{json}");
    assert_eq!(json["takers"]["who"], "runs");
    assert_eq!(json["takers"]["until"], days_ago(1).to_string());
    let dates = serde_json::json!([days_ago(2).to_string()]);
    assert_eq!(json["takers"]["published_dates"], dates);
    assert_eq!(nights.status_of(days_ago(3)).await, "already_published");
    assert_eq!(nights.status_of(days_ago(2)).await, "replaced");
}

/// Without the job the command failed where jobs/ has several, and it said nothing of the nights
/// that it runs on the way.
#[tokio::test]
async fn published_dates_are_scored_anew_by_a_command_that_names_the_job() {
    let nights = Nights::over(&history(), &Delivery::default());
    for days in [3, 2, 0] {
        nights.run(days_ago(days)).await.unwrap();
    }

    let shown = shown(&nights, days_ago(2), &[]);

    let told = format!(
        "\n2 dates from 2026-11-18 to 2026-11-20 are published by other cut points and stay as published
until run again, by
  tierline backfill {} --from 2026-11-18 --to 2026-11-20
which also publishes the one date between them that is not published.\n",
        nights.job_file().display()
    );
    assert!(shown.contains(&told), "{shown}");
}

/// A score that cut points have no part in, and one of them that has a value per user.
const OTHER_SCORES: &[Edit] = &[
    Edit {
        file: "tiers/lifetime_value.sql",
        from: "    acquisition_cost,",
        to: "    CAST(revenue_lifetime AS BIGINT) AS risk_score,\n    acquisition_cost,",
    },
    Edit {
        file: "tiers/rfm.sql",
        from: "        END AS m_score\n",
        to: "        END AS m_score,\n        CAST(revenue_365d AS BIGINT) AS money_score\n",
    },
    Edit {
        file: "tiers/rfm.sql",
        from: "    m_score,                ",
        to: "    money_score,\n    m_score,                ",
    },
];

/// Every column whose name ends like that of a score once had a column for each of its values.
#[tokio::test]
async fn scores_of_many_values_and_of_no_cut_points_take_no_place() {
    let mut nights = Nights::over(&uneven_history(), &Delivery::default());
    nights.run(days_ago(40)).await.unwrap();
    nights.edit_pack(OTHER_SCORES);

    let json = shown_as_json(&nights, last_night(), &[]);
    let names = json["scores"].as_array().unwrap().iter();
    let names: Vec<&str> = names.map(|score| score["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["r_score", "f_score", "money_score", "m_score"]);
    let shown = shown(&nights, last_night(), &[]);
    let told = "\nmoney_score: 0 of 60 users change, between too many values for a table; --output json has them\n";
    assert!(shown.contains(told), "{shown}");
    assert!(!shown.contains("risk_score"), "{shown}");
    let mut tables = shown.lines().filter(|line| !line.starts_with("warning: "));
    assert!(tables.all(|line| line.len() <= 180), "{shown}");
}

/// Sixty users of whom every third never bought; orders, amounts and days differ from one to the
/// other. What came in the last 40 days makes the new cut points others than the old.
fn uneven_history() -> History {
    let mut history = History::default();
    for number in 1..=60_i64 {
        let user_id = number.to_string();
        let click = event(&user_id, number % 45, "click");
        history.events.push(click);
        for item in 0..(number % 3) * (1 + number % 7) {
            let days = (number * 37 + item * 53) % 300;
            let amount_cents = 5_00 + (number * 311 + item * 97) % 400_00;
            history.orders.push(order(&user_id, days, amount_cents));
        }
    }
    for (number, order) in history.orders.iter_mut().enumerate() {
        order.order_id = number.to_string();
    }
    history
}

/// One of the three scores.
type ScoreOf = fn(&Scores) -> i64;

/// The users of a column's values under the old and the new cut points.
type Flows = BTreeMap<(Option<String>, Option<String>), u64>;

fn flows_in(json: &Value) -> Flows {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let flows = json["flows"].as_array().unwrap().iter();
    let flow = |flow: &Value| {
        let values = (text(&flow["from"]), text(&flow["to"]));
        (values, flow["users"].as_u64().unwrap())
    };
    flows.map(flow).collect()
}

fn flows_of(values: impl Iterator<Item = [Option<String>; 2]>) -> Flows {
    let mut flows = Flows::new();
    for [from, to] in values {
        *flows.entry((from, to)).or_default() += 1;
    }
    flows
}

fn assert_flows(json: &Value, expected: &Flows) {
    assert_eq!(flows_in(json), *expected, "{}", json["name"]);
    let changed = expected.iter().filter(|((from, to), _)| from != to);
    let changed: u64 = changed.map(|(_, users)| users).sum();
    assert_eq!(json["changed"], changed, "{}", json["name"]);
}

/// How many of the scored users have each score, from the group of the smallest values on.
fn users_by_group(scores: impl Iterator<Item = i64>, is_reversed: bool) -> Value {
    let mut users = [0; 5];
    for score in scores {
        users[score as usize - 1] += 1;
    }
    if is_reversed {
        users.reverse();
    }
    serde_json::json!(users)
}

#[tokio::test]
async fn users_by_score_and_moved_users_are_those_of_the_naive_computation() {
    let history = uneven_history();
    let nights = Nights::over(&history, &Delivery::default());
    nights.run(days_ago(40)).await.unwrap();

    let json = shown_as_json(&nights, last_night(), &[]);

    let cut_points =
        [days_ago(40), last_night()].map(|date| calibrate(&history, date).unwrap().cut_points);
    let users: Vec<Features> = features(&history, &EventTypes::defaults(), last_night())
        .into_values()
        .collect();
    let scores_by = |cut_points: &CutPoints| -> Vec<Option<Scores>> {
        let purchases = users.iter().map(|user| &user.purchases);
        purchases
            .map(|purchases| score(purchases, cut_points))
            .collect()
    };
    let [old, new] = cut_points.each_ref().map(scores_by);
    let scored = new.iter().flatten().count();
    assert_eq!(json["population"], scored);
    let columns: [(&str, ScoreOf); 3] = [
        ("r_score", |scores| scores.r_score),
        ("f_score", |scores| scores.f_score),
        ("m_score", |scores| scores.m_score),
    ];
    for (index, (name, column)) in columns.into_iter().enumerate() {
        let by_group = |scores: &[Option<Scores>]| {
            // The most recent have the highest score.
            users_by_group(scores.iter().flatten().map(column), name == "r_score")
        };
        let metric = &json["metrics"][index];
        assert_eq!(metric["old"]["users"], by_group(&old), "{name}");
        assert_eq!(metric["new"]["users"], by_group(&new), "{name}");
        assert_eq!(json["scores"][index]["name"], name);
        let text = |scores: &Option<Scores>| scores.as_ref().map(|it| column(it).to_string());
        let pairs = old.iter().zip(&new);
        let pairs = pairs.map(|(old, new)| [text(old), text(new)]);
        assert_flows(&json["scores"][index], &flows_of(pairs));
    }
    let dimensions = raw_tiers(&users[0], None, &Parameters::default());
    for dimension in dimensions.into_keys() {
        let tier = |user: &Features, scores: Option<Scores>| {
            let tiers = raw_tiers(user, scores, &Parameters::default());
            Some(tiers[&dimension].to_owned())
        };
        let both = users.iter().zip(old.iter().zip(&new));
        let pairs = both.map(|(user, (old, new))| [tier(user, *old), tier(user, *new)]);
        let flows = flows_of(pairs);
        let compared = json["dimensions"].as_array().unwrap().iter();
        let mut compared = compared.filter(|compared| compared["name"] == dimension.name());
        match compared.next() {
            Some(compared) => assert_flows(compared, &flows),
            None => {
                let others = json["other_dimensions"].as_array().unwrap();
                assert!(others.contains(&dimension.name().into()), "{json}");
                assert!(flows.keys().all(|(from, to)| from == to), "{flows:?}");
            }
        }
    }
    // An example in which nobody moves would show nothing.
    assert_eq!(json["dimensions"][0]["name"], "value_tier");
    assert!(
        json["dimensions"][0]["changed"].as_u64() > Some(0),
        "{json}"
    );
}

/// A tier model that reads its cut points cannot be planned by the old calibration.
#[tokio::test]
async fn metric_that_is_new_to_the_model_is_calibrated_without_a_comparison() {
    let mut nights = Nights::over(&uneven_history(), &Delivery::default());
    nights.run(last_night()).await.unwrap();
    nights.edit_pack(&[Edit {
        file: "calibration/rfm.sql",
        from: "    revenue_365d\n",
        to: "    revenue_365d,\n    revenue_lifetime\n",
    }]);

    let json = shown_as_json(&nights, last_night(), &["--yes"]);

    assert_eq!(json["status"], "kept");
    let warning =
        "2026-11-20-v1 has no cut points of `revenue_lifetime`, so no tier can be compared";
    assert_eq!(json["warnings"][1], warning);
    assert_eq!(json["dimensions"], serde_json::json!([]));
    let metrics = json["metrics"].as_array().unwrap();
    let has_old = metrics.iter().map(|metric| !metric["old"].is_null());
    assert_eq!(has_old.collect::<Vec<_>>(), [true, true, true, false]);
}

#[tokio::test]
async fn id_that_another_takes_in_the_meantime_is_a_conflict() {
    let nights = Nights::over(&history(), &Delivery::default());
    let planned = nights.plan(last_night()).await.unwrap();
    let (proposal, job, workspace) = planned.propose().await.unwrap();
    nights.calibrate_by_hand(last_night(), &hand_given_cut_points());

    let refused = proposal.keep(&job, &workspace).await.unwrap_err();

    assert_eq!(refused.kind(), FailureKind::Conflict);
    assert_eq!(
        refused.to_string(),
        "another run has just written calibration `2026-11-20-v1`; run again"
    );
}

/// The section that gives cut points by hand.
fn by_hand(cut_points: &CutPoints) -> String {
    let money = cut_points.revenue_365d_cents.map(text::money);
    format!(
        "[calibration]\nrecency_days = {:?}\norders_365d = {:?}\nrevenue_365d = {money:?}\n",
        cut_points.recency_days, cut_points.orders_365d
    )
}

#[tokio::test]
async fn cut_points_by_hand_are_kept_once_and_used_again() {
    let mut nights = Nights::over(&history(), &Delivery::default());
    nights.sections = by_hand(&hand_given_cut_points());
    let planned = nights.plan(night_before()).await.unwrap();
    let line =
        "\n  cut points as the job gives them by hand: this run keeps them as 2026-11-19-v1\n";
    let planned = planned.plan().to_string();
    assert!(planned.contains(line), "{planned}");

    let first = nights.run(night_before()).await.unwrap();

    assert!(first.kept_by_hand && !first.calibrated);
    let line = "\nkept the cut points given by hand as 2026-11-19-v1\n";
    assert!(first.to_string().contains(line), "{first}");
    let record = nights.calibration(night_before());
    assert_eq!(record["origin"], "by_hand");
    let scored = features(&history(), &EventTypes::defaults(), night_before());
    let scores = scored.values();
    let scores = scores.filter_map(|user| score(&user.purchases, &hand_given_cut_points()));
    let scores: Vec<Scores> = scores.collect();
    assert_eq!(record["population"], scores.len());
    let recency = scores.iter().map(|scores| scores.r_score);
    assert_eq!(record["metrics"][0]["users"], users_by_group(recency, true));
    let revenue = scores.iter().map(|scores| scores.m_score);
    assert_eq!(
        record["metrics"][2]["users"],
        users_by_group(revenue, false)
    );

    let again: [Report; 2] = [
        nights.run(night_before()).await.unwrap(),
        nights.run(last_night()).await.unwrap(),
    ];
    assert_eq!(again[0].status, Status::AlreadyPublished);
    for report in again {
        assert!(!report.kept_by_hand);
        assert_eq!(report.cutpoints_id, Some(calibration_id(night_before())));
    }
    assert_eq!(nights.calibrations(), ["2026-11-19-v1.json"]);
    let rows = [night_before(), last_night()].map(|night| (night, history()));
    let rows = rows.each_ref().map(|(night, history)| (*night, history));
    let expected = rows_of_last(&rows, &Rules::with_cut_points(hand_given_cut_points()));
    let published = published(&nights.output(), last_night()).await;
    assert_same_night(last_night(), &published, &expected);
}

#[tokio::test]
async fn other_cut_points_by_hand_are_another_version() {
    let mut nights = Nights::over(&history(), &Delivery::default());
    nights.sections = by_hand(&hand_given_cut_points());
    nights.run(last_night()).await.unwrap();
    let other = CutPoints {
        orders_365d: [1, 2, 4, 8],
        ..hand_given_cut_points()
    };
    nights.sections = by_hand(&other);

    let report = nights.run(last_night()).await.unwrap();

    assert_eq!(report.status, Status::Replaced);
    assert_eq!(report.cutpoints_id, Some(version(last_night(), 2)));
    assert_scored_by(&nights, &history(), other).await;
    // Without the section the newest version holds, however it came about.
    nights.sections.clear();
    assert_eq!(nights.status_of(last_night()).await, "already_published");
}

#[tokio::test]
async fn job_with_cut_points_by_hand_is_told_that_it_keeps_them() {
    let mut nights = Nights::over(&history(), &Delivery::default());
    nights.sections = by_hand(&hand_given_cut_points());

    let shown = shown(&nights, last_night(), &[]);

    let old = "\n  old  those that the job gives by hand, which no run has kept yet\n";
    assert!(shown.contains(old), "{shown}");
    let end = "
Job nights gives its cut points by hand and keeps using those until they are
taken out of [calibration] in its job file.

Nothing was kept. To keep the new cut points as 2026-11-20-v1, run this with --yes.
";
    assert!(shown.ends_with(end), "{shown}");
    assert!(!nights.output_folder().join("calibrations").exists());
    let naive = calibrate(&history(), last_night()).unwrap();
    nights.sections = by_hand(&naive.cut_points);
    let json = shown_as_json(&nights, last_night(), &["--yes"]);
    assert_eq!(json["status"], "unchanged");
    assert!(!nights.output_folder().join("calibrations").exists());
}

#[tokio::test]
async fn users_nobody_could_calibrate_on_are_scored_by_cut_points_by_hand() {
    let mut readers = history();
    readers.orders.clear();
    let mut nights = Nights::over(&readers, &Delivery::default());
    let refused = called(&nights, last_night(), &["--output", "json"]);
    assert_eq!(refused.exit_code, 3, "{refused:?}");
    let json: Value = serde_json::from_str(&refused.stdout).unwrap();
    assert_eq!(json["status"], "blocked");
    let error = json["error"].as_str().unwrap();
    let remedy = "wait for the first orders, or give the cut points by hand: a section `[calibration]` in the job file with four increasing numbers for each metric, such as `recency_days = [1, 2, 4, 8]`";
    assert!(
        error.contains("no user is scored") && error.ends_with(remedy),
        "{error}"
    );
    nights.sections = by_hand(&hand_given_cut_points());

    let report = nights.run(last_night()).await.unwrap();

    assert_eq!(report.status, Status::Published);
    let record = nights.calibration(last_night());
    assert_eq!(record["population"], 0);
    assert_eq!(
        record["metrics"][1]["users"],
        serde_json::json!([0, 0, 0, 0, 0])
    );
    assert_scored_by(&nights, &readers, hand_given_cut_points()).await;
}
