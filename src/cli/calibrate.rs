//! `tierline calibrate`: new cut points compared with the old ones, and kept once that is confirmed.

use clap::builder::styling::Style;
use serde::Serialize;

use crate::calibration::CutPoints;
use crate::ground::{SnapshotDate, verb_for};
use crate::job::Job;
use crate::night::{NightError, Report, ValueChange};
use crate::pack::Project;
use crate::proposal::{AppliesTo, MetricChange, Old, Proposal, propose};

use super::arguments::{CalibrateArguments, OutputFormat};
use super::figures::{NONE, change, count};
use super::output::Output;
use super::signals::or_ended;
use super::table::{Cell, Paint, Side, Table};
use super::watched::Watched;
use super::{jobs, nights};

/// The most values of which a score has a column each.
const MOST_SCORES: usize = 10;

/// What stands for users without a value.
const NO_VALUE: &str = "(none)";

/// What became of the new cut points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Kept,
    NotKept,
    /// They are those that there are already.
    Unchanged,
}

/// The result for machines.
#[derive(Debug, Serialize)]
struct CalibrationResult<'a> {
    status: Outcome,
    job: &'a str,
    #[serde(flatten)]
    proposal: &'a Proposal,
}

/// Compares, and keeps what is confirmed.
pub(super) async fn calibrate(
    arguments: &CalibrateArguments,
    output: &Output,
) -> Result<(), NightError> {
    let mut known_date = None;
    let outcome = Box::pin(compare_and_keep(arguments, &mut known_date, output)).await;
    let outcome = outcome.map_err(or_ended);
    if let (Err(error), OutputFormat::Json) = (&outcome, arguments.output) {
        let mut report = known_date.map_or_else(Report::default, Report::of);
        report.fail(error);
        output.result(&format!("{}\n", report.to_json()));
    }
    outcome
}

async fn compare_and_keep(
    arguments: &CalibrateArguments,
    known_date: &mut Option<SnapshotDate>,
    output: &Output,
) -> Result<(), NightError> {
    let time = &arguments.night.time;
    let job = jobs::load_for(&arguments.night.job, &arguments.cluster)?;
    let date = jobs::snapshot_date(time, &job)?;
    *known_date = Some(date);
    jobs::note_default_date(time, &job, date, output);
    let project = Project::load(&job)?;
    let workspace = nights::open(&job, &project, date).await?;
    let spinner = output.spinner();
    let tell = |line: &str| spinner.set_message(line.to_owned());
    let watched = Watched::new(&tell);
    let stages = |stage: &str| watched.doing(stage);
    let proposal = propose(&job, &project, &workspace, date, &stages);
    let proposal = watched.over(&workspace, proposal).await;
    spinner.finish_and_clear();
    let proposal = proposal?;
    let page = Page {
        job: &job,
        proposal: &proposal,
        paint: Paint {
            is_colourful: output.is_colourful,
        },
    };
    if arguments.output == OutputFormat::Text {
        output.result(&page.comparison());
    }
    let status = if proposal.is_nothing_new() {
        Outcome::Unchanged
    } else if is_wanted(arguments, &proposal, output) {
        proposal.keep(&job, &workspace).await?;
        Outcome::Kept
    } else {
        Outcome::NotKept
    };
    match arguments.output {
        OutputFormat::Text => output.result(&page.outcome(status)),
        OutputFormat::Json => output.result(&page.json(status)),
    }
    Ok(())
}

/// Whether the new cut points are to be kept: said beforehand, or asked on a terminal.
fn is_wanted(arguments: &CalibrateArguments, proposal: &Proposal, output: &Output) -> bool {
    if arguments.yes {
        return true;
    }
    let question = format!("keep as {}?", proposal.new_id);
    arguments.output == OutputFormat::Text && output.confirmed(&question).unwrap_or_default()
}

/// What is written of a proposal.
struct Page<'a> {
    job: &'a Job,
    proposal: &'a Proposal,
    paint: Paint,
}

