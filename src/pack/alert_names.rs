//! Alerts are metrics past their limits: an alert that has no metric's name is never raised. How much
//! one matters is one of a few words.
//!
//! Names are read from the text of the two models, as `named_struct('metric', 'orders_d0', ..)` and
//! `SELECT 'orders_d0' AS metric` have them. Where a name is computed, nothing is said.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::ground::{Diagnostic, SqlSchema, TableName, did_you_mean};
use crate::tables::{ALERTS, KPI_DAILY};

use super::project::Project;

/// The column of `kpi_daily` with the name.
const METRIC: &str = "metric";

/// The column of `alerts` with the name of a metric.
const ALERT: &str = "alert";

/// The column of `alerts` that says how much it matters.
const SEVERITY: &str = "severity";

/// How much an alert may matter, the most last.
const SEVERITIES: [&str; 3] = ["info", "warning", "critical"];

/// The severities that are none, each as a warning.
pub(crate) fn unknown_severities(project: &Project) -> Vec<Diagnostic> {
    let name = TableName::new(SqlSchema::Publish, ALERTS.name);
    let Some(alerts) = project.graph.model(&name) else {
        return Vec::new();
    };
    let named = alerts.texts_of(SEVERITY).literals.into_iter();
    let unknown = named.filter(|(severity, _)| !SEVERITIES.contains(&severity.as_str()));
    let problem = |(severity, place): (String, Range<usize>)| {
        let near = did_you_mean(&severity, SEVERITIES);
        let message = format!("`{severity}` is not a severity{near}");
        let help = "write critical for what is to be looked into today, warning for this week, info for no hurry";
        Diagnostic::at(&alerts.file, place, message)
            .help(help)
            .as_warning()
    };
    unknown.map(problem).collect()
}

/// The metrics of the pack; none where one is computed, or nobody can tell.
pub(crate) fn metrics_of(project: &Project) -> Option<BTreeSet<String>> {
    let name = TableName::new(SqlSchema::Publish, KPI_DAILY.name);
    let metrics = project.graph.model(&name)?.texts_of(METRIC);
    let is_known = !metrics.is_computed && !metrics.literals.is_empty();
    let names = metrics.literals.into_iter().map(|(name, _)| name);
    is_known.then(|| names.collect())
}

/// The alerts that are no metric of the pack, each as a warning.
pub(crate) fn unknown_alerts(project: &Project) -> Vec<Diagnostic> {
    let name = TableName::new(SqlSchema::Publish, ALERTS.name);
    let (Some(metrics), Some(alerts)) = (metrics_of(project), project.graph.model(&name)) else {
        return Vec::new();
    };
    let alerts_named = alerts.texts_of(ALERT).literals.into_iter();
    let unknown = alerts_named.filter(|(name, _)| !metrics.contains(name));
    let problem = |(name, place): (String, Range<usize>)| {
        let near = did_you_mean(&name, metrics.iter().map(String::as_str));
        let message = format!("the alert `{name}` is not a metric of `publish.kpi_daily`{near}");
        let help = "give it the name of a metric, or add the metric to publish/kpi_daily.sql";
        Diagnostic::at(&alerts.file, place, message)
            .help(help)
            .as_warning()
    };
    unknown.map(problem).collect()
}
