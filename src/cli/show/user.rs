//! One user in words.

use clap::builder::styling::Style;

use crate::cli::figures::{NONE, count, count_of};
use crate::cli::table::{Cell, Paint, Side, Table, width};
use crate::ground::{escaped, escaped_lines};
use crate::overview::{
    ActionCut, ActionOfUser, ChannelCut, Cuts, Figure, Listing, Playbook, UserAction, UserMove,
    UserOverview, UserTier, UserWarning,
};

use super::cells::number;
use super::lines::{TERMINAL_WIDTH, wrapped};

/// What is in front of the lines of a playbook.
const INDENT: &str = "    ";

/// What is said behind the playbooks of a user who is in a list.
const PRECEDENCE: &str = "What is to be done today comes before all of these.";

/// How many of the lists before are named.
const MOST_LISTS: usize = 5;

/// Where users come from who were not in the snapshot before.
const ENTERED: &str = "entered";

/// Where users go to who are not in the snapshot.
const LEFT: &str = "left";

/// Everything that is shown of a user.
pub(super) fn user_page(user: &UserOverview, paint: Paint) -> String {
    let bold = |text: &str| paint.text(text, Style::new().bold());
    let title = bold(&format!("User {}", escaped(&user.user_id)));
    let origin = format!("run {}, cut points {}", user.run_id, user.cutpoints_id);
    let origin = paint.text(&origin, Style::new().dimmed());
    let mut text = format!("{title} on {}\n{origin}\n", user.snapshot_date);
    let mut section = |heading: &str, lines: String| {
        if !lines.is_empty() {
            text.push_str(&format!("\n{}\n{lines}", bold(heading)));
        }
    };
    section("Today", today(user));
    section("Listed on the 28 dates before", lists(&user.listed_before));
    section("Tiers", tiers(&user.dimensions, paint));
    section("Warnings", warnings(&user.warnings, paint));
    section("Figures", figures(&user.figures, paint));
    let is_listed = matches!(user.action, Some(ActionOfUser::Listed(_)));
    section("Playbooks", playbooks(&user.playbooks, is_listed));
    section("Newest moves", moves(&user.moves, paint));
    text
}

/// What is to be done, and why; or why nothing is, as far as the lists say.
fn today(user: &UserOverview) -> String {
    let lines = match &user.action {
        None => return String::new(),
        Some(ActionOfUser::NotListed) => no_action(user),
        Some(ActionOfUser::Listed(action)) => {
            let UserAction {
                action,
                channel,
                reason_en,
                playbook,
                expires_on,
                ..
            } = action;
            let before = expires_on.iter().map(|day| format!(", before {day}"));
            let before: String = before.collect();
            let heading = format!("  {action} ({channel}){before}\n");
            let texts = reason_en.iter().chain(playbook);
            let lines = texts.flat_map(|text| wrapped(text, TERMINAL_WIDTH - width(INDENT)));
            let lines = lines.map(|line| format!("{INDENT}{line}\n"));
            std::iter::once(heading).chain(lines).collect()
        }
    };
    escaped_lines(&lines.concat())
}

/// Why a user is in no list of today: an earlier one that still holds, a rest after one, a capacity, or that no
/// rule takes them.
fn no_action(user: &UserOverview) -> Vec<String> {
    let today = user.snapshot_date.to_string();
    // A list is there on the morning after its date.
    let tomorrow = user.snapshot_date.day().succ_opt();
    let tomorrow = tomorrow.map_or_else(|| today.clone(), |day| day.to_string());
    let listed = user.listed_before.iter();
    let open = listed.clone().find_map(|listing| {
        let until = listing.expires_on.as_ref()?;
        (*until > tomorrow).then(|| {
            format!(
                "  to be done before {until}, unless it was: {} ({}), listed on {}\n",
                listing.action, listing.channel, listing.snapshot_date
            )
        })
    });
    let rest = listed.clone().find_map(|listing| {
        let until = listing.rests_until.as_ref()?;
        (*until > today).then(|| {
            format!(
                "  they rest from {} and what is less urgent until {until}, and for some days, by\n  interaction depth, from most of what is more urgent\n",
                listing.action
            )
        })
    });
    let Cuts { actions, channels } = &user.cuts;
    let of_action = |cut: &ActionCut| format!("{} {}", cut.action, count(cut.cut_users));
    let of_channel = |cut: &ChannelCut| format!("on {} {}", cut.channel, count(cut.cut_users));
    let cuts = actions.iter().map(of_action);
    let cuts: Vec<String> = cuts.chain(channels.iter().map(of_channel)).collect();
    let before = listed.clone().next().map_or_else(String::new, |listing| {
        format!(", who was listed on {}", listing.snapshot_date)
    });
    let (or_cut, cuts) = match cuts.is_empty() {
        true => ("", None),
        false => (
            ", or a capacity leaves them out",
            Some(format!(
                "  left out by capacities today: {}\n",
                cuts.join(", ")
            )),
        ),
    };
    let first = format!("  no new action: no rule takes the user{before}{or_cut}\n");
    let lines = std::iter::once(first).chain(open).chain(rest).chain(cuts);
    lines.collect()
}

