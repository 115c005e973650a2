//! Actions: whom each takes and on which day, what comes first, and where capacity cuts.

use std::collections::BTreeMap;

use super::{by, columns, events, job_over, orders, published};
use crate::naive::fixtures::{days_ago, event, order, snapshot_date};
use crate::naive::history::{Event, History};
use crate::nights::job::Nights;
use crate::nights::pack::Edit;
use crate::nights::retention::call;
use crate::nights::tables::{self, Row};

async fn actions(nights: &Nights) -> Vec<Row> {
    published(nights, snapshot_date(), "actions").await
}

/// Bought 25.00 on D - 8 for the first time, and interacted since so often.
fn newcomer(user_id: &str, interactions: usize) -> History {
    History {
        orders: vec![order(user_id, 8, 25_00)],
        events: events(interactions, user_id, 7, "click"),
        ..History::default()
    }
}

/// A newcomer who would be asked for a second order, and something more.
fn newcomer_who(user_id: &str, more: Vec<Event>) -> History {
    let mut history = newcomer(user_id, 3);
    history.events.extend(more);
    history
}

fn all(histories: impl IntoIterator<Item = History>) -> History {
    let mut all = History::default();
    for history in histories {
        all.orders.extend(history.orders);
        all.events.extend(history.events);
        all.users.extend(history.users);
    }
    all
}

/// A complaint of D - 6 is answered, one of D - 7 holds nothing up. Who unsubscribed and who was
/// touched eight times without an answer is left alone. New users are welcomed until the third
/// interaction. Recalled twice and still away: nothing, also when unsubscribed.
#[tokio::test]
async fn contact_rules_come_first() {
    let gone = |user_id: &str, recalls: usize, more: Vec<Event>| History {
        orders: vec![order(user_id, 100, 25_00)],
        events: [events(recalls, user_id, 60, "recall_sent"), more].concat(),
        ..History::default()
    };
    let weary =
        |user_id: &str, touches| gone(user_id, 0, events(touches, user_id, 20, "message_sent"));
    let unsubscribed = |user_id: &str| vec![event(user_id, 61, "unsubscribe")];
    let nights = job_over(&all([
        newcomer("welcome", 2),
        newcomer("second order", 3),
        newcomer_who("complained", vec![event("complained", 6, "complaint")]),
        newcomer_who(
            "complained long ago",
            vec![event("complained long ago", 7, "complaint")],
        ),
        newcomer_who(
            "unsubscribed",
            vec![event("unsubscribed", 1, "unsubscribe")],
        ),
        newcomer_who(
            "unsubscribed and complained",
            vec![
                event("unsubscribed and complained", 1, "unsubscribe"),
                event("unsubscribed and complained", 1, "complaint"),
            ],
        ),
        weary("weary", 8),
        weary("touched seven times", 7),
        gone("recalled once", 1, vec![]),
        gone("recalled twice", 2, vec![]),
        gone(
            "recalled twice and unsubscribed",
            2,
            unsubscribed("recalled twice and unsubscribed"),
        ),
    ]));

    let rows = actions(&nights).await;

    let expected = [
        ("complained", "resolve_complaint"),
        ("complained long ago", "second_order"),
        ("recalled once", "recall"),
        ("second order", "second_order"),
        ("touched seven times", "recall"),
        ("unsubscribed", "leave_alone"),
        ("unsubscribed and complained", "resolve_complaint"),
        ("weary", "leave_alone"),
        ("welcome", "welcome"),
    ];
    assert_eq!(by("user_id", &rows, "action"), BTreeMap::from(expected));
    let reason = |user_id| {
        columns(
            &rows,
            ("user_id", user_id),
            ["reason_en", "reason_zh", "expires_on"],
        )
    };
    assert_eq!(
        reason("complained"),
        [
            "complained on 11-14; complaints in 30 days: 1",
            "11-14投诉，30天内共1次",
            "2026-11-24"
        ]
    );
    assert_eq!(
        reason("unsubscribed"),
        ["has unsubscribed", "已退订", "2026-11-21"]
    );
}

