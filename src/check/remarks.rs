//! What is wrong with values of reference files, and what in a pack may be meant otherwise.
//!
//! | worth a look | found by |
//! |---|---|
//! | parameters, models and reference files that no SQL reads | [`unused`] |
//! | rows that are taken by an order in which they may tie | [`Model::orders_left_to_chance`] |
//! | sums that round at each row | [`rounded_sums`](crate::models::rounded_sums) |
//! | alerts that are no metric, or of no severity | [`unknown_alerts`], [`unknown_severities`] |
//! | metrics without a line in dim_metric.csv, and what it has for neither up, down nor none | [`metrics_without_labels`], [`unknown_directions`] |
//! | actions that no rule gives to anybody | [`actions_without_rules`] |
//! | warnings that dim_tier does not list | [`warning_without_labels`] |
//! | warnings that the snapshot does not have | [`unpublished_warning`] |
//! | columns beside warnings that are none | [`no_warning`] |
//! | a `falling_warning` of the pack's own | [`own_falling_warning`] |

use datafusion::arrow::datatypes::DataType;

use crate::ground::{Diagnostic, Problems, Severity, sql_type};
use crate::job::Job;
use crate::models::Model;
use crate::pack::{
    Project, actions_without_rules, metrics_without_labels, unknown_alerts, unknown_directions,
    unknown_severities, unused,
};
use crate::tables::{ACTIONS, DIM_METRIC, DIM_TIER};
use crate::tiers::FALLING;

/// The columns of which no two lines of a reference file may have the same values.
const KEYS: [(&str, &[&str]); 5] = [
    ("event_types", &["event_type"]),
    (ACTIONS.name, &["priority"]),
    ("channels", &["channel"]),
    (DIM_METRIC.name, &["metric"]),
    (DIM_METRIC.name, &["headline"]),
];

/// The columns that have whole numbers, the least that these may be, and what is to be known of empty cells.
const COUNTS: [(&str, &[&str], i64, &str); 5] = [
    (ACTIONS.name, &["priority", "days_valid"], 1, ""),
    (
        ACTIONS.name,
        &["capacity"],
        1,
        "; an empty one is no limit, and is_on = false lists nobody",
    ),
    (ACTIONS.name, &["rest_days"], 0, ""),
    ("channels", &["capacity"], 1, "; an empty one is no limit"),
    (DIM_METRIC.name, &["headline"], 1, ""),
];

/// Values of reference files that are not what they seem, or that are there twice.
pub(super) fn reference_values(project: &Project) -> Problems {
    let mut problems = Problems::default();
    for reference in &project.references {
        problems.0.extend(reference.ambiguous_columns());
        problems.0.extend(reference.mixed_booleans());
        problems.0.extend(reference.odd_numbers());
        for (_, columns, least, if_empty) in COUNTS
            .iter()
            .filter(|(name, ..)| *name == reference.name.name)
        {
            problems
                .0
                .extend(reference.no_counts(columns, *least, if_empty));
        }
        for (_, key) in KEYS.iter().filter(|(name, _)| *name == reference.name.name) {
            problems.0.extend(reference.repeated_keys(key));
        }
    }
    problems
}

/// What is worth a look in the files of a pack.
pub(super) fn of_project(project: &Project, job: &Job) -> Problems {
    let mut remarks = unused(project, job);
    let models = project.graph.models().iter();
    remarks.extend(models.flat_map(Model::orders_left_to_chance));
    remarks.extend(unknown_alerts(project));
    remarks.extend(unknown_severities(project));
    remarks.extend(metrics_without_labels(project));
    remarks.extend(unknown_directions(project));
    remarks.extend(actions_without_rules(project));
    Problems(remarks)
}

/// A warning that dim_tier does not list.
pub(super) fn warning_without_labels(project: &Project, model: &Model, name: &str) -> Diagnostic {
    let message = format!("the warning `{name}` has no labels and no playbook");
    let reference = project.reference(DIM_TIER.name);
    let labels = reference.map_or_else(String::new, |reference| reference.cells_beside(2));
    let help = format!(
        "add a line warning,{name}{labels} to reference/dim_tier.csv, with its labels between the commas, for people to read more than its name"
    );
    Diagnostic {
        severity: Severity::Note,
        ..Diagnostic::at(&model.file, model.place_of_alias(name), message).help(help)
    }
}

/// A column of warnings that is of another type.
pub(super) fn no_warning(model: &Model, name: &str, data_type: &DataType) -> Diagnostic {
    let data_type = sql_type(data_type);
    let message = format!("`{name}` is a {data_type}, and so no warning");
    let help = format!(
        "make it true or false, such as {name} > 0, or select it in publish/tier_snapshot.sql from where it comes"
    );
    Diagnostic::at(&model.file, model.place_of_alias(name), message)
        .help(help)
        .as_warning()
}

/// The warning that tierline makes, made by the pack.
pub(super) fn own_falling_warning(model: &Model) -> Diagnostic {
    let message = format!("`{FALLING}` takes the place of the warning that tierline makes");
    Diagnostic::at(&model.file, model.place_of_alias(FALLING), message)
        .help("give it another name, unless that is meant")
        .as_warning()
}

/// A warning that the snapshot does not have.
pub(super) fn unpublished_warning(model: &Model, name: &str) -> Diagnostic {
    let message = format!("no snapshot has the warning `{name}` of `{}`", model.name);
    let help = format!("select warnings.{name} in publish/tier_snapshot.sql");
    Diagnostic::at(&model.file, model.place_of_alias(name), message)
        .help(help)
        .as_warning()
}
