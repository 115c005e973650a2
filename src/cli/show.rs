//! `tierline show`: a published date on screen.
//!
//! For each dimension the users of every tier, how they moved since the previous snapshot, and
//! the largest moves. Everything fits the narrowest terminal in use where it can.

use std::collections::BTreeMap;

use clap::builder::styling::{AnsiColor, Style};

use crate::config::job::Job;
use crate::ground::SnapshotDate;
use crate::migration::Direction;
use crate::run::{DimensionOverview, Flow, Overview, RunError, TierOverview};

use super::arguments::ShowArguments;
use super::figures::{NONE, bar, change, count, count_or_none, money, share};
use super::output::Output;
use super::table::{Cell, Paint, Side, Table};

/// The columns that every terminal has. Tables that can be made narrower are, to fit.
const TERMINAL_WIDTH: usize = 80;

/// The bar of the largest tier.
const BAR_WIDTH: u32 = 12;

/// How many of the largest moves are shown.
const MOVES_SHOWN: usize = 5;

/// What the demo shows: the first of these with its moves, the others by their tiers alone.
const DEMO_DIMENSIONS: [&str; 2] = ["value_tier", "lifecycle_stage"];

/// What stands for the tier of users who have none.
const NOWHERE: &str = "-";

/// Shows a published snapshot.
pub(super) async fn show(arguments: &ShowArguments, output: &Output) -> Result<(), RunError> {
    let job = super::jobs::load(&arguments.job)?;
    let date = arguments.date.as_deref().map(str::parse::<SnapshotDate>);
    let overview = Box::pin(Overview::read(&job, date.transpose()?)).await?;
    let dimensions = match &arguments.dimension {
        Some(name) => vec![overview.dimension(name)?],
        None => overview.dimensions.iter().collect(),
    };
    let page = Page::of(&overview, output.is_colourful);
    output.result(&page.full(&dimensions));
    Ok(())
}

/// Shows the newest published snapshot on one screen.
pub(super) async fn show_newest(job: &Job, output: &Output) -> Result<(), RunError> {
    let overview = Box::pin(Overview::read(job, None)).await?;
    let page = Page::of(&overview, output.is_colourful);
    output.result(&page.compact());
    Ok(())
}

/// What is written of an overview.
struct Page<'a> {
    overview: &'a Overview,
    paint: Paint,
}

impl<'a> Page<'a> {
    fn of(overview: &'a Overview, is_colourful: bool) -> Self {
        let paint = Paint { is_colourful };
        Self { overview, paint }
    }

    /// Some dimensions with everything there is about them.
    fn full(&self, dimensions: &[&DimensionOverview]) -> String {
        let mut text = self.title();
        for dimension in dimensions {
            text.push_str(&self.tiers(dimension));
            text.push_str(&self.migration(dimension));
        }
        text
    }

    /// One screen for a first look.
    fn compact(&self) -> String {
        let named = |name: &&str| self.overview.dimension(name).ok();
        let dimensions: Vec<_> = DEMO_DIMENSIONS.iter().filter_map(named).collect();
        let mut text = self.title();
        for dimension in &dimensions {
            text.push_str(&self.tiers(dimension));
        }
        if let Some(first) = dimensions.first() {
            text.push_str(&self.migration(first));
        }
        text
    }

    fn title(&self) -> String {
        let overview = self.overview;
        let title = format!("Snapshot of {}", overview.snapshot_date);
        let since = match overview.previous_snapshot_date {
            Some(previous) => format!("moves since {previous}"),
            None => "no earlier snapshot was published, so nobody has moved yet".to_owned(),
        };
        format!(
            "{}: {} users, {since}\nrun {}, cut points {}\n",
            self.bold(&title),
            count(overview.users),
            overview.run_id,
            overview.cutpoints_id
        )
    }

    fn bold(&self, text: &str) -> String {
        self.paint.text(text, Style::new().bold())
    }

    /// The users of every tier.
    fn tiers(&self, dimension: &DimensionOverview) -> String {
        let has_previous = self.overview.previous_snapshot_date.is_some();
        let table = tier_table(dimension, has_previous);
        let heading = self.bold(&dimension.name);
        format!("\n{heading}\n{}", table.render(self.paint))
    }

    /// Who moved; nothing when nobody could have.
    fn migration(&self, dimension: &DimensionOverview) -> String {
        let Some(previous) = self.overview.previous_snapshot_date else {
            return String::new();
        };
        let moves = dimension.largest_moves();
        let since = format!("{} since {previous}", dimension.name);
        if moves.is_empty() {
            return format!("\n{}: nobody moved\n", self.bold(&since));
        }
        format!(
            "\n{}: {}\n{}\n{}",
            self.bold(&since),
            totals(&moves),
            matrix(dimension).render(self.paint),
            largest(&moves).render(self.paint)
        )
    }
}

