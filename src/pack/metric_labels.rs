//! Metrics of `kpi_daily` for which `reference/dim_metric.csv` has no line: people read their names, and
//! no label, unit or format.
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
