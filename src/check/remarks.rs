//! What is wrong with values of reference files, and what in a pack may be meant otherwise.
//!
//! | worth a look | found by |
//! |---|---|
//! | parameters, models and reference files that no SQL reads | [`unused`] |
//! | rows that are taken by an order in which they may tie | [`Model::orders_left_to_chance`] |
//! | alerts that are no metric | [`unknown_alerts`] |
//! | warnings that dim_tier does not list | [`warning_without_labels`] |
//! | warnings that the snapshot does not have | [`unpublished_warning`] |

use crate::ground::{Diagnostic, Problems, Severity};
use crate::job::Job;
use crate::models::Model;
use crate::pack::{Project, unknown_alerts, unused};
use crate::tables::ACTIONS;

/// The columns of which no two lines of a reference file may have the same values.
const KEYS: [(&str, &[&str]); 2] = [
    ("event_types", &["event_type"]),
    (ACTIONS.name, &["priority"]),
];

/// Values of reference files that are not what they seem, or that are there twice.
pub(super) fn reference_values(project: &Project) -> Problems {
    let mut problems = Problems::default();
    for reference in &project.references {
        problems.0.extend(reference.mixed_booleans());
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
    Problems(remarks)
}

/// A warning that dim_tier does not list.
pub(super) fn warning_without_labels(model: &Model, name: &str) -> Diagnostic {
    let message = format!("the warning `{name}` has no labels and no playbook");
    let help = format!(
        "add a line warning,{name} to reference/dim_tier.csv for people to read more than its name"
    );
    Diagnostic {
        severity: Severity::Note,
        ..Diagnostic::at(&model.file, model.place_of(name), message).help(help)
    }
}

/// A warning that the snapshot does not have.
pub(super) fn unpublished_warning(model: &Model, name: &str) -> Diagnostic {
    let message = format!("no snapshot has the warning `{name}` of `{}`", model.name);
    let help = format!("select warnings.{name} in publish/tier_snapshot.sql");
    Diagnostic::at(&model.file, model.place_of(name), message)
        .help(help)
        .as_warning()
}
