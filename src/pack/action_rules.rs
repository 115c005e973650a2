//! What of `reference/actions.csv` and of `actions_on` nobody is ever given, for want of a rule, of a line,
//! or of a cell.
//!
//! Rules are read from the text of `publish/actions.sql`, as `WHERE CASE action WHEN 'recall' THEN ..`
//! has them. Where it says otherwise who is given which action, nothing is said.

use std::collections::BTreeSet;

use crate::ground::{Diagnostic, Problems, SqlSchema, TableName, did_you_mean};
use crate::job::{Job, ParameterValue};
use crate::models::ReferenceTable;
use crate::tables::{ACTIONS, STOP_LIST};

use super::marts::HISTORY_DATES;
use super::project::{Project, place_of_parameter};

/// The column with the names.
const ACTION: &str = "action";

/// The column with the names of channels, and the reference table of all of them.
const CHANNEL: &str = "channel";
const CHANNELS: &str = "channels";

/// The parameter with the actions that the file has off and a job has on.
const ON: &str = "actions_on";

/// What every line must have.
const NEEDED: [&str; 6] = [
    ACTION,
    "priority",
    CHANNEL,
    "is_on",
    "days_valid",
    "rest_days",
];

/// How many days the columns about days may say at most.
///
/// | column | most | because |
/// |---|---|---|
/// | days_valid | ten years | a longer one leaves the range of dates |
/// | rest_days | as many as dates at hand | older lists are not read |
const MOST_DAYS: [(&str, i64); 2] = [("days_valid", 3_650), ("rest_days", HISTORY_DATES as i64)];

/// The actions that no rule gives to anybody, each as a warning.
pub(crate) fn actions_without_rules(project: &Project) -> Vec<Diagnostic> {
    let table = TableName::new(SqlSchema::Publish, ACTIONS.name);
    let (Some(model), Some(reference)) =
        (project.graph.model(&table), project.reference(ACTIONS.name))
    else {
        return Vec::new();
    };
    let rules = model.texts_ruled_by(ACTION);
    if rules.is_empty() {
        return Vec::new();
    }
    let rules: BTreeSet<&str> = rules.iter().map(String::as_str).collect();
    let mut seen = BTreeSet::new();
    let without = actions_of(reference)
        .filter(|(_, action)| !rules.contains(action.as_str()) && seen.insert(action.clone()));
    let warning = |(row, action): (usize, String)| {
        let near = did_you_mean(&action, rules.iter().copied());
        let message = format!("`{}` gives nobody the action `{action}`{near}", model.name);
        let help = format!(
            "write WHEN '{action}' THEN and who is to get it into its WHERE, or take the line out"
        );
        reference.problem(row, message).help(help).as_warning()
    };
    without.map(warning).collect()
}

/// Actions that are to be on and that the file does not have.
pub(crate) fn unknown_actions_on(project: &Project, job: &Job) -> Problems {
    let (Some(ParameterValue::List(on)), Some(reference)) =
        (project.parameters.get(ON), project.reference(ACTIONS.name))
    else {
        return Problems::default();
    };
    let listed: BTreeSet<String> = actions_of(reference).map(|(_, action)| action).collect();
    let unknown = on.iter().filter(|action| !listed.contains(*action));
    let problem = |action: &String| {
        let near = did_you_mean(action, listed.iter().map(String::as_str));
        let message = format!(
            "`{action}` of {ON} is not an action of `{}`{near}",
            reference.name
        );
        let listed: Vec<&str> = listed.iter().map(String::as_str).collect();
        let help = format!("it has {}", listed.join(", "));
        match job.parameters.contains_key(ON) {
            true => job.problem(&format!("params.{ON}"), message),
            false => {
                let place = place_of_parameter(&project.parameter_file, ON).unwrap_or_default();
                Diagnostic::at(&project.parameter_file, place, message)
            }
        }
        .help(help)
    };
    Problems(unknown.map(problem).collect())
}

