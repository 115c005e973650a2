//! The graph of a pack: which model reads which, and the order in which they can be planned.
//!
//! | schema | may read |
//! |---|---|
//! | staging | sources, reference |
//! | rollups | one table of staging |
//! | features | staging, rollups, features, reference |
//! | calibration | features, reference |
//! | tiers | features, tiers, reference |
//! | publish | staging, features, tiers, publish, what was published before, reference |
//! | audits | all but sources |
//!
//! What was published before: `previous`, `week_ago`, `month_ago` and `history`.

use std::collections::{BTreeMap, BTreeSet};

use crate::ground::{Diagnostic, Problems, SqlSchema, TableName, did_you_mean};
use crate::tables::{self, Maker};

use super::tables_beneath::check_tables_beneath;
use super::{Model, Reference};

/// The models of a pack in planning order: each after everything it reads.
#[derive(Debug, Clone)]
pub struct Graph {
    models: Vec<Model>,
}

impl Graph {
    /// A table and everything that it reads, directly or not.
    pub fn upstream(&self, table: &TableName) -> BTreeSet<TableName> {
        let mut found = BTreeSet::from([table.clone()]);
        let mut waiting = vec![table.clone()];
        while let Some(table) = waiting.pop() {
            let reads = self
                .model(&table)
                .into_iter()
                .flat_map(|model| &model.reads);
            for read in reads {
                if found.insert(read.table.clone()) {
                    waiting.push(read.table.clone());
                }
            }
        }
        found
    }

    /// Orders `models`; `others` are the tables that exist without a model: sources, references,
    /// the previous publication.
    ///
    /// # Errors
    /// Unknown tables, reads against the flow of data, cycles, and more tables than can be planned.
    pub fn build(models: Vec<Model>, others: &BTreeSet<TableName>) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let known: BTreeSet<TableName> = models
            .iter()
            .map(|model| model.name.clone())
            .chain(others.iter().cloned())
            .collect();
        for model in &models {
            for read in &model.reads {
                problems.keep(check_read(model, read, &known));
            }
            problems.keep(check_rollup(model));
        }
        problems.or_ok(())?;
        let models = order(models)?;
        check_tables_beneath(&models)?;
        Ok(Self { models })
    }

    /// The models, each after everything it reads.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The model of a table.
    pub fn model(&self, name: &TableName) -> Option<&Model> {
        self.models.iter().find(|model| model.name == *name)
    }

    /// Whether any model reads a source. One that none reads decides no row.
    pub fn reads_source(&self, source: &str) -> bool {
        let reads = self.models().iter().flat_map(|model| &model.reads);
        let mut sources = reads.filter(|read| read.table.schema == SqlSchema::Sources);
        sources.any(|read| read.table.name == source)
    }

    /// The models of one schema, in planning order.
    pub fn in_schema(&self, schema: SqlSchema) -> impl Iterator<Item = &Model> {
        self.models
            .iter()
            .filter(move |model| model.name.schema == schema)
    }

    /// How many models name each table directly.
    pub fn reader_counts(&self) -> BTreeMap<&TableName, usize> {
        let mut counts = BTreeMap::new();
        for model in &self.models {
            let read: BTreeSet<&TableName> = model.reads.iter().map(|read| &read.table).collect();
            for table in read {
                *counts.entry(table).or_insert(0) += 1;
            }
        }
        counts
    }
}

fn may_read(reader: SqlSchema, read: SqlSchema) -> bool {
    use SqlSchema::{Calibration, Features, Publish, Reference, Rollups, Sources, Staging, Tiers};
    match reader {
        Staging => matches!(read, Sources | Reference),
        Rollups => matches!(read, Staging),
        Features => matches!(read, Staging | Rollups | Features | Reference),
        Calibration => matches!(read, Features | Reference),
        Tiers => matches!(read, Features | Tiers | Reference),
        Publish => {
            matches!(read, Staging | Features | Tiers | Publish | Reference)
                || read.is_published_before()
        }
        SqlSchema::Audits => !matches!(read, Sources | SqlSchema::Audits),
        Sources
        | Reference
        | SqlSchema::Previous
        | SqlSchema::WeekAgo
        | SqlSchema::MonthAgo
        | SqlSchema::History => false,
    }
}

