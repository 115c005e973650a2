//! What readers of KPIs miss in `reference/dim_metric.csv`: a line for each metric of `kpi_daily`, or people
//! read its name, and no label, unit or format; and whether more of it is better, in a word that dashboards know.
//!
//! Names are read from the text of `publish/kpi_daily.sql`. Where one is computed, nothing is said of it;
//! nor is anything of a pack without `publish/dim_metric.sql`.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::ground::{Diagnostic, Severity, SqlSchema, TableName, did_you_mean};
use crate::tables::{DIM_METRIC, KPI_DAILY, PublishedTable};

use super::project::Project;

/// The column of both tables with the name.
const METRIC: &str = "metric";

/// The column that says whether more is better, and what it may say.
const BETTER: &str = "better";
const DIRECTIONS: [&str; 3] = ["up", "down", "none"];

/// The metrics without a line, each as a note.
pub(crate) fn metrics_without_labels(project: &Project) -> Vec<Diagnostic> {
    let model = |table: &PublishedTable| {
        let name = TableName::new(SqlSchema::Publish, table.name);
        project.graph.model(&name)
    };
    let (Some(kpis), Some(_), Some(reference)) = (
        model(&KPI_DAILY),
        model(&DIM_METRIC),
        project.reference(DIM_METRIC.name),
    ) else {
        return Vec::new();
    };
    let Ok(column) = reference.rows.schema().index_of(METRIC) else {
        return Vec::new();
    };
    let rows = 0..reference.rows.num_rows();
    let listed: BTreeSet<String> = rows
        .filter_map(|row| reference.value(row, column))
        .collect();
    let written = kpis.texts_of(METRIC).literals.into_iter();
    let without = written.filter(|(name, _)| !listed.contains(name));
    let note = |(name, place): (String, Range<usize>)| {
        let near = did_you_mean(&name, listed.iter().map(String::as_str));
        let message = format!(
            "the metric `{name}` has no line in `{}`{near}",
            reference.name
        );
        let labels = reference.cells_beside(1);
        let help = format!(
            "add a line {name}{labels} to reference/dim_metric.csv, with its labels between the commas, for people to read more than its name"
        );
        Diagnostic {
            severity: Severity::Note,
            ..Diagnostic::at(&kpis.file, place, message).help(help)
        }
    };
    without.map(note).collect()
}

/// What is neither up, down nor none, each as a warning.
pub(crate) fn unknown_directions(project: &Project) -> Vec<Diagnostic> {
    let Some(reference) = project.reference(DIM_METRIC.name) else {
        return Vec::new();
    };
    let Ok(column) = reference.rows.schema().index_of(BETTER) else {
        return Vec::new();
    };
    let rows = (0..reference.rows.num_rows())
        .filter_map(|row| reference.value(row, column).map(|value| (row, value)));
    let unknown = rows.filter(|(_, value)| !DIRECTIONS.contains(&value.as_str()));
    let warning = |(row, value): (usize, String)| {
        let message = format!("{BETTER} of `{}` is `{value}`", reference.name);
        let help = "write up where more is better, down where less is, none where neither is";
        reference.problem(row, message).help(help).as_warning()
    };
    unknown.map(warning).collect()
}
