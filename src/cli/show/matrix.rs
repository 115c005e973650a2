//! Who moved from which tier to which: the matrix, and its largest moves.

use std::collections::{BTreeMap, BTreeSet};

use clap::builder::styling::{AnsiColor, Style};

use crate::cli::figures::{NONE, count, money};
use crate::cli::table::{Cell, Paint, Side, Table, width};
use crate::migration::Direction;
use crate::overview::{DimensionOverview, Flow};

use super::lines::{TERMINAL_WIDTH, filled};

/// How many of the largest moves are shown.
const MOVES_SHOWN: usize = 5;

/// From how many values on a matrix is no longer drawn.
const TOO_MANY: usize = 60;

/// Where users come from who were not in the previous snapshot.
const ENTERED: &str = "entered";

/// Where users go to who are not in this snapshot.
const LEFT: &str = "left";

/// How many users went which way.
pub(super) fn totals(moves: &[&Flow]) -> String {
    let ways = [
        Direction::Up,
        Direction::Down,
        Direction::Lateral,
        Direction::Entered,
        Direction::Left,
    ];
    let total = |way: Direction| {
        let flows = moves.iter().filter(|flow| flow.direction == Some(way));
        let users: i64 = flows.map(|flow| flow.users).sum();
        let word = match way {
            Direction::Lateral => "moved",
            way => way.as_str(),
        };
        (users > 0).then(|| format!("{} {word}", count(users)))
    };
    let totals: Vec<String> = ways.into_iter().filter_map(total).collect();
    totals.join(", ")
}

/// The matrix, or where it is to be found when it has too many values to be drawn.
pub(super) fn matrix(dimension: &DimensionOverview, paint: Paint) -> String {
    match values(dimension).len() {
        0..TOO_MANY => fitting(dimension).render(paint),
        count => {
            format!("  a matrix of {count} values is not drawn; tier_migration_matrix has it\n")
        }
    }
}

/// The matrix with the most telling headings that fit.
fn fitting(dimension: &DimensionOverview) -> Table {
    let [whole, in_words] =
        [Headings::Whole, Headings::InWords].map(|headings| matrix_under(dimension, headings));
    [whole, in_words]
        .into_iter()
        .find(|table| table.width() <= TERMINAL_WIDTH)
        .unwrap_or_else(|| matrix_under(dimension, Headings::Letters))
}

/// What is above the columns of a matrix.
///
/// | | row | column |
/// |---|---|---|
/// | whole | `high_value` | `high_value` |
/// | in words | `high_value` | `high` above `value` |
/// | letters | `a  high_value` | `a` |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Headings {
    Whole,
    InWords,
    Letters,
}

impl Headings {
    fn column(self, index: usize, value: &str) -> String {
        match self {
            Self::Whole => value.to_owned(),
            Self::InWords => in_words(value),
            Self::Letters => letters(index),
        }
    }

    fn row(self, index: usize, value: &str) -> String {
        match self {
            Self::Whole | Self::InWords => value.to_owned(),
            Self::Letters => format!("{}  {value}", letters(index)),
        }
    }
}

/// A name over several lines, none longer than its longest word.
fn in_words(name: &str) -> String {
    let words = || name.split('_');
    let longest = words().map(width).max().unwrap_or_default();
    filled(words(), "_", longest).join("\n")
}

/// The letters of a column: a to z, then aa, ab and so on.
fn letters(index: usize) -> String {
    let last = char::from(b'a' + u8::try_from(index % 26).unwrap_or_default());
    match index / 26 {
        0 => last.to_string(),
        more => format!("{}{last}", letters(more - 1)),
    }
}