/// A line for each of the newest lists.
fn lists(listed: &[Listing]) -> String {
    let others = listed.len().saturating_sub(MOST_LISTS);
    let others = (others > 0).then(|| format!("  and {others} more\n"));
    let lines = listed.iter().take(MOST_LISTS).map(|listing| {
        let Listing {
            snapshot_date,
            action,
            channel,
            expires_on,
            rests_until,
        } = listing;
        let before = expires_on.iter().map(|day| format!(", before {day}"));
        let rests = rests_until.iter();
        let rests = rests.map(|day| format!(", rests until {day}"));
        let days: String = before.chain(rests).collect();
        format!("  {snapshot_date}: {action} ({channel}){days}\n")
    });
    escaped_lines(&lines.chain(others).collect::<String>())
}

/// A line for each dimension: what is shown since when, and what grace holds back.
fn tiers(tiers: &[UserTier], paint: Paint) -> String {
    let mut table = Table::default();
    for heading in ["dimension", "tier", "label", "since", ""] {
        table.column(heading, Side::Left);
    }
    for tier in tiers {
        table.row([
            Cell::from(&tier.dimension),
            Cell::from(or_none(&tier.tier)),
            Cell::from(tier.label_en.clone().unwrap_or_default()),
            Cell::from(or_none(&tier.since)),
            Cell::from(waiting(tier)),
        ]);
    }
    table.render(paint)
}

/// Today's value, where it is not the one that is shown.
fn waiting(tier: &UserTier) -> String {
    match (&tier.raw, &tier.pending_since) {
        (Some(raw), pending_since) if tier.tier.as_ref() != Some(raw) => {
            let since = pending_since.as_ref();
            let since = since.map_or_else(String::new, |since| format!(", pending since {since}"));
            format!("today {raw}{since}")
        }
        _ => String::new(),
    }
}

fn warnings(warnings: &[UserWarning], paint: Paint) -> String {
    if warnings.is_empty() {
        return String::new();
    }
    let mut table = Table::default();
    for heading in ["warning", "label", "since"] {
        table.column(heading, Side::Left);
    }
    for warning in warnings {
        table.row([
            Cell::from(&warning.name),
            Cell::from(warning.label_en.clone().unwrap_or_default()),
            Cell::from(or_none(&warning.since)),
        ]);
    }
    table.render(paint)
}

fn figures(figures: &[Figure], paint: Paint) -> String {
    if figures.is_empty() {
        return String::new();
    }
    let mut table = Table::default();
    table.column("figure", Side::Left);
    table.column("value", Side::Right);
    for figure in figures {
        let value = figure.value.as_deref().map_or(NONE.to_owned(), rounded);
        table.row([Cell::from(&figure.name), number(value)]);
    }
    table.render(paint)
}

/// A number with two digits behind the point at the most.
fn rounded(value: &str) -> String {
    match (value.split_once('.'), value.parse::<f64>()) {
        (Some((_, fraction)), Ok(number)) if fraction.len() > 2 => format!("{number:.2}"),
        _ => value.to_owned(),
    }
}

/// What to do, that of warnings first.
fn playbooks(playbooks: &[Playbook], is_listed: bool) -> String {
    let lines = playbooks.iter().flat_map(|playbook| {
        let heading = format!("  {}, {}\n", playbook.dimension, playbook.tier);
        let lines = wrapped(&playbook.playbook, TERMINAL_WIDTH - width(INDENT));
        let lines = lines.into_iter().map(|line| format!("{INDENT}{line}\n"));
        std::iter::once(heading).chain(lines)
    });
    let order = (is_listed && !playbooks.is_empty()).then(|| format!("  {PRECEDENCE}\n"));
    escaped_lines(&lines.chain(order).collect::<String>())
}

