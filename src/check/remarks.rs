//! What is wrong with values of reference files, and what in a pack may be meant otherwise.
//!
//! | worth a look | found by |
//! |---|---|
//! | parameters, models and reference files that no SQL reads | [`unused`] |
//! | rows that are taken by an order in which they may tie | [`Model::orders_left_to_chance`] |
//! | alerts that are no metric | [`unknown_alerts`] |
//! | warnings that dim_tier does not list | [`unlisted_warning`] |

use crate::ground::{Diagnostic, Problems};
use crate::job::Job;
use crate::models::Model;
use crate::pack::{Project, unknown_alerts, unused};
use crate::tables::ACTIONS;

/// The model of the pack whose columns of true and false are warnings.
pub(super) const WARNINGS: &str = "warnings";

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

/// A warning of the pack that dim_tier does not list.
pub(super) fn unlisted_warning(model: &Model, name: &str) -> Diagnostic {
    let message = format!(
        "dim_tier does not list the warning `{name}` of `{}`",
        model.name
    );
    let help = format!("add a line warning,{name} to reference/dim_tier.csv");
    Diagnostic::at(&model.file, model.place_of(name), message)
        .help(help)
        .as_warning()
}