/// Users from the tier of each row to the tier of each column; those who entered as a row and
/// those who left as a column, where there are any.
fn matrix_under(dimension: &DimensionOverview, headings: Headings) -> Table {
    let cells = Cells::of(dimension);
    let (listed, values) = (dimension.tiers.len(), values(dimension));
    let on_side = |met: &BTreeSet<Option<&str>>| -> Vec<(usize, &str)> {
        let numbered = values.iter().copied().enumerate();
        let is_shown =
            |(index, value): &(usize, &str)| *index < listed || met.contains(&Some(*value));
        numbered.filter(is_shown).collect()
    };
    let mut table = Table::default();
    table.column("from \\ to", Side::Left);
    let mut columns = Vec::new();
    for (index, value) in on_side(&cells.to) {
        table.column(headings.column(index, value), Side::Right);
        columns.push(Some(value));
    }
    if cells.to.contains(&None) {
        table.column(LEFT, Side::Right);
        columns.push(None);
    }
    for (index, value) in on_side(&cells.from) {
        let name = Cell::from(headings.row(index, value));
        table.row(cells.row(name, Some(value), &columns));
    }
    if cells.from.contains(&None) {
        table.row(cells.row(Cell::from(ENTERED), None, &columns));
    }
    table
}

/// The tiers of a dimension, and behind them the values that only its flows have: where users
/// came from a tier that was renamed or taken away since.
fn values(dimension: &DimensionOverview) -> Vec<&str> {
    let tiers = dimension.tiers.iter().map(|tier| tier.name.as_str());
    let mut values: Vec<&str> = tiers.collect();
    let listed: BTreeSet<&str> = values.iter().copied().collect();
    let in_flows = dimension
        .flows
        .iter()
        .flat_map(|flow| [&flow.from, &flow.to]);
    for value in in_flows.flatten().collect::<BTreeSet<_>>() {
        if !listed.contains(value.as_str()) {
            values.push(value);
        }
    }
    values
}

/// The flows of a dimension by where they come from and go to.
struct Cells<'a> {
    flows: BTreeMap<(Option<&'a str>, Option<&'a str>), &'a Flow>,
    /// Where they come from.
    from: BTreeSet<Option<&'a str>>,
    /// Where they go to.
    to: BTreeSet<Option<&'a str>>,
}

impl<'a> Cells<'a> {
    fn of(dimension: &'a DimensionOverview) -> Self {
        let flows = dimension.flows.iter();
        let flows = flows.map(|flow| ((flow.from.as_deref(), flow.to.as_deref()), flow));
        let flows: BTreeMap<_, _> = flows.collect();
        Self {
            from: flows.keys().map(|(from, _)| *from).collect(),
            to: flows.keys().map(|(_, to)| *to).collect(),
            flows,
        }
    }

    /// One row of the matrix.
    fn row(&self, name: Cell, from: Option<&str>, columns: &[Option<&str>]) -> Vec<Cell> {
        let cells = columns.iter().map(|to| self.cell(from, *to));
        std::iter::once(name).chain(cells).collect()
    }

    fn cell(&self, from: Option<&str>, to: Option<&str>) -> Cell {
        let background = Style::new().dimmed();
        match self.flows.get(&(from, to)) {
            // Nobody can be nowhere before and after.
            None if from.is_none() && to.is_none() => Cell::from(""),
            None => Cell::styled(NONE, background),
            Some(flow) => Cell::styled(
                count(flow.users),
                flow.direction.map_or(background, colour_of),
            ),
        }
    }
}

fn colour_of(direction: Direction) -> Style {
    match direction {
        Direction::Up => AnsiColor::Green.on_default(),
        Direction::Down => AnsiColor::Red.on_default(),
        _ => Style::new(),
    }
}

/// The largest moves, one per line.
pub(super) fn largest(moves: &[&Flow]) -> Table {
    let mut table = Table::default();
    table.column("largest moves", Side::Left);
    table.column("users", Side::Right);
    table.column("revenue_365d", Side::Right);
    table.column("", Side::Left);
    for flow in moves.iter().take(MOVES_SHOWN) {
        let from = flow.from.as_deref().unwrap_or(ENTERED);
        let to = flow.to.as_deref().unwrap_or(LEFT);
        table.row([
            Cell::from(format!("{from} -> {to}")),
            Cell::from(count(flow.users)),
            Cell::from(money(flow.revenue_cents)),
            way(flow),
        ]);
    }
    table
}

