//! `tierline show`: a published date on screen.
//!
//! For each dimension the users of every tier, how they moved since the previous snapshot, and
//! the largest moves. Everything fits the narrowest terminal in use where it can.

use std::collections::{BTreeMap, BTreeSet};

use clap::builder::styling::{AnsiColor, Style};

use crate::config::job::Job;
use crate::ground::SnapshotDate;
use crate::migration::Direction;
use crate::run::{DimensionOverview, Flow, Overview, RunError, TierOverview};

use super::arguments::ShowArguments;
use super::figures::{NONE, bar, change, count, count_or_none, money, share};
use super::output::Output;
use super::table::{Cell, Paint, Side, Table, width};

/// The columns that every terminal has. Tables that can be made narrower are, to fit.
const TERMINAL_WIDTH: usize = 80;

/// The bar of the largest tier.
const BAR_WIDTH: u32 = 12;

/// How many of the largest moves are shown.
const MOVES_SHOWN: usize = 5;

/// What stands below a column of users in grace.
const GRACE_LEGEND: &str = "  in grace: lower today, and shown lower once that has lasted";

/// What the demo shows: the first of these with its moves, the others by their tiers alone.
const DEMO_DIMENSIONS: [&str; 2] = ["value_tier", "lifecycle_stage"];

/// What stands in front of lines that belong to the one above.
const INDENT: &str = "  ";

/// Where users come from who were not in the previous snapshot.
const ENTERED: &str = "entered";

/// Where users go to who are not in this snapshot.
const LEFT: &str = "left";

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
    let text = match arguments.dimension {
        Some(_) => page.of_dimensions(&dimensions),
        None => page.full(),
    };
    output.result(&text);
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

    /// Everything.
    fn full(&self) -> String {
        let dimensions: Vec<&DimensionOverview> = self.overview.dimensions.iter().collect();
        let figures = [self.alerts(), self.kpis(), self.warnings()].concat();
        self.of_dimensions(&dimensions) + &figures
    }

    /// Some dimensions with everything there is about them.
    fn of_dimensions(&self, dimensions: &[&DimensionOverview]) -> String {
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
        text + &self.alerts()
    }

    fn title(&self) -> String {
        let overview = self.overview;
        let title = format!("Snapshot of {}", overview.snapshot_date);
        let users = count(overview.users);
        let since = match overview.previous_snapshot_date {
            Some(previous) => format!(", moves since {previous}\n"),
            None => "\nNo earlier snapshot was published, so nobody has moved yet.\n".to_owned(),
        };
        let origin = format!(
            "run {}, cut points {}",
            overview.run_id, overview.cutpoints_id
        );
        let origin = self.paint.text(&origin, Style::new().dimmed());
        format!("{}: {users} users{since}{origin}\n", self.bold(&title))
    }

    fn bold(&self, text: &str) -> String {
        self.paint.text(text, Style::new().bold())
    }

    /// The users of every tier.
    fn tiers(&self, dimension: &DimensionOverview) -> String {
        let has_previous = self.overview.previous_snapshot_date.is_some();
        let table = tier_table(dimension, has_previous);
        let heading = self.bold(&dimension.name);
        let legend = match has_grace(dimension) {
            true => format!("{}\n", self.paint.text(GRACE_LEGEND, Style::new().dimmed())),
            false => String::new(),
        };
        format!("\n{heading}\n{}{legend}", table.render(self.paint))
    }

    /// The metrics past their limits, with what to do about them.
    fn alerts(&self) -> String {
        let mut text = String::new();
        for alert in &self.overview.alerts {
            let (value, threshold) = [alert.value, alert.threshold]
                .map(|number| metric(&alert.alert, number))
                .into();
            let line = format!(
                "{}: {} is {value}, past {threshold}",
                alert.severity, alert.alert
            );
            let line = self.paint.text(&line, AnsiColor::Red.on_default());
            text.push_str(&format!("\n{line}\n"));
            for line in wrapped(&alert.message, TERMINAL_WIDTH - width(INDENT)) {
                text.push_str(&format!("{INDENT}{line}\n"));
            }
        }
        text
    }

    /// The metrics, with those of the previous snapshot.
    fn kpis(&self) -> String {
        if self.overview.kpis.is_empty() {
            return String::new();
        }
        let mut table = Table::default();
        table.column("metric", Side::Left);
        table.column("value", Side::Right);
        table.column("previous", Side::Right);
        for kpi in &self.overview.kpis {
            let figure = |value: Option<f64>| {
                number(value.map_or(NONE.to_owned(), |value| metric(&kpi.metric, value)))
            };
            let figures = [kpi.value, kpi.previous_value].map(figure);
            table.row(std::iter::once(Cell::from(&kpi.metric)).chain(figures));
        }
        format!("\n{}\n{}", self.bold("KPIs"), table.render(self.paint))
    }

    /// How many users have each warning.
    fn warnings(&self) -> String {
        if self.overview.warnings.is_empty() {
            return String::new();
        }
        let mut table = Table::default();
        table.column("warning", Side::Left);
        table.column("users", Side::Right);
        for warning in &self.overview.warnings {
            table.row([
                Cell::from(&warning.name),
                number(count_or_none(warning.users)),
            ]);
        }
        format!("\n{}\n{}", self.bold("Warnings"), table.render(self.paint))
    }

    /// Who moved; nothing when nobody could have.
    fn migration(&self, dimension: &DimensionOverview) -> String {
        let Some(previous) = self.overview.previous_snapshot_date else {
            return String::new();
        };
        let moves = dimension.largest_moves();
        let since = format!("{} since {previous}", dimension.name);
        if dimension.flows.is_empty() {
            return format!(
                "\n{}: not there yet, so nobody has moved\n",
                self.bold(&since)
            );
        }
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

/// A metric as people read it, by what its name says it is.
fn metric(name: &str, value: f64) -> String {
    let is_part = ["_share", "_rate"].iter().any(|end| name.ends_with(end));
    match is_part {
        true => format!("{:.1}%", 100.0 * value),
        false if value.fract() == 0.0 => count(value as i64),
        false => format!("{value:.2}"),
    }
}

/// Text in lines of at most so many columns of the terminal, broken between words, or within one
/// that is too wide for a line, as a sentence of ideographs is.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let words = text.split_whitespace();
    filled(words.flat_map(|word| pieces(word, columns)), " ", columns)
}