/// Lines that no user could be given an action by, or that would contact those who are to be left alone.
/// Columns that the file has not got are nobody's mistake: the SQL may do without.
pub(crate) fn unusable_actions(project: &Project) -> Problems {
    let Some(reference) = project.reference(ACTIONS.name) else {
        return Problems::default();
    };
    let rows = 0..reference.rows.num_rows();
    let channels = channels_of_actions(project);
    let unknown = channels.map(|channels| unknown_channels(reference, channels));
    let unusable = rows.flat_map(|row| {
        let empty = NEEDED
            .iter()
            .filter_map(move |column| empty(reference, row, column));
        let stop_list = limited_stop_list(reference, row);
        let too_long = MOST_DAYS
            .iter()
            .filter_map(move |(column, most)| too_long(reference, row, column, *most));
        empty.chain(too_long).chain(stop_list)
    });
    Problems(unusable.chain(unknown.into_iter().flatten()).collect())
}

fn empty(reference: &ReferenceTable, row: usize, column: &str) -> Option<Diagnostic> {
    let index = reference.rows.schema().index_of(column).ok()?;
    if reference
        .value(row, index)
        .is_some_and(|value| !value.is_empty())
    {
        return None;
    }
    let message = format!("a line of `{}` has no {column}", reference.name);
    let help = format!("give it a {column}, or take the line out");
    Some(reference.problem(row, message).help(help))
}

/// A number of days above the most that its column may have.
fn too_long(reference: &ReferenceTable, row: usize, column: &str, most: i64) -> Option<Diagnostic> {
    let index = reference.rows.schema().index_of(column).ok()?;
    let days = reference.value(row, index)?.parse::<i64>().ok()?;
    if days <= most {
        return None;
    }
    let message = format!("{column} of `{}` is {days}", reference.name);
    let help = format!("give {most} at most");
    Some(reference.problem(row, message).help(help))
}

/// Whoever is beyond a capacity is in no list, and so would be in a mailing.
fn limited_stop_list(reference: &ReferenceTable, row: usize) -> Option<Diagnostic> {
    let schema = reference.rows.schema();
    let (action, capacity) = (
        schema.index_of(ACTION).ok()?,
        schema.index_of("capacity").ok()?,
    );
    let is_stop_list = reference.value(row, action)? == STOP_LIST;
    let capacity = reference.value(row, capacity).filter(|_| is_stop_list)?;
    let message = format!(
        "`{STOP_LIST}` of `{}` has a capacity of {capacity}: users beyond it would be left out of the list of those to leave alone",
        reference.name
    );
    Some(
        reference
            .problem(row, message)
            .help("leave the capacity empty"),
    )
}

/// The reference table of channels, where actions read it: another pack may have another by that name. Where it
/// has no such column, SQL that reads it says so.
fn channels_of_actions(project: &Project) -> Option<&ReferenceTable> {
    let channels = project.reference(CHANNELS)?;
    channels.rows.schema().index_of(CHANNEL).ok()?;
    let actions = TableName::new(SqlSchema::Publish, ACTIONS.name);
    let mut reads = project.graph.model(&actions)?.reads.iter();
    reads
        .any(|read| read.table == channels.name)
        .then_some(channels)
}

/// Channels that the reference table of channels has not got, each on the first line that has it. Spaces around a
/// name are for the audit of these files to say.
fn unknown_channels(reference: &ReferenceTable, channels: &ReferenceTable) -> Vec<Diagnostic> {
    let known: BTreeSet<String> = values_of(channels, CHANNEL)
        .map(|(_, name)| name.trim().to_owned())
        .collect();
    let mut seen = BTreeSet::new();
    let unknown = values_of(reference, CHANNEL).filter(|(_, channel)| {
        let named = channel.trim();
        !named.is_empty() && !known.contains(named) && seen.insert(channel.clone())
    });
    let problem = |(row, channel): (usize, String)| {
        let near = did_you_mean(&channel, known.iter().map(String::as_str));
        let message = format!(
            "channel `{channel}` of `{}` is not in `{}`{near}",
            reference.name, channels.name
        );
        let help = format!("correct it, or add a line for it to reference/{CHANNELS}.csv");
        reference.problem(row, message).help(help)
    };
    unknown.map(problem).collect()
}

/// The names of actions, each with its row.
fn actions_of(reference: &ReferenceTable) -> impl Iterator<Item = (usize, String)> {
    values_of(reference, ACTION)
}

/// The values of a column, each with its row.
fn values_of<'a>(
    reference: &'a ReferenceTable,
    column: &str,
) -> impl Iterator<Item = (usize, String)> + use<'a> {
    let column = reference.rows.schema().index_of(column).ok();
    let rows = 0..reference.rows.num_rows();
    rows.filter_map(move |row| Some((row, reference.value(row, column?)?)))
}