/// Up or down; the other ways are plain from where they lead.
fn way(flow: &Flow) -> Cell {
    match flow.direction {
        Some(way @ (Direction::Up | Direction::Down)) => Cell::styled(way.as_str(), colour_of(way)),
        _ => Cell::from(""),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{flow, segment, value_tier};
    use super::*;

    const PLAIN: Paint = Paint {
        is_colourful: false,
    };

    #[test]
    fn thousands_of_values_are_not_drawn() {
        let mut cities = value_tier();
        let moves = (0..3_000).map(|city| {
            let (from, to) = (format!("city {city}"), format!("city {}", city + 1));
            flow(&from, &to, 1, Some(Direction::Lateral))
        });
        cities.flows.extend(moves);
        assert_eq!(
            matrix(&cities, PLAIN),
            "  a matrix of 3004 values is not drawn; tier_migration_matrix has it\n"
        );
    }

    #[test]
    fn long_names_become_letters_and_fit() {
        let text = matrix(&segment(), PLAIN);
        insta::assert_snapshot!(format!("matrix\n{text}"), @r"
        matrix
          from \ to                          a  b  c  d  e  f  g  h  i  j  k    l
          a  important_develop_customers   100  .  .  .  .  .  .  .  .  .  .    .
          b  general_develop_customers       .  .  .  .  .  .  .  .  .  .  .  100
          c  occasional_develop_customers    .  .  .  .  .  .  .  .  .  .  .    .
          d  important_retain_customers      .  .  .  .  .  .  .  .  .  .  .    .
          e  general_retain_customers        .  .  .  .  .  .  .  .  .  .  .    .
          f  occasional_retain_customers     .  .  .  .  .  .  .  .  .  .  .    .
          g  important_winback_customers     .  .  .  .  .  .  .  .  .  .  .    .
          h  general_winback_customers       .  .  .  .  .  .  .  .  .  .  .    .
          i  occasional_winback_customers    .  .  .  .  .  .  .  .  .  .  .    .
          j  important_value_customers       .  .  .  .  .  .  .  .  .  .  .    .
          k  general_value_customers         .  .  .  .  .  .  .  .  .  .  .    .
          l  occasional_value_customers      .  .  .  .  .  .  .  .  .  .  .    .
        ");
        assert!(text.lines().all(|line| line.len() <= 100));
    }

    /// Once the matrix left those out who came from a tier of yesterday's dim_tier.
    #[test]
    fn tiers_that_are_listed_no_more_have_their_rows() {
        let mut renamed = value_tier();
        renamed.flows.extend([
            flow("vip", "high_value", 3, Some(Direction::Lateral)),
            flow("legend", "", 1, Some(Direction::Left)),
        ]);
        let text = matrix(&renamed, PLAIN);
        insta::assert_snapshot!(format!("matrix\n{text}"), @r"
        matrix
          from \ to   high_value  low_value  no_orders  left
          high_value       1,200          .          4     2
          low_value            .          .          .     .
          no_orders           50          .     18,700     .
          legend               .          .          .     1
          vip                  3          .          .     .
          entered              .          .         64
        ");
    }

    #[test]
    fn names_break_between_words() {
        assert_eq!(
            in_words("high_value_high_engagement"),
            "high_value\nhigh\nengagement"
        );
        assert_eq!(in_words("active"), "active");
    }

    /// Bytes were counted once: three for an ideograph that is two columns wide.
    #[test]
    fn names_are_measured_in_columns() {
        assert_eq!(in_words("重要_价值_客户群体"), "重要\n价值\n客户群体");
        assert_eq!(in_words("ĝŝĉ_ab_cdefgh"), "ĝŝĉ_ab\ncdefgh");
    }

    #[test]
    fn letters_go_on_after_z() {
        assert_eq!(
            [0, 25, 26, 27, 52].map(letters),
            ["a", "z", "aa", "ab", "ba"]
        );
    }
}