/// Who falls is called, also when the next order is overdue: four orders of 100.00, the last of which
/// gave R 4 until the day before.
#[tokio::test]
async fn the_highest_action_takes_a_user_and_says_why() {
    let mut history = History::default();
    for days in [31, 32, 33, 34] {
        history.orders.push(order("falls", days, 100_00));
    }
    let nights = job_over(&history);
    nights.run(days_ago(1)).await.unwrap();

    let rows = actions(&nights).await;

    assert_eq!(
        columns(
            &rows,
            ("user_id", "falls"),
            ["action", "channel", "reason_en", "value_at_stake"]
        ),
        [
            "call_falling",
            "phone",
            "shown as High value, lower since 11-20; last order 31 days ago, usually every day",
            "400.00",
        ]
    );
    assert_eq!(
        columns(&rows, ("user_id", "falls"), ["reason_zh"]),
        ["当前显示为高价值用户，11-20起已低于该层级；31天前下单，平时每天一次"]
    );
}

/// All fall, as their last order gave R 4 until the day before. Who comes every 24 days is not late after 31, and
/// missed only where they spend less than before; a reason has both where both hold.
#[tokio::test]
async fn whoever_buys_about_as_before_is_not_called() {
    let falls = |user_id: &str, days: [i64; 4]| History {
        orders: days.map(|days| order(user_id, days, 100_00)).into(),
        ..History::default()
    };
    let nights = job_over(&all([
        falls("as before", [31, 55, 79, 103]),
        falls("less", [31, 65, 79, 103]),
        falls("late", [31, 35, 73, 74]),
        falls("late and less", [31, 64, 65, 66]),
    ]));
    nights.run(days_ago(1)).await.unwrap();

    let rows = actions(&nights).await;

    let calls = by("user_id", &rows, "action").into_iter();
    let calls = calls.filter(|(_, action)| *action == "call_falling");
    let called: Vec<&str> = calls.map(|(user, _)| user).collect();
    assert_eq!(called, ["late", "late and less", "less"]);
    let reason = |user| {
        let reason = columns(&rows, ("user_id", user), ["reason_en"]);
        reason[0].split_once("11-20; ").unwrap().1.to_owned()
    };
    assert_eq!(
        reason("less"),
        "spent 100.00 in 60 days, 300.00 in the 60 before"
    );
    assert_eq!(
        reason("late"),
        "last order 31 days ago, usually every 14 days"
    );
    assert_eq!(
        reason("late and less"),
        "last order 31 days ago, usually every 12 days; spent 100.00 in 60 days, 300.00 in the 60 before"
    );
}

/// Listed to be recalled on D - 28, and once more on D, after a rest of 28 days: the table has the list of D - 28.
#[tokio::test]
async fn a_list_of_28_days_ago_is_known() {
    let gone = History {
        orders: vec![order("gone", 200, 25_00)],
        ..History::default()
    };
    let nights = job_over(&gone);

    let found = lists(&nights, &[28, 27]).await;

    assert_eq!(found, [list(&[("gone", "recall")]), list(&[])]);
    let rows = actions(&nights).await;
    assert_eq!(
        columns(
            &rows,
            ("user_id", "gone"),
            ["action", "last_listed_on", "last_action"]
        ),
        ["recall", "2026-10-23", "recall"]
    );
}

/// Orders of one day tell no rhythm, and from one of today on there are no days to count.
#[tokio::test]
async fn reasons_count_days_only_where_there_are_some() {
    let mut history = History::default();
    for _ in 0..3 {
        history.orders.push(order("at once", 8, 10_00));
    }
    for days in 0..4 {
        history.orders.push(order("daily", days, 100_00));
    }

    let rows = actions(&job_over(&history)).await;

    let reasons = |user| {
        columns(
            &rows,
            ("user_id", user),
            ["action", "reason_en", "reason_zh"],
        )
    };
    assert_eq!(
        reasons("at once"),
        ["remind_overdue", "last order 8 days ago", "8天前下单"]
    );
    assert_eq!(
        reasons("daily"),
        [
            "engage_quiet",
            "High value; interactions in 7 days: 0, in 30 days: 0; last order on 11-20, usually every day",
            "高价值用户，7天内互动0次，30天内0次；11-20下单，平时每天一次",
        ]
    );
}