/// Users, their share and their share of revenue per tier, and the change since before.
fn tier_table(dimension: &DimensionOverview, has_previous: bool) -> Table {
    let mut table = Table::default();
    table.column("tier", Side::Left);
    table.column("users", Side::Right);
    table.column("of users", Side::Right);
    if has_previous {
        table.column("change", Side::Right);
    }
    table.column("of revenue", Side::Right);
    table.column("", Side::Left);
    let users: i64 = dimension.tiers.iter().map(|tier| tier.users).sum();
    let revenue: i128 = dimension.tiers.iter().map(|tier| tier.revenue_cents).sum();
    let largest = dimension.tiers.iter().map(|tier| tier.users).max();
    for tier in &dimension.tiers {
        let mut cells = vec![
            Cell::from(&tier.name),
            number(count_or_none(tier.users)),
            number(share(tier.users.into(), users.into())),
        ];
        if has_previous {
            cells.push(number(change(dimension.net_change(&tier.name))));
        }
        cells.push(number(share(tier.revenue_cents, revenue)));
        let bar = bar(tier.users, largest.unwrap_or_default(), BAR_WIDTH);
        cells.push(Cell::styled(bar, AnsiColor::Cyan.on_default()));
        table.row(cells);
    }
    table
}

/// A number; one that is none stays in the background.
fn number(text: String) -> Cell {
    match text.as_str() {
        NONE => Cell::styled(text, Style::new().dimmed()),
        _ => Cell::from(text),
    }
}

/// How many users went which way.
fn totals(moves: &[&Flow]) -> String {
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

/// The matrix with the most telling headings that fit.
fn matrix(dimension: &DimensionOverview) -> Table {
    let [whole, in_words] =
        [Headings::Whole, Headings::InWords].map(|headings| matrix_under(dimension, headings));
    [whole, in_words]
        .into_iter()
        .find(|table| table.width() <= TERMINAL_WIDTH)
        .unwrap_or_else(|| matrix_under(dimension, Headings::Letters))
}

/// What stands above the columns of a matrix.
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
    fn column(self, index: usize, tier: &TierOverview) -> String {
        match self {
            Self::Whole => tier.name.clone(),
            Self::InWords => in_words(&tier.name),
            Self::Letters => letters(index),
        }
    }

    fn row(self, index: usize, tier: &TierOverview) -> String {
        match self {
            Self::Whole | Self::InWords => tier.name.clone(),
            Self::Letters => format!("{}  {}", letters(index), tier.name),
        }
    }
}

/// A name over several lines, none longer than its longest word.
fn in_words(name: &str) -> String {
    let words = || name.split('_');
    let longest = words().map(str::len).max().unwrap_or_default();
    let mut lines: Vec<String> = Vec::new();
    for word in words() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= longest => {
                line.push('_');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
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
    let tiers = || dimension.tiers.iter().enumerate();
    let mut table = Table::default();
    table.column("from \\ to", Side::Left);
    for (index, tier) in tiers() {
        table.column(headings.column(index, tier), Side::Right);
    }
    let mut columns: Vec<Option<&str>> = tiers().map(|(_, tier)| Some(&*tier.name)).collect();
    if cells.has_left {
        table.column("left", Side::Right);
        columns.push(None);
    }
    for (index, tier) in tiers() {
        let name = Cell::from(headings.row(index, tier));
        table.row(cells.row(name, Some(&tier.name), &columns));
    }
    if cells.has_entered {
        table.row(cells.row(Cell::from("entered"), None, &columns));
    }
    table
}

/// The flows of a dimension by where they come from and go to.
struct Cells<'a> {
    flows: BTreeMap<(Option<&'a str>, Option<&'a str>), &'a Flow>,
    has_entered: bool,
    has_left: bool,
}

impl<'a> Cells<'a> {
    fn of(dimension: &'a DimensionOverview) -> Self {
        let flows = dimension.flows.iter();
        let flows = flows.map(|flow| ((flow.from.as_deref(), flow.to.as_deref()), flow));
        Self {
            flows: flows.collect(),
            has_entered: dimension.flows.iter().any(|flow| flow.from.is_none()),
            has_left: dimension.flows.iter().any(|flow| flow.to.is_none()),
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
        Direction::Lateral | Direction::Entered | Direction::Left => Style::new(),
    }
}

/// The largest moves, one per line.
fn largest(moves: &[&Flow]) -> Table {
    let mut table = Table::default();
    table.column("largest moves", Side::Left);
    table.column("", Side::Left);
    table.column("users", Side::Right);
    table.column("revenue_365d", Side::Right);
    for flow in moves.iter().take(MOVES_SHOWN) {
        let side = |tier: &Option<String>| tier.clone().unwrap_or_else(|| NOWHERE.to_owned());
        let direction = flow.direction.map_or(Cell::from(""), |direction| {
            Cell::styled(direction.as_str(), colour_of(direction))
        });
        table.row([
            Cell::from(format!("{} -> {}", side(&flow.from), side(&flow.to))),
            direction,
            Cell::from(count(flow.users)),
            Cell::from(money(flow.revenue_cents)),
        ]);
    }
    table
}
