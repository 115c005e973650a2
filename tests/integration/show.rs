//! `tierline show` on what a small demo has published.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::command::{Finished, Tierline, demo_of};

/// A demo of few users and two nights: 2026-10-30, which calibrates, and 2026-10-31.
fn demo(folder: &Path) -> Finished {
    demo_of("2", folder)
}

fn show(folder: &Path, arguments: &[&str]) -> Finished {
    let job = folder.join("jobs/demo.toml");
    Tierline::new()
        .args(["show"])
        .args([job])
        .args(arguments)
        .run()
}

fn shown(folder: &Path, arguments: &[&str]) -> String {
    let finished = show(folder, arguments);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    assert_eq!(finished.stderr, "");
    finished.stdout
}

/// The one line of JSON that a call gives.
fn json(folder: &Path, arguments: &[&str]) -> Value {
    let line = shown(folder, &[arguments, &["--output", "json"]].concat());
    assert_eq!(line.lines().count(), 1, "{line}");
    serde_json::from_str(&line).unwrap()
}

/// Users by tier of a dimension: as the snapshot has them, or as a side of the flows adds them up.
fn by_tier(dimension: &Value, list: &str, name: &str) -> BTreeMap<String, i64> {
    let mut users = BTreeMap::new();
    for row in dimension[list].as_array().unwrap() {
        if let Some(tier) = row[name].as_str() {
            *users.entry(tier.to_owned()).or_default() += row["users"].as_i64().unwrap();
        }
    }
    users.retain(|_, users| *users > 0);
    users
}

/// The message on stderr of a call that is refused.
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let finished = show(folder, arguments);
    assert_eq!((finished.exit_code, &*finished.stdout), (2, ""));
    finished.stderr
}

/// The lines that name a dimension, as headings.
fn headings(shown: &str) -> Vec<&str> {
    let is_heading = |line: &&str| line.chars().all(|c| c == '_' || c.is_lowercase());
    let lines = shown.lines().filter(|line| !line.is_empty());
    lines.filter(is_heading).collect()
}

/// The users in the lines of tiers below a heading.
fn users_of(shown: &str, dimension: &str) -> i64 {
    let lines = shown.lines().skip_while(|line| *line != dimension).skip(2);
    let is_legend = |line: &str| line.contains("in grace:") || line.contains("in hold:");
    let tiers = lines.take_while(|line| line.starts_with("  ") && !is_legend(line));
    let users = tiers.map(|line| line.split_whitespace().nth(1).unwrap());
    let users = users.map(|users| users.replace('.', "0").parse::<i64>().unwrap());
    users.sum()
}