/// Who spends less than before, and has just placed the largest order ever, is thanked, not asked why.
#[tokio::test]
async fn whoever_places_the_largest_order_is_not_asked_why_they_spend_less() {
    let mut history = History::default();
    for user in ["asked", "thanked"] {
        history
            .orders
            .extend((70..76).map(|days| order(user, days, 100_00)));
    }
    history.orders.push(order("asked", 1, 100_00));
    history.orders.push(order("thanked", 0, 110_00));

    let rows = actions(&job_over(&history)).await;

    let expected = [("asked", "ask_spend"), ("thanked", "thank_peak")];
    assert_eq!(by("user_id", &rows, "action"), BTreeMap::from(expected));
}

/// Five newcomers: the two who paid most go to the first channel, the next to the second, and two are
/// cut and counted.
#[tokio::test]
async fn capacity_fills_channel_after_channel_by_what_is_at_stake() {
    let mut history = all(["a", "b", "c", "d", "e"].map(|user| newcomer(user, 3)));
    for (order, amount_cents) in history
        .orders
        .iter_mut()
        .zip([10_00, 50_00, 30_00, 30_00, 20_00])
    {
        order.amount_cents = amount_cents;
    }
    let mut nights = job_over(&history);
    nights.edit_pack(&[Edit {
        file: "reference/actions.csv",
        from: "second_order,90,app_push,2000,true,7,14,",
        to: "second_order,91,app_push,1,true,7,14,,\nsecond_order,90,sms,2,true,7,14,",
    }]);

    let rows = actions(&nights).await;

    let channels = BTreeMap::from([("b", "sms"), ("c", "sms"), ("d", "app_push")]);
    assert_eq!(by("user_id", &rows, "channel"), channels);
    assert_eq!(
        columns(&rows, ("user_id", "d"), ["priority", "cut_users"]),
        ["91", "2"]
    );
}

/// A newcomer to be welcomed comes before two of another action, of whom the one who paid more fits in.
#[tokio::test]
async fn a_channel_takes_the_most_urgent_of_all_its_actions() {
    let mut history = newcomer("greeted", 2);
    for (user, amount_cents) in [("less", 10_00), ("more", 20_00)] {
        let mut second = newcomer(user, 3);
        second.orders[0].amount_cents = amount_cents;
        history.orders.extend(second.orders);
        history.events.extend(second.events);
    }
    let mut nights = job_over(&history);
    nights.edit_pack(&[Edit {
        file: "reference/channels.csv",
        from: "app_push,",
        to: "app_push,2",
    }]);

    let rows = actions(&nights).await;

    let expected = [("greeted", "welcome"), ("more", "second_order")];
    assert_eq!(by("user_id", &rows, "action"), BTreeMap::from(expected));
    assert_eq!(
        columns(
            &rows,
            ("user_id", "greeted"),
            ["cut_users", "channel_cut_users"]
        ),
        ["0", "1"]
    );
}

/// A line takes no more than its channel does, so that the next user goes to the action's next channel.
#[tokio::test]
async fn whoever_a_channel_has_no_room_for_goes_to_the_next() {
    let mut history = all(["a", "b", "c", "d"].map(|user| newcomer(user, 3)));
    for (order, amount_cents) in history.orders.iter_mut().zip([40_00, 30_00, 20_00, 10_00]) {
        order.amount_cents = amount_cents;
    }
    let mut nights = job_over(&history);
    nights.edit_pack(&[
        Edit {
            file: "reference/actions.csv",
            from: "second_order,90,app_push,2000,true,7,14,",
            to: "second_order,91,app_push,2,true,7,14,,\nsecond_order,90,sms,3,true,7,14,",
        },
        Edit {
            file: "reference/channels.csv",
            from: "sms,",
            to: "sms,1",
        },
    ]);

    let rows = actions(&nights).await;

    let channels = BTreeMap::from([("a", "sms"), ("b", "app_push"), ("c", "app_push")]);
    assert_eq!(by("user_id", &rows, "channel"), channels);
    assert_eq!(
        columns(&rows, ("user_id", "a"), ["cut_users", "channel_cut_users"]),
        ["1", "0"]
    );
}