fn check_read(
    model: &Model,
    read: &Reference,
    known: &BTreeSet<TableName>,
) -> Result<(), Diagnostic> {
    let problem = |message: String| Diagnostic::at(&model.file, read.place.clone(), message);
    let (reader, schema) = (model.name.schema, read.table.schema);
    if !known.contains(&read.table) {
        let names: Vec<String> = known
            .iter()
            .filter(|table| may_read(reader, table.schema))
            .map(TableName::to_string)
            .collect();
        let name = read.table.to_string();
        let near = did_you_mean(&name, names.iter().map(String::as_str));
        let message = format!("model `{}` reads unknown table `{name}`{near}", model.name);
        return Err(problem(message));
    }
    if may_read(reader, schema) {
        return check_is_later(model, read);
    }
    let allowed: Vec<&str> = SqlSchema::ALL
        .into_iter()
        .filter(|other| may_read(reader, *other))
        .map(SqlSchema::as_str)
        .collect();
    let message = format!("a model in {reader} cannot read `{}`", read.table);
    Err(problem(message).help(format!("{reader} may read {}", allowed.join(", "))))
}

/// What was published before is there for what comes after the snapshot.
fn check_is_later(model: &Model, read: &Reference) -> Result<(), Diagnostic> {
    let mut first = tables::made_by(Maker::RequiredModel);
    let is_first =
        model.name.schema == SqlSchema::Publish && first.any(|table| table.name == model.name.name);
    if !is_first || !read.table.schema.is_published_before() {
        return Ok(());
    }
    let message = format!("`{}` cannot read `{}`", model.name, read.table);
    let marts = tables::made_by(Maker::Mart).map(|mart| format!("{}.sql", mart.name));
    let marts = marts.collect::<Vec<_>>().join(", ");
    let help = format!(
        "it may depend on today's sources only; read what was published before in {marts} or an audit"
    );
    Err(Diagnostic::at(&model.file, read.place.clone(), message).help(help))
}

/// A rollup reads exactly one staging table, so that its tiles depend on one source.
fn check_rollup(model: &Model) -> Result<(), Diagnostic> {
    if model.name.schema != SqlSchema::Rollups {
        return Ok(());
    }
    let help = "a rollup is one SELECT ... GROUP BY user_id over one staging table";
    match model.reads.as_slice() {
        [_] => Ok(()),
        [] => {
            Err(Diagnostic::at(&model.file, model.head(), "the rollup reads no table").help(help))
        }
        [_, second, ..] => {
            let message = "the rollup reads a second table";
            Err(Diagnostic::at(&model.file, second.place.clone(), message).help(help))
        }
    }
}

/// Repeatedly takes the models whose reads are all placed; what stays is in a cycle.
fn order(models: Vec<Model>) -> Result<Vec<Model>, Problems> {
    let mut waiting = models;
    let mut ordered: Vec<Model> = Vec::new();
    while !waiting.is_empty() {
        let pending: BTreeSet<TableName> = waiting.iter().map(|model| model.name.clone()).collect();
        let is_ready = |model: &Model| {
            model
                .reads
                .iter()
                .all(|read| !pending.contains(&read.table))
        };
        let (ready, blocked): (Vec<Model>, Vec<Model>) = waiting.into_iter().partition(is_ready);
        if ready.is_empty() {
            return Err(Problems(vec![cycle_among(&blocked)]));
        }
        ordered.extend(ready);
        waiting = blocked;
    }
    Ok(ordered)
}

/// Follows reads from model to model until one comes up again. Every model in `blocked` reads
/// another of them, so the walk always closes.
fn cycle_among(blocked: &[Model]) -> Diagnostic {
    let by_name: BTreeMap<&TableName, &Model> =
        blocked.iter().map(|model| (&model.name, model)).collect();
    let mut path: Vec<&Model> = Vec::new();
    let mut current = blocked.first();
    while let Some(model) = current {
        if let Some(start) = path.iter().position(|seen| seen.name == model.name) {
            return cycle(&path[start..]);
        }
        path.push(model);
        current = model
            .reads
            .iter()
            .find_map(|read| by_name.get(&read.table).copied());
    }
    Diagnostic::new("some models read each other in a circle")
}

fn cycle(path: &[&Model]) -> Diagnostic {
    let names: Vec<String> = path
        .iter()
        .chain(path.first())
        .map(|model| model.name.to_string())
        .collect();
    let message = format!("models read each other in a circle: {}", names.join(" -> "));
    let next = path.get(1).or(path.first()).map(|model| &model.name);
    let first = path.first();
    let place = first.and_then(|model| {
        let read = model.reads.iter().find(|read| Some(&read.table) == next)?;
        Some((&model.file, read.place.clone()))
    });
    match place {
        Some((file, place)) => Diagnostic::at(file, place, message),
        None => Diagnostic::new(message),
    }
}