fn moves(moves: &[UserMove], paint: Paint) -> String {
    if moves.is_empty() {
        return String::new();
    }
    let mut table = Table::default();
    for heading in ["date", "dimension", "move", "", ""] {
        table.column(heading, Side::Left);
    }
    for user_move in moves {
        let from = user_move.from.as_deref().unwrap_or(ENTERED);
        let to = user_move.to.as_deref().unwrap_or(LEFT);
        let way = Some(user_move.direction.as_str());
        let way = way.filter(|way| ["up", "down"].contains(way));
        let days = user_move.days_in_previous_tier;
        let days = days.map_or_else(String::new, |days| {
            format!("after {}", count_of(days, "day"))
        });
        table.row([
            Cell::from(&user_move.snapshot_date),
            Cell::from(&user_move.dimension),
            Cell::from(format!("{from} -> {to}")),
            Cell::from(way.unwrap_or_default()),
            Cell::from(days),
        ]);
    }
    table.render(paint)
}

fn or_none(value: &Option<String>) -> String {
    value.clone().unwrap_or_else(|| NONE.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn tier(dimension: &str, tier: &str) -> UserTier {
        UserTier {
            dimension: dimension.to_owned(),
            tier: text(tier),
            label_en: text("A label"),
            label_zh: None,
            since: text("2026-11-01"),
            raw: None,
            pending_since: None,
        }
    }

    fn figure(name: &str, value: Option<&str>) -> Figure {
        Figure {
            name: name.to_owned(),
            value: value.map(str::to_owned),
        }
    }

    fn listing(date: &str, action: &str, rests_until: Option<String>) -> Listing {
        Listing {
            snapshot_date: date.to_owned(),
            action: action.to_owned(),
            channel: "sms".to_owned(),
            expires_on: Some(date.replace("2026-11-1", "2026-11-2")),
            rests_until,
        }
    }

    fn user() -> UserOverview {
        UserOverview {
            user_id: "u-17".to_owned(),
            snapshot_date: "2026-11-20".parse().unwrap(),
            run_id: "2026-11-20-f00d".to_owned(),
            cutpoints_id: "2026-11-01-v1".to_owned(),
            action: Some(ActionOfUser::Listed(UserAction {
                action: "remind_overdue".to_owned(),
                channel: "wecom".to_owned(),
                reason_en: text("last order 50 days ago, usually every 23 days"),
                reason_zh: None,
                playbook: text("Remind of what they usually buy, with one tap to order again."),
                playbook_zh: None,
                expires_on: text("2026-11-25"),
            })),
            cuts: Cuts::default(),
            listed_before: vec![
                listing("2026-11-06", "recall", text("2026-11-20")),
                listing("2026-10-30", "revive_silent", None),
            ],
            dimensions: vec![
                UserTier {
                    raw: text("silent"),
                    pending_since: text("2026-11-18"),
                    ..tier("value_tier", "high_value")
                },
                UserTier {
                    label_en: None,
                    ..tier("lifecycle_stage", "loyal")
                },
            ],
            figures: vec![
                figure("r_score", Some("5")),
                figure("revenue_365d", Some("1234.50")),
                figure("order_gap_days", Some("23.333333333333332")),
                figure("recency_days", None),
            ],
            warnings: vec![UserWarning {
                name: "overdue_warning".to_owned(),
                label_en: text("Order overdue"),
                label_zh: None,
                since: None,
            }],
            playbooks: vec![Playbook {
                dimension: "warning".to_owned(),
                tier: "overdue_warning".to_owned(),
                playbook: "One personal message with what they usually buy, and a reminder a week later; convenience before discount.".to_owned(),
                playbook_zh: None,
            }],
            moves: vec![
                UserMove {
                    snapshot_date: "2026-11-01".to_owned(),
                    dimension: "value_tier".to_owned(),
                    from: text("high_potential"),
                    to: text("high_value"),
                    direction: "up".to_owned(),
                    days_in_previous_tier: Some(1),
                },
                UserMove {
                    snapshot_date: "2026-10-31".to_owned(),
                    dimension: "value_tier".to_owned(),
                    from: None,
                    to: text("high_potential"),
                    direction: "entered".to_owned(),
                    days_in_previous_tier: None,
                },
            ],
        }
    }

    const PLAIN: Paint = Paint {
        is_colourful: false,
    };

    #[test]
    fn a_user_is_told_in_words() {
        insta::assert_snapshot!(user_page(&user(), PLAIN), @"
        User u-17 on 2026-11-20
        run 2026-11-20-f00d, cut points 2026-11-01-v1

        Today
          remind_overdue (wecom), before 2026-11-25
            last order 50 days ago, usually every 23 days
            Remind of what they usually buy, with one tap to order again.

        Listed on the 28 dates before
          2026-11-06: recall (sms), before 2026-11-06, rests until 2026-11-20
          2026-10-30: revive_silent (sms), before 2026-10-30

        Tiers
          dimension        tier        label    since
          value_tier       high_value  A label  2026-11-01  today silent, pending since 2026-11-18
          lifecycle_stage  loyal                2026-11-01

        Warnings
          warning          label          since
          overdue_warning  Order overdue  .

        Figures
          figure            value
          r_score               5
          revenue_365d    1234.50
          order_gap_days    23.33
          recency_days          .

        Playbooks
          warning, overdue_warning
            One personal message with what they usually buy, and a reminder a week
            later; convenience before discount.
          What is to be done today comes before all of these.

        Newest moves
          date        dimension   move
          2026-11-01  value_tier  high_potential -> high_value  up  after 1 day
          2026-10-31  value_tier  entered -> high_potential
        ");
    }

    #[test]
    fn what_there_is_nothing_of_has_no_heading() {
        let user = UserOverview {
            action: None,
            listed_before: Vec::new(),
            figures: Vec::new(),
            warnings: Vec::new(),
            playbooks: Vec::new(),
            moves: Vec::new(),
            ..user()
        };
        let page = user_page(&user, PLAIN);
        for heading in [
            "Today",
            "Listed on the 28 dates before",
            "Warnings",
            "Figures",
            "Playbooks",
            "Newest moves",
        ] {
            assert!(!page.contains(heading), "{page}");
        }
    }

    #[test]
    fn why_a_user_is_in_no_list_is_told() {
        let told = |cuts: &[(&str, i64)], listed_before: &[(&str, Option<&str>)]| {
            let actions = cuts.iter().map(|(action, cut_users)| ActionCut {
                action: (*action).to_owned(),
                cut_users: *cut_users,
            });
            let channels = cuts.iter().map(|(_, cut_users)| ChannelCut {
                channel: "wecom".to_owned(),
                cut_users: cut_users + 1,
            });
            let listed_before = listed_before
                .iter()
                .map(|(date, until)| listing(date, "recall", until.map(str::to_owned)));
            let user = UserOverview {
                action: Some(ActionOfUser::NotListed),
                cuts: Cuts {
                    actions: actions.collect(),
                    channels: channels.take(1).collect(),
                },
                listed_before: listed_before.collect(),
                ..user()
            };
            today(&user)
        };
        insta::assert_snapshot!(told(&[], &[]), @"  no new action: no rule takes the user");
        let ended = ("2026-11-01", Some("2026-11-20"));
        insta::assert_snapshot!(
            told(&[("thank_peak", 3), ("recall", 1200)], &[ended]),
            @"
          no new action: no rule takes the user, who was listed on 2026-11-01, or a capacity leaves them out
          left out by capacities today: thank_peak 3, recall 1,200, on wecom 4
        "
        );
        insta::assert_snapshot!(
            told(&[], &[ended, ("2026-10-30", Some("2026-11-21"))]),
            @"
          no new action: no rule takes the user, who was listed on 2026-11-01
          they rest from recall and what is less urgent until 2026-11-21, and for some days, by
          interaction depth, from most of what is more urgent
        "
        );
        insta::assert_snapshot!(
            told(&[], &[("2026-11-18", None)]),
            @"
          no new action: no rule takes the user, who was listed on 2026-11-18
          to be done before 2026-11-28, unless it was: recall (sms), listed on 2026-11-18
        "
        );
    }
}
