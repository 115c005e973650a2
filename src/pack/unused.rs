//! What a pack has and no SQL reads: it decides no row, and whoever edits it waits for an effect that
//! does not come.
//!
//! | unused | unless |
//! |---|---|
//! | a parameter, in `parameters.toml` or under `[params]` | tierline itself goes by it |
//! | a model of staging, rollups, features or tiers | the job's own dimension is read from it |
//! | a reference file | it has the bands of the RFM total |
//! | a column that the job declares of a source | the snapshot shows it as it is |

use std::collections::BTreeSet;
use std::ops::Range;

use crate::ground::{Diagnostic, SourceFile, SqlSchema, TableName};
use crate::job::{Job, contract_columns};
use crate::models::Model;

use super::project::{BANDS, Project, is_for_tierline, place_of_parameter};

/// The folders whose models are there to be read by others.
const READ_BY_OTHERS: [SqlSchema; 4] = [
    SqlSchema::Staging,
    SqlSchema::Rollups,
    SqlSchema::Features,
    SqlSchema::Tiers,
];

/// Everything that is there for nothing, each as a warning.
pub(crate) fn unused(project: &Project, job: &Job) -> Vec<Diagnostic> {
    let mut found = parameters(project, job);
    found.extend(tables(project, job));
    found.extend(columns(project, job));
    found.into_iter().map(Diagnostic::as_warning).collect()
}

fn parameters(project: &Project, job: &Job) -> Vec<Diagnostic> {
    let models = project.graph.models().iter();
    let named: BTreeSet<String> = models.flat_map(Model::parameters).collect();
    let unnamed = project.parameters.iter().map(|(name, _)| name);
    let unnamed = unnamed.filter(|name| !named.contains(*name) && !is_for_tierline(name));
    let mut found = Vec::new();
    for name in unnamed {
        let message = format!("no SQL reads the parameter `{name}`");
        let help = format!("write ${name} where it is to decide something, or take it out");
        let file = &project.parameter_file;
        let declared = place_of_parameter(file, name);
        let declared = declared.map(|place| Diagnostic::at(file, place, message.as_str()));
        let set = job.parameters.contains_key(name);
        let set = set.then(|| job.problem(&format!("params.{name}"), message.as_str()));
        let problems = declared.into_iter().chain(set);
        found.extend(problems.map(|problem| problem.help(help.as_str())));
    }
    found
}

fn tables(project: &Project, job: &Job) -> Vec<Diagnostic> {
    let readers = project.graph.reader_counts();
    let is_read = |table: &TableName| readers.contains_key(table);
    let is_own = |table: &TableName| {
        table.schema == SqlSchema::Tiers && job.dimensions.contains_key(&table.name)
    };
    // Those that tierline adds have no file.
    let has_file = |table: &TableName| {
        let path = format!("{}/{}.sql", table.schema, table.name);
        project.texts.contains_key(&path)
    };
    let models = project.graph.models().iter();
    let models = models.filter(|model| READ_BY_OTHERS.contains(&model.name.schema));
    let models = models.filter(|model| has_file(&model.name) && !is_own(&model.name));
    let models = models.map(|model| (&model.name, &model.file, model.head()));
    let references = project.references.iter();
    let references = references.filter(|reference| reference.name.name != BANDS);
    let references = references.map(|reference| (&reference.name, &reference.file, 0..0));
    let unread = models.chain(references).filter(|(name, ..)| !is_read(name));
    let problem = |(name, file, place): (&TableName, &SourceFile, Range<usize>)| {
        let message = format!("no SQL reads `{name}`");
        let help = "read it where its columns belong, or remove the file";
        Diagnostic::at(file, place, message).help(help)
    };
    unread.map(problem).collect()
}

/// Columns that were declared and not mapped, as where those of the contract have other names.
fn columns(project: &Project, job: &Job) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, source) in &job.sources {
        let table = TableName::new(SqlSchema::Sources, name);
        let contract = contract_columns(name);
        let readers = project.graph.models().iter();
        let reads = |model: &&Model| model.reads.iter().any(|read| read.table == table);
        let readers: Vec<&Model> = readers.filter(reads).collect();
        let declared = source.columns.iter().map(|column| &column.name);
        let unread = declared.filter(|column| {
            let is_ours = contract.iter().any(|ours| ours.name == **column);
            !is_ours
                && !source.profile.contains(column)
                && !readers.iter().any(|model| model.may_read(column))
        });
        let Some(reader) = readers.first() else {
            continue;
        };
        found.extend(unread.map(|column| {
            let message = format!("no SQL reads the column `{column}` of `{table}`");
            let help = format!(
                "select it in {}, or rename it there to the column that it stands for, or take it out",
                reader.file.name
            );
            job.problem(&format!("sources.{name}.columns.{column}"), message)
                .help(help)
        }));
    }
    found
}