/// Crisis lists are off until the job turns them on, and then come before everything but contact rules: who is
/// new, or was recalled twice in vain, is in none.
#[tokio::test]
async fn a_job_turns_crisis_lists_on() {
    let mut history = newcomer("ordinary", 3);
    history.orders.extend(orders(4, "core", 1, 100_00));
    history.events.extend(events(3, "core", 1, "click"));
    history.events.extend(events(3, "prospect", 1, "click"));
    let settling_in = newcomer("settling_in", 2);
    history.orders.extend(settling_in.orders);
    history.events.extend(settling_in.events);
    history.orders.push(order("given_up", 300, 10_00));
    history
        .events
        .extend([60, 30].map(|days| event("given_up", days, "recall_sent")));
    let mut nights = job_over(&history);
    let usual = actions(&nights).await;
    let on =
        "[params]\nactions_on = [\"crisis_core\", \"crisis_ordinary\", \"crisis_prospects\"]\n";
    nights.sections = on.to_owned();

    let crisis = actions(&nights).await;

    let usual = by("user_id", &usual, "action");
    assert_eq!(usual["prospect"], "first_order");
    assert!(!usual.contains_key("given_up"));
    assert_eq!(
        by("user_id", &crisis, "action"),
        BTreeMap::from([
            ("core", "crisis_core"),
            ("ordinary", "crisis_ordinary"),
            ("prospect", "crisis_prospects"),
            ("settling_in", "welcome"),
        ])
    );
}

/// Bought every other day until D - 31, and did these things.
fn overdue(user_id: &str, events: Vec<Event>) -> History {
    History {
        orders: [31, 33, 35].map(|days| order(user_id, days, 10_00)).into(),
        events,
        ..History::default()
    }
}

/// Users of light interaction may be listed again the next day.
const NO_GAPS: &str = "[params]\ngap_days_light = 0\n";

/// The lists of some nights before D, and of D: `days` before it, as action by user.
async fn lists(nights: &Nights, days: &[i64]) -> Vec<BTreeMap<String, String>> {
    let mut lists = Vec::new();
    for days in days {
        let rows = published(nights, days_ago(*days), "actions").await;
        let actions = by("user_id", &rows, "action").into_iter();
        lists.push(
            actions
                .map(|(user, action)| (user.to_owned(), action.to_owned()))
                .collect(),
        );
    }
    lists
}

/// A day's list, as [`lists`] has it.
fn list(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter()
        .map(|(user, action)| ((*user).to_owned(), (*action).to_owned()))
        .collect()
}

/// Overdue on all of these days, and listed for that on D - 14 and on D, fourteen days of rest later.
/// Whoever unsubscribed is left alone each day. A line that rests no longer lists again at once.
#[tokio::test]
async fn whoever_was_listed_rests() {
    let mut nights = job_over(&all([
        overdue("overdue", vec![]),
        overdue(
            "unsubscribed",
            vec![event("unsubscribed", 20, "unsubscribe")],
        ),
    ]));

    nights.sections = NO_GAPS.to_owned();
    let found = lists(&nights, &[14, 13, 7, 1]).await;

    let alone = ("unsubscribed", "leave_alone");
    let resting = list(&[alone]);
    let listed = list(&[alone, ("overdue", "remind_overdue")]);
    assert_eq!(
        found,
        [&listed, &resting, &resting, &resting].map(Clone::clone)
    );
    let rows = actions(&nights).await;
    assert_eq!(
        columns(
            &rows,
            ("user_id", "overdue"),
            ["action", "last_listed_on", "last_action", "rests_until"]
        ),
        [
            "remind_overdue",
            "2026-11-06",
            "remind_overdue",
            "2026-12-04"
        ]
    );

    nights.edit_pack(&[Edit {
        file: "reference/actions.csv",
        from: "remind_overdue,60,wecom,500,true,5,14,",
        to: "remind_overdue,60,wecom,500,true,5,13,",
    }]);
    let found = lists(&nights, &[1]).await;
    assert_eq!(found, std::slice::from_ref(&listed));

    // Another channel is no other action, and one that is turned off takes nobody.
    nights.edit_pack(&[
        Edit {
            file: "reference/actions.csv",
            from: "remind_overdue,60,wecom,500,true,5,14,",
            to: "remind_overdue,59,sms,500,false,5,14,,\nremind_overdue,61,email,500,true,5,13,",
        },
        Edit {
            file: "reference/channels.csv",
            from: "app_push,",
            to: "app_push,\nemail,",
        },
    ]);
    let found = lists(&nights, &[2, 1, 0]).await;
    assert_eq!(found, [resting.clone(), resting, listed]);
}