#[test]
fn published_dates_are_shown() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let demo = demo(folder);

    let newest = shown(folder, &[]);
    let title = "Snapshot of 2026-10-31: 300 users, moves since 2026-10-30\n";
    assert!(newest.starts_with(title), "{newest}");
    let dimensions = headings(&newest);
    let expected = [
        "value_tier",
        "rfm_class",
        "lifecycle_stage",
        "customer_layer",
        "interaction_depth",
        "engagement_style",
        "participation_level",
        "need_type",
        "price_sensitivity",
        "value_engagement",
    ];
    assert_eq!(dimensions, expected);
    assert!(
        newest.contains("\nKPIs\n") && newest.contains("\nWarnings\n"),
        "{newest}"
    );
    for dimension in expected {
        assert_eq!(users_of(&newest, dimension), 300, "{dimension}\n{newest}");
    }
    assert!(newest.lines().all(|line| line.chars().count() <= 100));
    assert!(!newest.contains('\u{1b}'));
    assert_eq!(shown(folder, &["--date", "2026-10-31"]), newest);
    assert!(demo.stdout.contains(title), "{demo:?}");

    // The join of both snapshots says what the night has counted.
    let since = shown(folder, &["--from", "2026-10-30", "--to", "2026-10-31"]);
    assert!(newest.starts_with(&since), "{since}");
    assert!(since.contains("largest moves"), "{since}");
    assert_eq!(shown(folder, &["--from", "2026-10-30"]), since);

    let first = shown(folder, &["--date", "2026-10-30"]);
    assert!(
        first.contains("No earlier snapshot was published"),
        "{first}"
    );
    assert_eq!(headings(&first), expected);
    assert!(!first.contains("from \\ to"), "{first}");

    let one = shown(folder, &["--dimension", "lifecycle_stage"]);
    insta::assert_snapshot!(without_run(&one), @r"
    Snapshot of 2026-10-31: 300 users, moves since 2026-10-30

    lifecycle_stage
      tier      users  of users  of revenue  change
      loyal        77     25.7%       88.0%      +1  ██████▏
      active       17      5.7%        2.1%      +1  █▍
      new          26      8.7%        4.5%       .  ██
      prospect    148     49.3%           .       .  ████████████
      silent       15      5.0%        1.1%      -1  █▏
      churned      17      5.7%        4.3%       .  █▍

    lifecycle_stage since 2026-10-30: 3 up, 1 entered
      from \ to  loyal  active  new  prospect  silent  churned
      loyal         76       .    .         .       .        .
      active         .      16    .         .       .        .
      new            1       .   25         .       .        .
      prospect       .       .    1       147       .        .
      silent         .       1    .         .      15        .
      churned        .       .    .         .       .       17
      entered        .       .    .         1       .        .

      largest moves        users  revenue_365d
      new -> loyal             1        532.03  up
      silent -> active         1         71.98  up
      prospect -> new          1         62.20  up
      entered -> prospect      1          0.00
    ");

    insta::assert_snapshot!(refused(folder, &["--date", "2026-11-05"]), @"
    error: 2026-11-05 is not published; the nearest that are: 2026-10-30, 2026-10-31
     |
     = help: name one of them, or publish it: `tierline run --date 2026-11-05`
    ");
    insta::assert_snapshot!(refused(folder, &["--dimension", "lifecycle"]), @"
    error: there is no dimension `lifecycle`
     |
     = help: the dimensions of 2026-10-31 are value_tier, rfm_class, lifecycle_stage, customer_layer, interaction_depth, engagement_style, participation_level, need_type, price_sensitivity, value_engagement
    ");
}

/// The run's id depends on every file of the demo; the tables do not.
fn without_run(shown: &str) -> String {
    let lines = shown.lines().filter(|line| !line.starts_with("run "));
    lines.map(|line| format!("{line}\n")).collect()
}

/// The page of a user without the texts of dim_tier, and without the run.
fn without_playbooks(page: &str) -> String {
    let (before, after) = page.split_once("Playbooks\n").unwrap();
    let (playbooks, moves) = after.split_once("\nNewest moves").unwrap();
    assert!(
        playbooks.starts_with("  value_tier, silent\n    "),
        "{playbooks}"
    );
    let is_listed = before.contains("Today\n") && !before.contains("  no new action: ");
    let order = "What is to be done today comes before all of these.";
    assert_eq!(playbooks.contains(order), is_listed, "{page}");
    without_run(&format!("{before}Newest moves{moves}"))
}

/// A job may be ahead of what is published: its own dimension comes with the next night.
#[test]
fn grace_of_a_dimension_that_is_not_published_yet_is_nothing_to_show() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    demo(folder);
    let before = shown(folder, &[]);
    let job = folder.join("jobs/demo.toml");
    let text = std::fs::read_to_string(&job).unwrap();
    let ahead =
        "\n[dimensions.app_fan]\ntiers = [\"visitor\", \"fan\"]\n\n[grace_days]\napp_fan = 3\n";
    assert!(!text.contains("[grace_days]"), "{text}");
    std::fs::write(&job, text + ahead).unwrap();
    assert_eq!(shown(folder, &[]), before);
}

#[test]
fn a_job_that_published_nothing_is_told_to_run() {
    let folder = TempDir::new().unwrap();
    Tierline::new().args(["init"]).args([folder.path()]).run();
    let job = "version = 1\nname = \"empty\"\ntimezone = \"UTC\"\noutput = \"../output\"\n\n\
               [sources.orders]\nurl = \"../data/orders\"\n\n\
               [sources.engagement]\nurl = \"../data/engagement\"\n";
    std::fs::write(folder.path().join("jobs/demo.toml"), job).unwrap();
    insta::assert_snapshot!(refused(folder.path(), &[]), @"
    error: nothing is published yet
     |
     = help: publish a date first: `tierline run`
    ");
    assert!(!folder.path().join("output").exists());
}

/// Who moved over several nights, and one user of them.
#[test]
fn moves_between_any_two_dates_and_one_user_are_shown() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    demo_of("3", folder);

    let moves = json(folder, &["--from", "2026-10-29", "--to", "2026-10-31"]);
    assert_eq!(
        (&moves["status"], &moves["view"]),
        (&"shown".into(), &"moves".into())
    );
    let [before, now] = ["2026-10-29", "2026-10-31"].map(|date| json(folder, &["--date", date]));
    let dimensions = moves["dimensions"].as_array().unwrap();
    assert_eq!(dimensions.len(), 10);
    let mut moved = 0;
    for (number, dimension) in dimensions.iter().enumerate() {
        let of_day = |day: &Value| by_tier(&day["dimensions"][number], "tiers", "name");
        assert_eq!(by_tier(dimension, "flows", "from"), of_day(&before));
        assert_eq!(by_tier(dimension, "flows", "to"), of_day(&now));
        assert_eq!(dimension["tiers"], now["dimensions"][number]["tiers"]);
        let flows = dimension["flows"].as_array().unwrap().iter();
        moved += flows.filter(|flow| !flow["direction"].is_null()).count();
    }
    assert!(moved > 0, "{moves}");
    let one = json(
        folder,
        &["--from", "2026-10-29", "--dimension", "value_tier"],
    );
    assert_eq!(one["dimensions"][0], dimensions[0]);
    assert_eq!(one["dimensions"].as_array().unwrap().len(), 1);

    // Each user of the newest snapshot is in one tier of it.
    let mut by_value = BTreeMap::new();
    let mut newest_moves = 0;
    for id in 1..=12 {
        let id = format!("u{id:07}");
        let user = json(folder, &["--user", &id]);
        assert_eq!(user["user_id"], *id);
        let tier = user["dimensions"][0]["tier"].as_str().unwrap().to_owned();
        *by_value.entry(tier).or_insert(0) += 1;
        newest_moves += user["moves"].as_array().unwrap().len();
        let playbooks = user["playbooks"].as_array().unwrap().len();
        assert_eq!(playbooks, 10 + user["warnings"].as_array().unwrap().len());
    }
    assert!(by_value.len() > 1 && newest_moves > 0, "{by_value:?}");
    insta::assert_snapshot!(without_playbooks(&shown(folder, &["--user", "u0000001"])), @"
    User u0000001 on 2026-10-31

    Today
      no new action: no rule takes the user

    Tiers
      dimension            tier                      label                         since
      value_tier           silent                    Silent buyers                 2026-10-29
      rfm_class            general_winback           General: win back             2026-10-29
      lifecycle_stage      active                    Active                        2026-10-31
      customer_layer       growth                    Growth                        2026-10-29
      interaction_depth    moderate                  Moderate                      2026-10-31
      engagement_style     reader                    Reader                        2026-10-31
      participation_level  some                      Some                          2026-10-29
      need_type            social                    Social                        2026-10-29
      price_sensitivity    regular                   Regular                       2026-10-29
      value_engagement     low_value_low_engagement  Low value and low engagement  2026-10-29  today low_value_high_engagement, pending since 2026-10-31

    Figures
      figure            value
      r_score               2
      f_score               1
      m_score               1
      rfm_total             4
      orders_365d           1
      orders_lifetime       1
      revenue_365d      71.98
      revenue_lifetime  71.98
      recency_days         47
      order_gap_days        .
      interactions_30d      1
      touches_30d           4

    Newest moves
      date        dimension          move
      2026-10-31  engagement_style   none -> reader         after 2 days
      2026-10-31  interaction_depth  light -> moderate  up  after 2 days
      2026-10-31  lifecycle_stage    silent -> active   up  after 2 days
    ");
    insta::assert_snapshot!(refused(folder, &["--user", "u0000301", "--date", "2026-10-30"]), @"
    error: the snapshot of 2026-10-30 has no user with this id
     |
     = help: check the id, or name another published date with --date
    ");
    insta::assert_snapshot!(refused(folder, &["--from", "2026-10-31", "--to", "2026-10-30"]), @"
    error: --from 2026-10-31 is not before --to 2026-10-30
     |
     = help: give two published dates, the earlier one as --from
    ");
    insta::assert_snapshot!(refused(folder, &["--from", "2026-10-01"]), @"
    error: 2026-10-01 is not published; the nearest that are: 2026-10-29, 2026-10-30, 2026-10-31
     |
     = help: name one of them, or publish it: `tierline run --date 2026-10-01`
    ");
    // As many users as the table has rows, each in one action.
    let actions = json(folder, &["--actions"]);
    let listed = actions["actions"].as_array().unwrap();
    assert!(listed.len() > 2, "{actions}");
    let priorities: Vec<_> = listed.iter().map(|row| row["priority"].as_i64()).collect();
    assert!(priorities.is_sorted(), "{actions}");
    let page = shown(folder, &["--actions"]);
    let users = |is_left_alone: bool| -> i64 {
        let is_of_kind = |row: &&Value| (row["action"] == "leave_alone") == is_left_alone;
        let of_kind = listed.iter().filter(is_of_kind);
        of_kind.map(|row| row["users"].as_i64().unwrap()).sum()
    };
    let (contacts, left_alone) = (users(false), users(true));
    let title = format!(
        "Actions of 2026-10-31: {contacts} users to be contacted, {left_alone} to be left alone\n"
    );
    assert!(contacts + left_alone <= 300, "{page}");
    assert!(page.starts_with(&title), "{page}");
    assert_eq!(page.lines().count(), 5 + listed.len(), "{page}");
    assert!(page.contains("\n  by channel: "), "{page}");
    assert!(!page.contains("u0000"), "{page}");
    let failed = show(folder, &["--user", "u0000301", "--output", "json"]);
    let result: Value = serde_json::from_str(&failed.stdout).unwrap();
    assert_eq!(
        (failed.exit_code, &result["status"]),
        (2, &"refused".into())
    );
}