impl Page<'_> {
    /// The result as one line.
    fn json(&self, status: Outcome) -> String {
        let result = CalibrationResult {
            status,
            job: &self.job.name,
            proposal: self.proposal,
        };
        let json = serde_json::to_string(&result);
        let json =
            json.unwrap_or_else(|error| format!(r#"{{"status":"failed","error":"{error}"}}"#));
        format!("{json}\n")
    }

    /// Everything that is to be seen before deciding.
    fn comparison(&self) -> String {
        let mut text = self.title();
        for metric in &self.proposal.metrics {
            text.push('\n');
            text.push_str(&metric_table(metric).render(self.paint));
        }
        text.push_str(&self.scores());
        let (changed, others): (Vec<_>, Vec<_>) = self
            .proposal
            .dimensions
            .iter()
            .partition(|dimension| dimension.changed > 0);
        for dimension in changed {
            text.push_str(&self.dimension(dimension));
        }
        if !others.is_empty() {
            let names: Vec<&str> = others.iter().map(|other| other.name.as_str()).collect();
            text.push_str(&format!("\nnobody changes in {}\n", names.join(", ")));
        }
        if !self.proposal.other_dimensions.is_empty() {
            let names = self.proposal.other_dimensions.join(", ");
            let verb = verb_for(self.proposal.other_dimensions.len(), "does", "do");
            text.push_str(&format!("\n{names} {verb} not depend on cut points\n"));
        }
        for warning in &self.proposal.warnings {
            text.push_str(&format!("\nwarning: {warning}\n"));
        }
        if !self.proposal.is_nothing_new() {
            text.push_str(&self.effect());
        }
        text
    }

    fn title(&self) -> String {
        let proposal = self.proposal;
        let title = format!("Cut points as of {}", proposal.snapshot_date);
        let old = match &proposal.old {
            Old::Kept { id } => format!("{id}, which a run of this date scores by"),
            Old::ByHand => "those that the job gives by hand, which no run has kept yet".to_owned(),
            Old::None => "none yet".to_owned(),
        };
        let population = count(proposal.population);
        format!(
            "{}: over {population} users\n  old  {old}\n  new  computed from the users of this date\n",
            self.bold(&title)
        )
    }

    /// The users of every score, but for scores with too many values for a screen.
    fn scores(&self) -> String {
        let scores = self.proposal.scores.iter();
        let (few, many): (Vec<_>, Vec<_>) =
            scores.partition(|score| score.values.len() <= MOST_SCORES);
        let mut text = String::new();
        if !few.is_empty() {
            text.push_str(&format!("\n{}\n", self.bold("users by score")));
            text.push_str(&score_table(&few).render(self.paint));
        }
        for score in many {
            text.push_str(&format!(
                "\n{}: {} of {} users change, between too many values for a table; --output json has them\n",
                self.bold(&score.name),
                count(score.changed),
                count(score.users()),
            ));
        }
        text
    }

    /// One dimension: users of every value, and from which to which they change.
    fn dimension(&self, dimension: &ValueChange) -> String {
        let changed = format!(
            "the raw value of {} of {} users changes",
            count(dimension.changed),
            count(dimension.users())
        );
        let shown = dimension.shown.as_ref().map_or_else(String::new, |shown| {
            let is = verb_for(shown.changed, "is", "are");
            format!(
                "; {} {is} shown otherwise than on {}",
                count(shown.changed),
                shown.snapshot_date
            )
        });
        format!(
            "\n{}: {changed}{shown}\n{}\n{}",
            self.bold(&dimension.name),
            value_table(dimension).render(self.paint),
            flow_table(dimension).render(self.paint)
        )
    }

    /// What became of it.
    fn outcome(&self, status: Outcome) -> String {
        let id = &self.proposal.new_id;
        match (status, &self.proposal.same_as) {
            (Outcome::Kept, _) => format!("\nKept as {id}.\n"),
            (Outcome::NotKept, _) => format!(
                "\nNothing was kept. To keep the new cut points as {id}, run this with --yes.\n"
            ),
            (Outcome::Unchanged, Some(same)) => {
                format!("\nThe new cut points are those of {same}: nothing to keep.\n")
            }
            (Outcome::Unchanged, None) => {
                "\nThe new cut points are those that the job gives by hand: nothing to keep.\n"
                    .to_owned()
            }
        }
    }

    /// What keeping them means for runs to come and for what is published.
    fn effect(&self) -> String {
        let (name, new_id) = (&self.job.name, &self.proposal.new_id);
        let date = &self.proposal.snapshot_date;
        match &self.proposal.applies_to {
            AppliesTo::NobodyWhilePinned { id } => format!(
                "\nJob {name} pins {id} and keeps using it until its job file says\n[calibration] id = \"{new_id}\".\n"
            ),
            AppliesTo::NobodyWhileByHand => format!(
                "\nJob {name} gives its cut points by hand and keeps using those until they are\ntaken out of [calibration] in its job file.\n"
            ),
            AppliesTo::Runs {
                until,
                published_dates,
                unpublished_between,
            } => {
                let until = until.as_ref().map_or_else(String::new, |until| {
                    format!(", up to {until} that has cut points of its own,")
                });
                let published = self.published(published_dates, *unpublished_between);
                format!(
                    "\nOnce kept, runs of {date} and later dates{until} score by the new cut points.\nThe first of them shows raw values at once: no grace or hold goes on from other cut points.\n{published}"
                )
            }
        }
    }

    /// What happens to dates that are published by other cut points.
    fn published(&self, dates: &[String], unpublished_between: u64) -> String {
        let (Some(first), Some(last)) = (dates.first(), dates.last()) else {
            return String::new();
        };
        let stay = match dates.len() {
            1 => format!("{first} is published by other cut points and stays"),
            number => {
                format!(
                    "{number} dates from {first} to {last} are published by other cut points and stay"
                )
            }
        };
        let also = match unpublished_between {
            0 => String::new(),
            1 => {
                "which also publishes the one date between them that is not published.\n".to_owned()
            }
            number => {
                format!(
                    "which also publishes the {number} dates between them that are not published.\n"
                )
            }
        };
        format!(
            "{stay} as published\nuntil run again, by\n  tierline backfill {} --from {first} --to {last}\n{also}",
            self.job.file.name
        )
    }

    fn bold(&self, text: &str) -> String {
        self.paint.text(text, Style::new().bold())
    }
}

/// The cut points of one metric, with the users up to each and above the last.
fn metric_table(metric: &MetricChange) -> Table {
    let sides: Vec<(&str, &CutPoints)> = metric
        .old
        .iter()
        .map(|old| ("old", old))
        .chain([("new", &metric.new)])
        .collect();
    let mut table = Table::default();
    table.column(&metric.new.metric, Side::Left);
    for (heading, _) in &sides {
        table.column(*heading, Side::Right);
        table.column("users", Side::Right);
    }
    for group in 0..metric.new.users.len() {
        let cut = |points: &CutPoints| {
            let cut = points.cuts.get(group);
            cut.map_or_else(|| NONE.to_owned(), ToString::to_string)
        };
        let cells = sides.iter().flat_map(|(_, points)| {
            let users = points.users.get(group).copied().unwrap_or_default();
            [cut(points), count(users)].map(Cell::from)
        });
        let label = match metric.new.cuts.get(group) {
            Some(_) => "up to",
            None => "above",
        };
        table.row(std::iter::once(Cell::from(label)).chain(cells));
    }
    table
}

/// Users by score, old above new.
fn score_table(scores: &[&ValueChange]) -> Table {
    let mut values: Vec<&str> = Vec::new();
    for value in scores.iter().flat_map(|score| &score.values) {
        if !values.contains(&value.as_str()) {
            values.push(value);
        }
    }
    let columns: Vec<Option<&str>> = values.into_iter().map(Some).chain([None]).collect();
    let mut table = Table::default();
    table.column("score", Side::Left);
    table.column("", Side::Left);
    for column in &columns {
        table.column(column.unwrap_or(NO_VALUE), Side::Right);
    }
    table.column("change", Side::Right);
    for score in scores {
        let users = |users: &dyn Fn(Option<&str>) -> u64| {
            let users = columns.iter().map(|column| count_or_none(users(*column)));
            users.map(Cell::from).collect::<Vec<_>>()
        };
        let old = users(&|value| score.old_users(value));
        table.row(
            [Cell::from(&score.name), Cell::from("old")]
                .into_iter()
                .chain(old),
        );
        let new = users(&|value| score.new_users(value));
        let changed = Cell::from(count_or_none(score.changed));
        table.row(
            [Cell::from(""), Cell::from("new")]
                .into_iter()
                .chain(new)
                .chain([changed]),
        );
    }
    table
}

/// Users by value, old next to new.
fn value_table(dimension: &ValueChange) -> Table {
    let mut table = Table::default();
    table.column("tier", Side::Left);
    for heading in ["old", "new", "change"] {
        table.column(heading, Side::Right);
    }
    let values = dimension.values.iter().map(|value| Some(value.as_str()));
    for value in values.chain([None]) {
        let (old, new) = (dimension.old_users(value), dimension.new_users(value));
        if value.is_none() && old + new == 0 {
            continue;
        }
        let difference = new.cast_signed() - old.cast_signed();
        table.row([
            Cell::from(value.unwrap_or(NO_VALUE)),
            Cell::from(count_or_none(old)),
            Cell::from(count_or_none(new)),
            Cell::from(change(difference)),
        ]);
    }
    table
}

/// Who changes from which value to which.
fn flow_table(dimension: &ValueChange) -> Table {
    let mut table = Table::default();
    table.column("from -> to", Side::Left);
    table.column("users", Side::Right);
    let flows = dimension.flows.iter();
    for flow in flows.filter(|flow| flow.from != flow.to) {
        let name = |value: &Option<String>| value.clone().unwrap_or_else(|| NO_VALUE.to_owned());
        table.row([
            Cell::from(format!("{} -> {}", name(&flow.from), name(&flow.to))),
            Cell::from(count(flow.users)),
        ]);
    }
    table
}

fn count_or_none(users: u64) -> String {
    match users {
        0 => NONE.to_owned(),
        users => count(users),
    }
}