/// Reminded on D - 3, and listed for the complaint of D - 2 all the same, and for that of D; left alone on D - 1.
/// Asked for a first order on D - 3, a buyer the day after, and welcomed once three days lie between.
#[tokio::test]
async fn what_is_more_urgent_does_not_wait_for_the_rest() {
    let complaints = [2, 0].map(|days| event("complains", days, "complaint"));
    let complaining = overdue("complains", complaints.into());
    let buying = History {
        orders: vec![order("buys", 2, 10_00)],
        events: events(2, "buys", 3, "click"),
        ..History::default()
    };
    let nights = job_over(&all([complaining, buying]));

    let found = lists(&nights, &[3, 2, 1, 0]).await;

    let expected = [
        list(&[("buys", "first_order"), ("complains", "remind_overdue")]),
        list(&[("complains", "resolve_complaint")]),
        list(&[("complains", "leave_alone")]),
        list(&[("buys", "welcome"), ("complains", "resolve_complaint")]),
    ];
    assert_eq!(found, expected);
}

/// Listed on D - 7, and still of two interactions when the rest is over.
#[tokio::test]
async fn newcomers_are_welcomed_once() {
    let nights = job_over(&newcomer("new", 2));

    let found = lists(&nights, &[7, 0]).await;

    assert_eq!(found, [list(&[("new", "welcome")]), list(&[])]);
}

/// Two qualify for one place: whoever was cut on one day is listed on the next.
#[tokio::test]
async fn whoever_was_cut_does_not_rest() {
    let mut history = all(["a", "b"].map(|user| newcomer(user, 3)));
    history.orders[1].amount_cents = 50_00;
    let mut nights = job_over(&history);
    nights.edit_pack(&[Edit {
        file: "reference/actions.csv",
        from: "second_order,90,app_push,2000,true,",
        to: "second_order,90,app_push,1,true,",
    }]);

    let found = lists(&nights, &[1, 0]).await;

    assert_eq!(
        found,
        [
            list(&[("b", "second_order")]),
            list(&[("a", "second_order")])
        ]
    );
}

/// High value is held for days, and so is not what decides who is asked why they are quiet.
#[tokio::test]
async fn whoever_interacts_again_is_not_asked_why_they_are_quiet() {
    let mut nights = job_over(&History {
        orders: ["quiet", "back"]
            .into_iter()
            .flat_map(|user| (0..4).map(move |days| order(user, days, 100_00)))
            .collect(),
        events: vec![event("back", 0, "click")],
        ..History::default()
    });
    nights.sections = NO_GAPS.to_owned();
    nights.edit_pack(&[Edit {
        file: "reference/actions.csv",
        from: "engage_quiet,140,wecom,200,true,14,28,",
        to: "engage_quiet,140,wecom,200,true,14,0,",
    }]);
    nights.run(days_ago(1)).await.unwrap();
    let snapshot = published(&nights, days_ago(0), "tier_snapshot").await;
    let shown = by("user_id", &snapshot, "value_engagement");
    assert_eq!(shown["back"], "high_value_low_engagement");

    let rows = tables::rows(&nights.output(), days_ago(0), "actions").await;

    assert_eq!(
        by("user_id", &rows, "action"),
        BTreeMap::from([("quiet", "engage_quiet")])
    );
}

