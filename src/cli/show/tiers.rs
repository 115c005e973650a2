//! The users of every tier of a dimension.

use clap::builder::styling::AnsiColor;

use crate::cli::figures::{bar, change, count_or_none, share};
use crate::cli::table::{Cell, Side, Table};
use crate::overview::{DimensionOverview, TierOverview};

use super::cells::number;

/// The bar of the largest tier.
const BAR_WIDTH: u32 = 12;

/// What is below a column of users in grace.
const GRACE_LEGEND: &str = "  in grace: lower today, and shown lower once that has lasted";

/// What is below a column of users in hold.
const HOLD_LEGEND: &str = "  in hold: in another today, and shown there once that has lasted";

/// A column of numbers about tiers: its heading, and the number of a tier.
type Figure<'a> = (&'static str, Box<dyn Fn(&TierOverview) -> String + 'a>);

/// The tiers of a dimension with their figures, and a bar of their users.
pub(super) fn tier_table(dimension: &DimensionOverview, has_previous: bool) -> Table {
    let figures = figures(dimension, has_previous);
    let mut table = Table::default();
    table.column("tier", Side::Left);
    for (heading, _) in &figures {
        table.column(*heading, Side::Right);
    }
    table.column("", Side::Left);
    let largest = dimension.tiers.iter().map(|tier| tier.users).max();
    for tier in &dimension.tiers {
        let numbers = figures.iter().map(|(_, figure)| number(figure(tier)));
        let bar = bar(tier.users, largest.unwrap_or_default(), BAR_WIDTH);
        let bar = Cell::styled(bar, AnsiColor::Cyan.on_default());
        table.row(
            std::iter::once(Cell::from(&tier.name))
                .chain(numbers)
                .chain([bar]),
        );
    }
    table
}

/// Users and shares of every tier; the change where there is a day before, and grace or hold where
/// somebody waits.
fn figures(dimension: &DimensionOverview, has_previous: bool) -> Vec<Figure<'_>> {
    let users: i64 = dimension.tiers.iter().map(|tier| tier.users).sum();
    let revenue: i128 = dimension.tiers.iter().map(|tier| tier.revenue_cents).sum();
    let mut figures: Vec<Figure<'_>> = vec![
        ("users", Box::new(|tier| count_or_none(tier.users))),
        (
            "of users",
            Box::new(move |tier| share(tier.users.into(), users.into())),
        ),
        (
            "of revenue",
            Box::new(move |tier| share(tier.revenue_cents, revenue)),
        ),
    ];
    if has_previous {
        figures.push((
            "change",
            Box::new(|tier| change(dimension.net_change(&tier.name))),
        ));
    }
    if is_waiting(dimension) {
        let heading = match dimension.is_ranked {
            true => "in grace",
            false => "in hold",
        };
        figures.push((heading, Box::new(|tier| count_or_none(tier.waiting))));
    }
    figures
}

/// What is below a column of users who wait; nothing where nobody does.
pub(super) fn legend(dimension: &DimensionOverview) -> Option<&'static str> {
    is_waiting(dimension).then_some(match dimension.is_ranked {
        true => GRACE_LEGEND,
        false => HOLD_LEGEND,
    })
}

fn is_waiting(dimension: &DimensionOverview) -> bool {
    dimension.tiers.iter().any(|tier| tier.waiting > 0)
}
