//! Who is to be contacted, by action and channel.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use clap::builder::styling::Style;

use crate::cli::figures::{NONE, count, count_of, count_or_none, money};
use crate::cli::table::{Cell, Paint, Side, Table};
use crate::overview::{ActionOverview, ActionsOverview};
use crate::tables::STOP_LIST;

use super::cells::number;

/// What is below a column of users who were cut.
const CUT_LEGEND: &str = "  cut: left out today, as the action or its channels take no more users";

/// The actions of a date in the order of priority, and what each adds up to.
pub(super) fn actions_page(actions: &ActionsOverview, paint: Paint) -> String {
    let users_of = |is_left_alone: bool| -> i64 {
        let listed = actions.actions.iter();
        let of_kind = listed.filter(|action| (action.action == STOP_LIST) == is_left_alone);
        of_kind.map(|action| action.users).sum()
    };
    let (contacts, left_alone) = (users_of(false), users_of(true));
    let left_alone = match left_alone {
        0 => String::new(),
        users => format!(", {} to be left alone", count(users)),
    };
    let title = format!("Actions of {}", actions.snapshot_date);
    let title = paint.text(&title, Style::new().bold());
    let origin = format!("published by run {}", actions.run_id);
    let origin = paint.text(&origin, Style::new().dimmed());
    let head = format!(
        "{title}: {} to be contacted{left_alone}\n{origin}\n",
        count_of(contacts, "user")
    );
    if actions.actions.is_empty() {
        return head;
    }
    let legend = match actions.actions.iter().any(|action| action.cut_users > 0) {
        true => format!("{}\n", paint.text(CUT_LEGEND, Style::new().dimmed())),
        false => String::new(),
    };
    let channels = format!("  by channel: {}\n", by_channel(&actions.actions));
    format!(
        "{head}\n{}{legend}{channels}",
        table(&actions.actions).render(paint)
    )
}

/// The users of each channel, most first: what a team has to do, and whom the channel left out.
fn by_channel(actions: &[ActionOverview]) -> String {
    let mut channels: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for action in actions {
        let (users, cut) = channels.entry(&action.channel).or_default();
        *users += action.users;
        *cut = action.channel_cut_users;
    }
    let mut channels: Vec<_> = channels.into_iter().collect();
    channels.sort_by_key(|(_, (users, _))| Reverse(*users));
    let channels = channels.into_iter();
    let channels = channels.map(|(channel, (users, cut))| match cut {
        0 => format!("{channel} {}", count(users)),
        _ => format!(
            "{channel} {} ({} left out, as it takes no more)",
            count(users),
            count(cut)
        ),
    });
    channels.collect::<Vec<_>>().join(", ")
}

fn table(actions: &[ActionOverview]) -> Table {
    let mut table = Table::default();
    table.column("action", Side::Left);
    table.column("channel", Side::Left);
    for figure in ["users", "cut", "at stake", "expires"] {
        table.column(figure, Side::Right);
    }
    for (row, action) in actions.iter().enumerate() {
        // The capacity of an action is that of all its channels: users are cut after the last.
        let is_last = actions[row + 1..]
            .iter()
            .all(|later| later.action != action.action);
        let cut = if is_last { action.cut_users } else { 0 };
        let expires_on = action.expires_on.as_deref().unwrap_or(NONE);
        table.row([
            Cell::from(&action.action),
            Cell::from(&action.channel),
            number(count_or_none(action.users)),
            number(count_or_none(cut)),
            Cell::from(money(action.value_at_stake)),
            number(expires_on.to_owned()),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(action: &str, channel: &str, users: i64, cut_users: i64) -> ActionOverview {
        ActionOverview {
            action: action.to_owned(),
            channel: channel.to_owned(),
            priority: 10,
            users,
            cut_users,
            channel_cut_users: if channel == "phone" { 30 } else { 0 },
            value_at_stake: i128::from(users) * 123_450,
            expires_on: Some("2026-11-23".to_owned()),
        }
    }

    #[test]
    fn users_are_cut_after_the_last_channel_of_an_action() {
        let actions = ActionsOverview {
            snapshot_date: "2026-11-20".parse().unwrap(),
            run_id: "2026-11-20-f00d".to_owned(),
            actions: vec![
                action("resolve_complaint", "service", 3, 0),
                action("leave_alone", "none", 20, 0),
                action("call_falling", "phone", 50, 1_012),
                action("call_falling", "wecom", 200, 1_012),
            ],
        };
        let paint = Paint {
            is_colourful: false,
        };
        insta::assert_snapshot!(actions_page(&actions, paint), @"
        Actions of 2026-11-20: 253 users to be contacted, 20 to be left alone
        published by run 2026-11-20-f00d

          action             channel  users    cut    at stake     expires
          resolve_complaint  service      3      .    3,703.50  2026-11-23
          leave_alone        none        20      .   24,690.00  2026-11-23
          call_falling       phone       50      .   61,725.00  2026-11-23
          call_falling       wecom      200  1,012  246,900.00  2026-11-23
          cut: left out today, as the action or its channels take no more users
          by channel: wecom 200, phone 50 (30 left out, as it takes no more), none 20, service 3
        ");
        let nobody = ActionsOverview {
            actions: Vec::new(),
            ..actions
        };
        insta::assert_snapshot!(actions_page(&nobody, paint), @"
        Actions of 2026-11-20: 0 users to be contacted
        published by run 2026-11-20-f00d
        ");
    }
}