/// Reminded on D - 8, with a line that rests no longer since: between two lists lie as many days as the
/// playbook of the interaction depth says.
#[tokio::test]
async fn days_lie_between_two_lists_by_how_much_a_user_interacts() {
    let deep = (0..9).flat_map(|days| events(3, "deep", days, "click"));
    let moderate = [8, 3].map(|days| event("moderate", days, "click"));
    let mut nights = job_over(&all([
        overdue("deep", deep.collect()),
        overdue("moderate", moderate.into()),
        overdue("occasional", vec![event("occasional", 20, "click")]),
        overdue("light", vec![]),
    ]));
    nights.run(days_ago(8)).await.unwrap();
    nights.edit_pack(&[Edit {
        file: "reference/actions.csv",
        from: "remind_overdue,60,wecom,500,true,5,14,",
        to: "remind_overdue,60,wecom,500,true,5,0,",
    }]);
    let reminded = "remind_overdue";

    let found = lists(&nights, &[7, 5, 1]).await;

    let [deep, moderate, occasional] =
        ["deep", "moderate", "occasional"].map(|user| (user, reminded));
    let expected = [
        list(&[deep]),
        list(&[deep, moderate]),
        list(&[deep, moderate, occasional]),
    ];
    assert_eq!(found, expected);
}

/// Nobody has worked on the lists of a weekend. What was listed on D - 2 still holds, unless it has expired or
/// the user is to be left alone by now; a complaint is answered all the same.
#[tokio::test]
async fn lists_of_several_dates_are_exported_as_one() {
    let buyer = |user_id: &str, more: Vec<Event>| History {
        orders: vec![order(user_id, 10, 25_00)],
        events: [events(3, user_id, 10, "click"), more].concat(),
        ..History::default()
    };
    let mut nights = job_over(&all([
        buyer("listed", vec![]),
        buyer(
            "unsubscribes",
            vec![event("unsubscribes", 0, "unsubscribe")],
        ),
        buyer("complains", vec![event("complains", 2, "complaint")]),
        buyer(
            "complains today",
            vec![event("complains today", 0, "complaint")],
        ),
        newcomer("greeted", 2),
    ]));
    nights.edit_pack(&[Edit {
        file: "reference/actions.csv",
        from: "welcome,80,app_push,2000,true,7,7,",
        to: "welcome,80,app_push,2000,true,3,7,",
    }]);
    let of_weekend = lists(&nights, &[2, 0]).await;
    assert_eq!(of_weekend[0]["greeted"], "welcome");
    assert_eq!(of_weekend[1]["complains"], "leave_alone");

    let columns = "user_id,action,snapshot_date,last_order_day";
    let from = days_ago(2).to_string();
    let arguments = ["--table", "actions", "--from", &from, "--columns", columns];
    let call = |more: &[&str]| {
        call(
            &nights,
            "export",
            &[&arguments[..], &["--format", "csv"], more].concat(),
        )
    };
    let exported = call(&[]);

    insta::assert_snapshot!(exported.stdout, @"
    user_id,action,snapshot_date,last_order_day
    complains,resolve_complaint,2026-11-18,2026-11-10
    complains today,resolve_complaint,2026-11-20,2026-11-10
    listed,second_order,2026-11-18,2026-11-10
    unsubscribes,leave_alone,2026-11-20,2026-11-10
    ");
    insta::assert_snapshot!(exported.stderr, @"
    warning: 1 day from 2026-11-18 to 2026-11-20 is not published, and nothing of it is exported
    ");
    let contacts = call(&["--where", "channel <> 'none'", "--limit", "2"]);
    insta::assert_snapshot!(contacts.stdout, @"
    user_id,action,snapshot_date,last_order_day
    complains,resolve_complaint,2026-11-18,2026-11-10
    complains today,resolve_complaint,2026-11-20,2026-11-10
    ");
    let whole = call(&["--date", &from, "--where", "action = 'welcome'"]);
    insta::assert_snapshot!(whole.stdout, @"
    user_id,action,snapshot_date,last_order_day
    greeted,welcome,2026-11-18,2026-11-12
    ");
}
