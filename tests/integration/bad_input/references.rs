//! Reference files: bands, dimensions, and the grace of dimensions.

use super::project::Project;

const BANDS: &str = "sql/reference/value_tiers.csv";
const TIERS: &str = "sql/reference/dim_tier.csv";

#[test]
fn hole_between_bands_is_refused() {
    let project = Project::new().edit(BANDS, "silent,2,4,6,", "silent,2,5,6,");
    insta::assert_snapshot!(project.check(), @r#"
    exit code 2

    error: the total 4 lies in no band of `reference.value_tiers`
     --> sql/reference/value_tiers.csv:6:1
      |
    6 | low_value,1,3,3,Low value,低价值用户,"Who: automated messages alone.","由谁服务：仅自动化触达。"
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: bands must cover every total from 3 to 15 once
    "#);
}

#[test]
fn bands_that_overlap_are_refused() {
    let project = Project::new().edit(BANDS, "silent,2,4,6,", "silent,2,4,7,");
    insta::assert_snapshot!(project.check(), @r#"
    exit code 2

    error: the total 7 lies in several bands of `reference.value_tiers`: active, silent
     --> sql/reference/value_tiers.csv:5:1
      |
    5 | silent,2,4,7,Silent buyers,沉默消费用户,"Who: automated messages, written with care; a person takes over on a reply.","由谁服务：用心写的自动化消息；用户回复后转人工。"
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: bands must cover every total from 3 to 15 once
    "#);
}

#[test]
fn bands_that_nobody_can_be_in_are_refused() {
    let project = Project::new()
        .edit(BANDS, "high_value,5,13,15,", "high_value,5,13,,")
        .edit(BANDS, "low_value,1,3,3,", "low_value,1,3,2,")
        .append(
            BANDS,
            "legends,6,16,20,Legends,x,Applaud,x\nghosts,7,,,Ghosts,x,Wait,x\n",
        );
    insta::assert_snapshot!(project.check(), @r#"
    exit code 2

    error: the band `high_value` has one bound alone
     --> sql/reference/value_tiers.csv:2:1
      |
    2 | high_value,5,13,,High value,高价值用户,"Who: an adviser of their own. Best service, first look at launches, a gift on their day.","由谁服务：专属顾问。最好的服务、新品优先看、重要日子有礼。"
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: give it min_total and max_total; the band of users without a counting order has neither

    error: exactly one band must have no min_total and max_total
     --> sql/reference/value_tiers.csv:9:1
      |
    9 | ghosts,7,,,Ghosts,x,Wait,x
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: it is the tier of users without a counting order

    error: the total 3 lies in no band of `reference.value_tiers`
     --> sql/reference/value_tiers.csv:6:1
      |
    6 | low_value,1,3,2,Low value,低价值用户,"Who: automated messages alone.","由谁服务：仅自动化触达。"
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: bands must cover every total from 3 to 15 once

    error: the total 13 lies in no band of `reference.value_tiers`
     --> sql/reference/value_tiers.csv:3:1
      |
    3 | high_potential,4,10,12,High potential,高潜力用户,"Who: the member team. Member perks, and an adviser as soon as they ask for one.","由谁服务：会员团队。享会员权益，主动提出时转顾问。"
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: bands must cover every total from 3 to 15 once

    error: the total 14 lies in no band of `reference.value_tiers`
     --> sql/reference/value_tiers.csv:3:1
      |
    3 | high_potential,4,10,12,High potential,高潜力用户,"Who: the member team. Member perks, and an adviser as soon as they ask for one.","由谁服务：会员团队。享会员权益，主动提出时转顾问。"
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: bands must cover every total from 3 to 15 once

    error: the total 15 lies in no band of `reference.value_tiers`
     --> sql/reference/value_tiers.csv:3:1
      |
    3 | high_potential,4,10,12,High potential,高潜力用户,"Who: the member team. Member perks, and an adviser as soon as they ask for one.","由谁服务：会员团队。享会员权益，主动提出时转顾问。"
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: bands must cover every total from 3 to 15 once

    error: no total lies in the band `low_value`
     --> sql/reference/value_tiers.csv:6:1
      |
    6 | low_value,1,3,2,Low value,低价值用户,"Who: automated messages alone.","由谁服务：仅自动化触达。"
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: totals run from 3 to 15, and min_total must not be above max_total; correct the bounds, or take the band out

    error: no total lies in the band `legends`
     --> sql/reference/value_tiers.csv:8:1
      |
    8 | legends,6,16,20,Legends,x,Applaud,x
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: totals run from 3 to 15, and min_total must not be above max_total; correct the bounds, or take the band out

    8 problems
    "#);
}

#[test]
fn bound_that_is_no_number_is_named() {
    let project = Project::new().edit(BANDS, "silent,2,4,6,", "silent,2,four,6,");
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: `reference.value_tiers` cannot be used as bands: `min_total` has values that are not whole numbers
     --> sql/reference/value_tiers.csv:1:1
      |
    1 | tier,rank,min_total,max_total,label_en,label_zh,playbook,playbook_zh
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: it needs the columns tier, and min_total and max_total with whole numbers
    ");
}

#[test]
fn line_with_too_few_values_is_shown() {
    let project = Project::new().edit(BANDS, "silent,2,4,6,", "silent,2,4,");
    insta::assert_snapshot!(project.check(), @r#"
    exit code 2

    error: `reference.value_tiers` cannot be read: incorrect number of fields for line 5, expected 8 got 7
     --> sql/reference/value_tiers.csv:5:1
      |
    5 | silent,2,4,Silent buyers,沉默消费用户,"Who: automated messages, written with care; a person takes over on a reply.","由谁服务：用心写的自动化消息；用户回复后转人工。"
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: a reference file is CSV with a header line and as many values on every line

    note: not checked until the problems above are fixed: `tiers.value_tier`, `tiers.warnings`, `publish.dim_tier`, `publish.tier_snapshot`, `audits.first_order_before_last`, `audits.revenue_of_users_reconciles`, `audits.users_of_the_day`
    "#);
}

#[test]
fn dimension_without_a_column_is_refused() {
    let project = Project::new().append(TIERS, "mood,happy,1,Happy,x,Smile,x\n");
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: `publish.tier_snapshot` has no column `mood`, which dim_tier lists as a dimension
     --> sql/publish/tier_snapshot.sql:5:1
      |
    5 | SELECT
      | ^^^^^^
      |
      = help: select the column there, or take the dimension out of dim_tier

    note: not checked until the problems above are fixed: `audits.first_order_before_last`, `audits.revenue_of_users_reconciles`, `audits.users_of_the_day`
    ");
}

#[test]
fn tier_that_is_neither_listed_nor_selected_is_a_step_forgotten() {
    let sql =
        "-- How a user feels.\nSELECT\n    user_id,\n    'happy' AS mood\nFROM features.users\n";
    let project = Project::new().write("sql/tiers/mood.sql", sql);
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: `tiers.mood` has a column `mood` that nothing publishes
     --> sql/tiers/mood.sql:2:1
      |
    2 | SELECT
      | ^^^^^^
      |
      = help: list its values under [dimensions.mood] in the job, or in reference/dim_tier.csv and select mood.mood in publish/tier_snapshot.sql
    ");
}

#[test]
fn tiers_are_listed_once_and_ranked_together() {
    let twice = Project::new().append(TIERS, "interaction_depth,deep,3,Deep,x,Again,x\n");
    insta::assert_snapshot!(twice.check(), @"
    exit code 2

    error: `reference.dim_tier` has dimension, tier `interaction_depth, deep` on line 21 already
      --> sql/reference/dim_tier.csv:52:1
       |
    52 | interaction_depth,deep,3,Deep,x,Again,x
       | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: give one of the two lines another, or take it out: what is joined with both counts twice

    note: not checked until the problems above are fixed: `publish.tier_snapshot`, `audits.first_order_before_last`, `audits.revenue_of_users_reconciles`, `audits.users_of_the_day`
    ");
    let unranked = Project::new().append(TIERS, "lifecycle_stage,ghost,,Ghost,x,No rank,x\n");
    insta::assert_snapshot!(unranked.check(), @"
    exit code 2

    error: dim_tier gives only some tiers of `lifecycle_stage` a rank
     |
     = help: rank all tiers of a dimension, or none

    note: not checked until the problems above are fixed: `publish.tier_snapshot`, `audits.first_order_before_last`, `audits.revenue_of_users_reconciles`, `audits.users_of_the_day`
    ");
}

#[test]
fn grace_needs_a_ranked_dimension() {
    let project = Project::new().append(
        "job.toml",
        "\n[grace_days]\nvalue_teir = 7\nrfm_class = 7\n",
    );
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: grace_days names `rfm_class`, whose tiers have no ranks
      --> job.toml:14:1
       |
    14 | rfm_class = 7
       | ^^^^^^^^^
       |
       = help: grace delays demotions, which only ranked dimensions have; of others [hold_days] delays every change

    error: grace_days names an unknown dimension `value_teir`; did you mean `value_tier`?
      --> job.toml:13:1
       |
    13 | value_teir = 7
       | ^^^^^^^^^^

    note: not checked until the problems above are fixed: `publish.tier_snapshot`, `audits.first_order_before_last`, `audits.revenue_of_users_reconciles`, `audits.users_of_the_day`

    2 problems
    ");
}

/// The week of grace that `value_tier` has by default was once taken for one that the job wrote,
/// and refused at the first letter of the job file.
#[test]
fn value_tier_without_ranks_has_no_grace() {
    let project = Project::new()
        .edit(
            "sql/publish/dim_tier.sql",
            "    rank,",
            "    CAST(NULL AS BIGINT) AS rank,",
        )
        .edit(
            "sql/publish/kpi_daily.sql",
            "value_tier <> value_tier_raw AS",
            "FALSE AS",
        );
    let checked = project.call(&["check", "job.toml"]);
    assert_eq!(checked.exit_code, 0, "{checked:?}");
    project.publish("2026-03-06");
}

#[test]
fn row_of_dim_tier_that_names_nothing_is_refused() {
    let project = Project::new()
        .append(TIERS, "interaction_depth,,9,Deepest,x,Dive,x\n")
        .append(TIERS, ",deepest,9,Deepest,x,Dive,x\n");
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: row 57 of dim_tier names no tier of `interaction_depth`
     |
     = help: give every row of dim_tier a dimension and a tier

    error: row 58 of dim_tier names no dimension for `deepest`
     |
     = help: give every row of dim_tier a dimension and a tier

    note: not checked until the problems above are fixed: `publish.tier_snapshot`, `audits.first_order_before_last`, `audits.revenue_of_users_reconciles`, `audits.users_of_the_day`

    2 problems
    ");
}

/// A dimension of the job, and the model that gives it.
fn with_dimension(sql: &str) -> Project {
    Project::new()
        .append("job.toml", "\n[dimensions.mood]\ntiers = [\"happy\"]\n")
        .write("sql/tiers/mood.sql", sql)
}

/// Such a model was once said not to exist.
#[test]
fn model_of_a_dimension_without_its_columns_is_pointed_at() {
    let project = with_dimension(
        "-- How a user feels.\nSELECT\n    user_id AS id,\n    'happy' AS feeling\nFROM features.users\n",
    );
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: `tiers.mood` lacks the columns `user_id` and `mood`
     --> sql/tiers/mood.sql:2:1
      |
    2 | SELECT
      | ^^^^^^
      |
      = help: the job's dimension `mood` is read from it, one row per user: user_id and mood

    note: not checked until the problems above are fixed: `audits.first_order_before_last`, `audits.revenue_of_users_reconciles`, `audits.users_of_the_day`
    ");
}

/// What is wrong with the model was once kept back, and the exit code was 1.
#[test]
fn model_of_a_dimension_that_cannot_be_planned_is_told_like_any_other() {
    let project = with_dimension(
        "-- How a user feels.\nSELECT\n    user_id,\n    feeling AS mood\nFROM features.users\n",
    );
    let checked = project.check();
    for told in [
        "exit code 2\n",
        "error: unknown column `feeling`\n --> sql/tiers/mood.sql:4:5\n",
        "note: dimension `mood` is not checked until `tiers.mood` is fixed\n",
    ] {
        assert!(checked.contains(told), "{checked}");
    }
}

/// A column of dim_tier that is never NULL ended the night once, where the job added rows.
#[test]
fn dimension_of_the_job_leaves_other_columns_of_dim_tier_null() {
    let sql =
        "-- How a user feels.\nSELECT\n    user_id,\n    'happy' AS mood\nFROM features.users\n";
    let owner = "    'crm' AS owner,\n    rank,";
    let project = with_dimension(sql)
        .edit("sql/publish/dim_tier.sql", "    rank,", owner)
        .edit(
            "sql/publish/dim_tier.sql",
            "    dimension,\n    tier,\n    rank,",
            &format!("    dimension,\n    tier,\n{owner}"),
        );
    let checked = project.call(&["check", "job.toml"]);
    assert_eq!(checked.exit_code, 0, "{checked:?}");
    project.publish("2026-03-06");
}

/// Lines of actions that would send messages to those who want none, or give a channel nobody.
#[test]
fn actions_that_contradict_each_other_are_refused() {
    const ACTIONS: &str = "sql/reference/actions.csv";
    for (from, to, told) in [
        (
            "leave_alone,20,none,",
            "leave_alone,20,sms,",
            "leave_alone must have the channel none",
        ),
        (
            "leave_alone,20,none,,true,",
            "leave_alone,20,none,,false,",
            "leave_alone must be on",
        ),
        (
            "leave_alone,20,none,,true,1,0,",
            "thank_peak,20,sms,,true,1,0,",
            "leave_alone has no line",
        ),
        (
            "recall,110,sms,",
            "recall,110,\"sms \",",
            "channel begins or ends with a space",
        ),
        (
            "resolve_complaint,10,",
            "resolve_complaint,25,",
            "resolve_complaint must come before leave_alone",
        ),
        (
            "welcome,80,app_push,",
            "welcome,80,none,",
            "the channel none is for leave_alone",
        ),
        (
            "call_falling,41,wecom,",
            "call_falling,41,phone,",
            "another line has the same action and channel",
        ),
        (
            "call_falling,40,phone,50,",
            "call_falling,40,phone,,",
            "without a capacity it takes every user",
        ),
        (
            "resolve_complaint,10,service,,",
            "resolve_complaint,10,service,3,",
            "resolve_complaint must have no capacity",
        ),
        (
            "recall,110,sms,500,",
            "recall,110,sms,9000000000000000000,",
            "capacity must be 1000000000 or less",
        ),
    ] {
        let said = Project::new().edit(ACTIONS, from, to).check();
        assert!(said.contains(told), "{told}: {said}");
    }
}

/// A capacity that would limit nothing, or keep users from the list of those to leave alone.
#[test]
fn channels_that_no_action_has_are_refused() {
    const CHANNELS: &str = "sql/reference/channels.csv";
    for (from, to, told) in [
        (
            "wecom,",
            "wecm,40",
            "channel `wecom` of `reference.actions` is not in `reference.channels`; did you mean `wecm`?",
        ),
        (
            "sms,",
            "sms,\nletter,40",
            "no line of reference/actions.csv has the channel",
        ),
        ("none,", "none,5", "the channel none must have no capacity"),
        (
            "service,",
            "service,5",
            "the channel of resolve_complaint must have no capacity",
        ),
        ("sms,", "sms,\nsms,3", "has channel `sms` on line 6 already"),
        (
            "channel,capacity",
            "name,capacity",
            "unknown column `channels.channel`",
        ),
        (
            "sms,",
            "sms ,",
            "the channel is not in reference/channels.csv",
        ),
        (
            "sms,",
            "sms,many",
            "`reference.channels` has `many` in column `capacity`",
        ),
    ] {
        let said = Project::new().edit(CHANNELS, from, to).check();
        assert!(said.contains(told), "{told}: {said}");
        // Many lines have the channel; one is told.
        let lines = said.matches("is not in `reference.channels`").count();
        assert!(lines <= 1, "{said}");
    }
    let by_letter = Project::new().edit(
        "sql/reference/actions.csv",
        "recall,110,sms,",
        "recall,110,letter,",
    );
    let said = by_letter.check();
    for told in [
        "channel `letter` of `reference.actions` is not in `reference.channels`\n  --> sql/reference/actions.csv:16:1\n",
        "correct it, or add a line for it to reference/channels.csv",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
    let said = by_letter.edit(CHANNELS, "sms,", "sms,\nletter,").check();
    assert!(said.starts_with("exit code 0\n"), "{said}");
}

/// Actions of before read no capacities of channels, and a pack may have another file of that name.
#[test]
fn channels_that_actions_do_not_read_are_anything() {
    let project = Project::new()
        .write("sql/reference/channels.csv", "channel,cost\nsearch,12\n")
        .write(
            "sql/audits/actions_known.sql",
            "SELECT action FROM reference.actions WHERE priority IS NULL\n",
        )
        .edit(
            "sql/publish/actions.sql",
            "CAST(channels.capacity AS BIGINT)",
            "CAST(NULL AS BIGINT)",
        )
        .edit(
            "sql/publish/actions.sql",
            "    LEFT JOIN reference.channels AS channels\n        ON actions.channel = channels.channel\n",
            "",
        );
    let said = project.check();
    assert!(said.starts_with("exit code 0\n"), "{said}");
}

/// The engine calls the second of them `value_tier:1`.
#[test]
fn an_attribute_called_as_a_column_of_the_pack_is_refused_as_such() {
    let attribute = "\n[sources.users]\nurl = \"users\"\nrequired = false\n\n[sources.users.profile]\nvalue_tier = \"VARCHAR\"\n";
    let said = Project::new().append("job.toml", attribute).check();
    let told = "more than one column is named `value_tier`; rename or drop all but one";
    assert!(said.contains(told), "{said}");
}

/// Whatever the attribute is called, actions go by their own columns.
#[test]
fn attributes_may_be_called_as_columns_of_actions() {
    let attributes = "\n[sources.users]\nurl = \"users\"\nrequired = false\n\n[sources.users.profile]\nchannel = \"VARCHAR\"\naction = \"VARCHAR\"\npriority = \"BIGINT\"\n";
    let said = Project::new().append("job.toml", attributes).check();
    assert!(said.starts_with("exit code 0\n"), "{said}");
}