/// The words in lines of at most so many columns.
fn filled(
    words: impl Iterator<Item = impl AsRef<str>>,
    between: &str,
    columns: usize,
) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        let word = word.as_ref();
        match lines.last_mut() {
            Some(line) if width(line) + width(between) + width(word) <= columns => {
                line.push_str(between);
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A word in as few pieces of at most so many columns as it takes.
fn pieces(word: &str, columns: usize) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for character in word.chars() {
        match pieces.last_mut() {
            Some(piece) if width(&format!("{piece}{character}")) <= columns => {
                piece.push(character);
            }
            _ => pieces.push(character.to_string()),
        }
    }
    pieces
}

/// A column of numbers about tiers: its heading, and the number of a tier.
type Figure<'a> = (&'static str, Box<dyn Fn(&TierOverview) -> String + 'a>);

/// The tiers of a dimension with their figures, and a bar of their users.
fn tier_table(dimension: &DimensionOverview, has_previous: bool) -> Table {
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

/// Users and shares of every tier; the change where there is a day before, and grace where
/// somebody has it.
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
    if has_grace(dimension) {
        figures.push(("in grace", Box::new(|tier| count_or_none(tier.in_grace))));
    }
    figures
}

fn has_grace(dimension: &DimensionOverview) -> bool {
    dimension.tiers.iter().any(|tier| tier.in_grace > 0)
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
    let in_flows = dimension
        .flows
        .iter()
        .flat_map(|flow| [&flow.from, &flow.to]);
    for value in in_flows.flatten().collect::<BTreeSet<_>>() {
        if !values.contains(&value.as_str()) {
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
        Direction::Lateral | Direction::Entered | Direction::Left => Style::new(),
    }
}

/// The largest moves, one per line.
fn largest(moves: &[&Flow]) -> Table {
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
    use super::*;
    use crate::run::{Alert, Kpi, WarningOverview};

    fn date(day: &str) -> SnapshotDate {
        day.parse().unwrap()
    }

    fn tier(name: &str, users: i64, in_grace: i64, revenue_cents: i128) -> TierOverview {
        TierOverview {
            name: name.to_owned(),
            users,
            in_grace,
            revenue_cents,
        }
    }

    fn flow(from: &str, to: &str, users: i64, direction: Option<Direction>) -> Flow {
        let side = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        Flow {
            from: side(from),
            to: side(to),
            direction,
            users,
            revenue_cents: i128::from(users) * 1_250,
        }
    }

    fn value_tier() -> DimensionOverview {
        DimensionOverview {
            name: "value_tier".to_owned(),
            tiers: vec![
                tier("high_value", 1_250, 30, 90_000_000),
                tier("low_value", 0, 0, 0),
                tier("no_orders", 18_768, 0, 10_000_000),
            ],
            flows: vec![
                flow("high_value", "high_value", 1_200, None),
                flow("high_value", "no_orders", 4, Some(Direction::Down)),
                flow("high_value", "", 2, Some(Direction::Left)),
                flow("no_orders", "high_value", 50, Some(Direction::Up)),
                flow("no_orders", "no_orders", 18_700, None),
                flow("", "no_orders", 64, Some(Direction::Entered)),
            ],
        }
    }

    /// Names of which neither whole nor in words so many stand beside each other.
    fn segment() -> DimensionOverview {
        let names = ["develop", "retain", "winback", "value"].map(|stage| {
            ["important", "general", "occasional"].map(|kind| format!("{kind}_{stage}_customers"))
        });
        let names = names.concat();
        DimensionOverview {
            name: "segment".to_owned(),
            tiers: names.iter().map(|name| tier(name, 100, 0, 1)).collect(),
            flows: vec![
                flow(&names[0], &names[0], 100, None),
                flow(&names[1], &names[11], 100, Some(Direction::Lateral)),
            ],
        }
    }

    fn overview(dimensions: Vec<DimensionOverview>) -> Overview {
        Overview {
            snapshot_date: date("2026-11-20"),
            previous_snapshot_date: Some(date("2026-11-19")),
            run_id: "2026-11-20-f00d".to_owned(),
            cutpoints_id: "2026-11-01-v1".to_owned(),
            users: 20_018,
            dimensions,
            warnings: Vec::new(),
            kpis: Vec::new(),
            alerts: Vec::new(),
        }
    }

    fn full(overview: &Overview, is_colourful: bool) -> String {
        Page::of(overview, is_colourful).full()
    }

    #[test]
    fn alerts_kpis_and_warnings_follow() {
        let kpi = |metric: &str, value, previous_value| Kpi {
            metric: metric.to_owned(),
            value,
            previous_value,
        };
        let overview = Overview {
            kpis: vec![
                kpi("average_order_value_30d", Some(330.124), Some(324.0)),
                kpi("complaints_change_rate", Some(0.5), None),
            ],
            alerts: vec![Alert {
                alert: "complaints_change_rate".to_owned(),
                severity: "critical".to_owned(),
                value: 0.5,
                threshold: 0.3,
                message: "Complaints rose sharply since yesterday: find the product or campaign behind them before the next message goes out.".to_owned(),
            }],
            warnings: vec![
                WarningOverview {
                    name: "silent_warning".to_owned(),
                    users: 1_234,
                },
                WarningOverview {
                    name: "peak_order".to_owned(),
                    users: 0,
                },
            ],
            ..overview(Vec::new())
        };
        insta::assert_snapshot!(full(&overview, false), @"
        Snapshot of 2026-11-20: 20,018 users, moves since 2026-11-19
        run 2026-11-20-f00d, cut points 2026-11-01-v1

        critical: complaints_change_rate is 50.0%, past 30.0%
          Complaints rose sharply since yesterday: find the product or campaign behind
          them before the next message goes out.

        KPIs
          metric                    value  previous
          average_order_value_30d  330.12       324
          complaints_change_rate    50.0%         .

        Warnings
          warning         users
          silent_warning  1,234
          peak_order          .
        ");
    }

    #[test]
    fn a_snapshot_shows_tiers_matrix_and_moves() {
        insta::assert_snapshot!(full(&overview(vec![value_tier()]), false), @r"
        Snapshot of 2026-11-20: 20,018 users, moves since 2026-11-19
        run 2026-11-20-f00d, cut points 2026-11-01-v1

        value_tier
          tier         users  of users  of revenue  change  in grace
          high_value   1,250      6.2%       90.0%     +44        30  ▊
          low_value        .         .           .       .         .
          no_orders   18,768     93.8%       10.0%     +18         .  ████████████
          in grace: lower today, and shown lower once that has lasted

        value_tier since 2026-11-19: 50 up, 4 down, 64 entered, 2 left
          from \ to   high_value  low_value  no_orders  left
          high_value       1,200          .          4     2
          low_value            .          .          .     .
          no_orders           50          .     18,700     .
          entered              .          .         64

          largest moves            users  revenue_365d
          entered -> no_orders        64        800.00
          no_orders -> high_value     50        625.00  up
          high_value -> no_orders      4         50.00  down
          high_value -> left           2         25.00
        ");
    }

    #[test]
    fn colour_tells_up_from_down_and_dims_those_who_stayed() {
        let text = full(&overview(vec![value_tier()]), true);
        insta::assert_snapshot!(text.replace('\u{1b}', "^"), @r"
        ^[1mSnapshot of 2026-11-20^[0m: 20,018 users, moves since 2026-11-19
        ^[2mrun 2026-11-20-f00d, cut points 2026-11-01-v1^[0m

        ^[1mvalue_tier^[0m
          ^[2mtier^[0m         ^[2musers^[0m  ^[2mof users^[0m  ^[2mof revenue^[0m  ^[2mchange^[0m  ^[2min grace^[0m
          high_value   1,250      6.2%       90.0%     +44        30  ^[36m▊^[0m
          low_value        ^[2m.^[0m         ^[2m.^[0m           ^[2m.^[0m       ^[2m.^[0m         ^[2m.^[0m
          no_orders   18,768     93.8%       10.0%     +18         ^[2m.^[0m  ^[36m████████████^[0m
        ^[2m  in grace: lower today, and shown lower once that has lasted^[0m

        ^[1mvalue_tier since 2026-11-19^[0m: 50 up, 4 down, 64 entered, 2 left
          ^[2mfrom \ to^[0m   ^[2mhigh_value^[0m  ^[2mlow_value^[0m  ^[2mno_orders^[0m  ^[2mleft^[0m
          high_value       ^[2m1,200^[0m          ^[2m.^[0m          ^[31m4^[0m     2
          low_value            ^[2m.^[0m          ^[2m.^[0m          ^[2m.^[0m     ^[2m.^[0m
          no_orders           ^[32m50^[0m          ^[2m.^[0m     ^[2m18,700^[0m     ^[2m.^[0m
          entered              ^[2m.^[0m          ^[2m.^[0m         64

          ^[2mlargest moves^[0m            ^[2musers^[0m  ^[2mrevenue_365d^[0m
          entered -> no_orders        64        800.00
          no_orders -> high_value     50        625.00  ^[32mup^[0m
          high_value -> no_orders      4         50.00  ^[31mdown^[0m
          high_value -> left           2         25.00
        ");
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        let overview = overview(vec![value_tier(), segment()]);
        let codes = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
        let coloured = full(&overview, true);
        assert_eq!(codes.replace_all(&coloured, ""), full(&overview, false));
    }

    #[test]
    fn long_names_become_letters_and_fit() {
        let text = matrix(&segment()).render(Paint {
            is_colourful: false,
        });
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
        let text = matrix(&renamed).render(Paint {
            is_colourful: false,
        });
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
    fn the_first_snapshot_has_no_moves() {
        let mut first = overview(vec![value_tier()]);
        first.previous_snapshot_date = None;
        first.dimensions[0].flows.clear();
        insta::assert_snapshot!(full(&first, false), @"
        Snapshot of 2026-11-20: 20,018 users
        No earlier snapshot was published, so nobody has moved yet.
        run 2026-11-20-f00d, cut points 2026-11-01-v1

        value_tier
          tier         users  of users  of revenue  in grace
          high_value   1,250      6.2%       90.0%        30  ▊
          low_value        .         .           .         .
          no_orders   18,768     93.8%       10.0%         .  ████████████
          in grace: lower today, and shown lower once that has lasted
        ");
    }

    #[test]
    fn a_day_on_which_nobody_moved_takes_a_line() {
        let mut quiet = overview(vec![value_tier()]);
        quiet.dimensions[0]
            .flows
            .retain(|flow| flow.direction.is_none());
        let text = Page::of(&quiet, false).migration(&quiet.dimensions[0]);
        assert_eq!(text, "\nvalue_tier since 2026-11-19: nobody moved\n");
    }

    #[test]
    fn the_compact_page_has_the_moves_of_one_dimension() {
        let mut lifecycle_stage = value_tier();
        lifecycle_stage.name = "lifecycle_stage".to_owned();
        let overview = overview(vec![segment(), value_tier(), lifecycle_stage]);
        let text = Page::of(&overview, false).compact();
        let headings: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with(|first: char| first.is_lowercase()))
            .collect();
        let expected = [
            "run 2026-11-20-f00d, cut points 2026-11-01-v1",
            "value_tier",
            "lifecycle_stage",
            "value_tier since 2026-11-19: 50 up, 4 down, 64 entered, 2 left",
        ];
        assert_eq!(headings, expected);
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
    fn lines_and_names_are_measured_in_columns() {
        assert_eq!(in_words("重要_价值_客户群体"), "重要\n价值\n客户群体");
        assert_eq!(in_words("重_要_价值客户"), "重_要\n价值客户");
        assert_eq!(wrapped("投诉 上升 明显", 9), ["投诉 上升", "明显"]);
        assert_eq!(wrapped("请先找出原因。", 7), ["请先找", "出原因", "。"]);
        assert_eq!(wrapped("Ŝanĝo de ĉiuj", 8), ["Ŝanĝo de", "ĉiuj"]);
    }

    #[test]
    fn letters_go_on_after_z() {
        assert_eq!(
            [0, 25, 26, 27, 52].map(letters),
            ["a", "z", "aa", "ab", "ba"]
        );
    }

    #[test]
    fn an_unknown_dimension_is_refused_with_the_nearest() {
        let error = overview(vec![value_tier()])
            .dimension("valuetier")
            .unwrap_err();
        insta::assert_snapshot!(error, @"
        error: there is no dimension `valuetier`; did you mean `value_tier`?
         |
         = help: the dimensions of 2026-11-20 are value_tier
        ");
    }
}
