//! The SQL pack of a job, parsed, checked and ordered, before any session exists.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Range, RangeInclusive};

use crate::ground::{
    Diagnostic, Fingerprint, Problems, SourceFile, SqlSchema, TableName, did_you_mean,
};
use crate::job::{Job, ParameterValue};
use crate::models::{Graph, Model, Parameters, ReferenceTable, SqlPack, profile};
use crate::tables::{self, Maker, PublishedTable, Tables};
use crate::tiers::bands;

/// The reference table with the bands of the RFM total.
pub(super) const BANDS: &str = "value_tiers";

/// The parameters with the smallest and the largest RFM total.
const RFM_TOTALS: [&str; 2] = ["rfm_total_min", "rfm_total_max"];

/// What the parameters with the volumes of a source begin with.
const VOLUMES_OF: &str = "volumes_of_";

/// The dimension that the bands give.
pub(crate) const VALUE_TIER: &str = "value_tier";

/// Which way of telling packs apart their fingerprints follow: part of each of them, and raised
/// when what is hashed of a model, a parameter or a reference file changes.
const ENCODING: &str = "2";

/// The tables besides those of the pack's models that SQL may read: what tierline itself makes of
/// the snapshot, and rows of earlier dates.
pub(crate) fn made_by_tierline() -> impl Iterator<Item = TableName> {
    let migration = tables::made_by(Maker::Migration);
    let tonight = migration.map(|table| (SqlSchema::Publish, table));
    let made = tonight.chain(tables::earlier());
    made.map(|(schema, table)| TableName::new(schema, table.name))
}

/// The models of `publish` that a pack has or may have.
fn models_of_publish(tables: &Tables) -> impl Iterator<Item = &'static PublishedTable> {
    let required = tables.made_by(Maker::RequiredModel);
    required.chain(tables.made_by(Maker::Mart))
}

/// A pack that parses and whose graph has no problems.
#[derive(Debug, Clone)]
pub struct Project {
    /// The models, each after what it reads.
    pub graph: Graph,
    /// The tables that CSV files of the pack give.
    pub references: Vec<ReferenceTable>,
    /// What is published.
    pub tables: Tables,
    /// The values of `$parameters`, those of the run left out.
    pub parameters: Parameters,
    /// Where their defaults are.
    pub parameter_file: SourceFile,
    /// What the pack says, as one hash: models with the parameters they name, references.
    pub fingerprint: Fingerprint,
    /// The text of each file of the pack, by its path.
    pub texts: BTreeMap<String, String>,
    /// Files that do not parse; none in a project that loaded without problems.
    broken: BTreeSet<TableName>,
}

impl Project {
    /// The reference table with the bands of the RFM total.
    pub(crate) fn bands(&self) -> Option<&ReferenceTable> {
        self.reference(BANDS)
    }

    /// The reference table of that name.
    pub(crate) fn reference(&self, name: &str) -> Option<&ReferenceTable> {
        let mut references = self.references.iter();
        references.find(|reference| reference.name.name == name)
    }

    /// The KPIs that say how much a source delivered of the day, by `$volumes_of_<source>`.
    pub(crate) fn volumes_of(&self, source: &str) -> Vec<String> {
        match said(Some(&self.parameters), &format!("{VOLUMES_OF}{source}")) {
            Some(ParameterValue::List(metrics)) => metrics,
            Some(ParameterValue::Text(metric)) => vec![metric],
            _ => Vec::new(),
        }
    }

    /// The days that other values of dimensions without ranks wait: as the job says, or by default
    /// of the dimensions that the pack has a model of.
    pub(crate) fn hold_days(&self, job: &Job) -> BTreeMap<String, u32> {
        job.hold_days_or_default(|dimension| {
            let model = TableName::new(SqlSchema::Tiers, dimension);
            self.graph.model(&model).is_some()
        })
    }

    /// Loads and checks the job's pack.
    ///
    /// # Errors
    /// Every problem that can be found without planning a statement.
    pub fn load(job: &Job) -> Result<Self, Problems> {
        let (project, problems) = Self::load_what_parses(job)?;
        problems.or_ok(project)
    }

    /// The models and references that parse, so that they can be checked further, besides the
    /// problems of the others.
    ///
    /// # Errors
    /// Problems that keep the models from being ordered.
    pub(crate) fn load_what_parses(job: &Job) -> Result<(Self, Problems), Problems> {
        let mut pack = match &job.pack {
            Some(texts) => SqlPack::from_texts(texts, "sql as it was published")?,
            None => SqlPack::load(job.sql.as_deref())?,
        };
        let texts = pack.texts();
        let profile = job.sources.get("users");
        profile::add_models(&mut pack, profile.map_or(&[], |users| &users.profile));
        let mut problems = Problems::default();
        let resolved = Parameters::resolve(&pack.parameters, job);
        let parameters = problems.keep_all(resolved).map(|(parameters, unknown)| {
            problems.extend(unknown);
            parameters
        });
        if let Some(parameters) = &parameters {
            problems.extend(misused(parameters, &pack.parameters));
        }
        let totals = rfm_totals(parameters.as_ref());
        let references = read_references(&pack, &totals, &mut problems);
        let models = parse_models(&pack, &mut problems);
        let (tables, wrong) = Tables::of(job);
        problems.extend(wrong);
        problems.0.extend(unpublished(&pack, &tables));
        problems.0.extend(without_sql(job, &pack, &tables));
        let known = tables_without_models(job, &pack, &references);
        let broken = broken_files(&pack, &models, &references);
        let others = known.into_iter().chain(broken.iter().cloned()).collect();
        let fingerprint = fingerprint(&models, &references, parameters.as_ref());
        let graph = problems.keep_all(Graph::build(models, &others));
        match (parameters, graph) {
            (Some(parameters), Some(graph)) => {
                let project = Self {
                    graph,
                    references,
                    tables,
                    parameters,
                    parameter_file: pack.parameters,
                    fingerprint,
                    texts,
                    broken,
                };
                Ok((project, problems))
            }
            _ => Err(problems),
        }
    }

    /// What the pack says, as publications record it: the way of telling packs apart, and the
    /// fingerprint.
    pub(crate) fn sql_fingerprint(&self) -> String {
        format!("{ENCODING}:{}", self.fingerprint)
    }

    /// Whether a publication has recorded its pack in the way of today.
    pub(crate) fn can_tell_apart(recorded: &str) -> bool {
        let encoding = recorded.split_once(':');
        encoding.is_some_and(|(encoding, _)| encoding == ENCODING)
    }

    /// The tables whose files do not parse.
    pub(super) fn broken(&self) -> &BTreeSet<TableName> {
        &self.broken
    }
}

/// The models and references of a pack that are not among those that parsed.
fn broken_files(
    pack: &SqlPack,
    models: &[Model],
    references: &[ReferenceTable],
) -> BTreeSet<TableName> {
    let parsed = models.iter().map(|model| &model.name);
    let read = references.iter().map(|reference| &reference.name);
    let whole: BTreeSet<&TableName> = parsed.chain(read).collect();
    let files = pack.models.iter().chain(&pack.references);
    files
        .map(|(name, _)| name)
        .filter(|name| !whole.contains(name))
        .cloned()
        .collect()
}

/// The RFM totals from the smallest to the largest, as the pack's parameters say, or those of the
/// built-in pack where it says nothing.
fn rfm_totals(parameters: Option<&Parameters>) -> RangeInclusive<i64> {
    let bounds = RFM_TOTALS.map(|name| match said(parameters, name) {
        Some(ParameterValue::Integer(total)) => total,
        _ => 0,
    });
    bounds[0]..=bounds[1]
}

/// Whether tierline itself goes by a parameter, so that no SQL needs to.
pub(super) fn is_for_tierline(parameter: &str) -> bool {
    RFM_TOTALS.contains(&parameter) || parameter.starts_with(VOLUMES_OF)
}

/// Parameters that tierline itself reads, of a type that it cannot read.
fn misused(parameters: &Parameters, file: &SourceFile) -> Problems {
    let problem = |(name, value): (&String, &ParameterValue)| {
        let wanted = match value {
            ParameterValue::Integer(_) if RFM_TOTALS.contains(&name.as_str()) => return None,
            _ if RFM_TOTALS.contains(&name.as_str()) => "a whole number",
            ParameterValue::Text(_) => return None,
            ParameterValue::List(texts) if !texts.is_empty() => return None,
            _ if name.starts_with(VOLUMES_OF) => "a list of metrics of kpi_daily",
            _ => return None,
        };
        let place = place_of_parameter(file, name).unwrap_or_default();
        let message = format!("parameter `{name}` must be {wanted}");
        Some(Diagnostic::at(file, place, message))
    };
    Problems(parameters.iter().filter_map(problem).collect())
}

/// Where a parameter is declared.
pub(super) fn place_of_parameter(file: &SourceFile, name: &str) -> Option<Range<usize>> {
    let mut start = 0;
    for line in file.text.split_inclusive('\n') {
        let value = line.strip_prefix(name);
        if value.is_some_and(|value| value.trim_start().starts_with('=')) {
            return Some(start..start + name.len());
        }
        start += line.len();
    }
    None
}

/// What a pack says that SQL does not read; where it has no such parameter, what the built-in pack
/// says.
fn said(parameters: Option<&Parameters>, name: &str) -> Option<ParameterValue> {
    let own = parameters.and_then(|parameters| parameters.get(name).cloned());
    own.or_else(|| Parameters::built_in().get(name).cloned())
}

fn read_references(
    pack: &SqlPack,
    totals: &RangeInclusive<i64>,
    problems: &mut Problems,
) -> Vec<ReferenceTable> {
    let mut references = Vec::new();
    for (name, file) in &pack.references {
        let read = ReferenceTable::read(name.clone(), file.clone());
        if let Some(reference) = problems.keep(read) {
            if reference.name.name == BANDS {
                problems.keep_all(bands::check(&reference, totals));
            }
            references.push(reference);
        }
    }
    references
}

fn parse_models(pack: &SqlPack, problems: &mut Problems) -> Vec<Model> {
    let mut models = Vec::new();
    for (name, file) in &pack.models {
        models.extend(problems.keep_all(Model::parse(name.clone(), file.clone())));
    }
    for table in tables::made_by(Maker::RequiredModel) {
        let required = TableName::new(SqlSchema::Publish, table.name);
        if pack.models.iter().all(|(name, _)| *name != required) {
            let message = format!("the SQL pack has no model `{required}`");
            problems.push(
                Diagnostic::new(message)
                    .help("`tierline init` writes the whole pack to start from"),
            );
        }
    }
    models
}

/// The model of a table that every pack has one of.
pub(crate) fn required<'a>(
    project: &'a Project,
    table: &PublishedTable,
) -> Result<&'a Model, Problems> {
    let table = TableName::new(SqlSchema::Publish, table.name);
    project.graph.model(&table).ok_or_else(|| {
        let message = format!("the SQL pack has no model `{table}`");
        Problems(vec![Diagnostic::new(message)])
    })
}

/// Refuses models in `publish` that no night would compute, and no reader ever see.
fn unpublished(pack: &SqlPack, tables: &Tables) -> impl Iterator<Item = Diagnostic> {
    let published = pack.models.iter();
    let published = published.filter(|(name, _)| name.schema == SqlSchema::Publish);
    published.filter_map(|(name, file)| refuse_unpublished(name, file, tables))
}

fn refuse_unpublished(name: &TableName, file: &SourceFile, tables: &Tables) -> Option<Diagnostic> {
    let published: Vec<&str> = models_of_publish(tables).map(|table| table.name).collect();
    if published.contains(&name.name.as_str()) {
        return None;
    }
    let near = did_you_mean(&name.name, published.iter().copied());
    let message = format!("`{name}` is not a table that tierline publishes{near}");
    let files = published.join(".sql, ");
    let help = format!(
        "publish/ holds {files}.sql; what they read belongs in features or tiers, and a table of your own is declared in the job as [tables.{}] with its key",
        name.name
    );
    Some(Diagnostic::at(file, 0..0, message).help(help))
}

/// Refuses tables of the job's own that nothing would give rows.
fn without_sql(job: &Job, pack: &SqlPack, tables: &Tables) -> Vec<Diagnostic> {
    let has_file = |table: &PublishedTable| {
        let model = TableName::new(SqlSchema::Publish, table.name);
        pack.models.iter().any(|(name, _)| *name == model)
    };
    let bare = tables.own().filter(|table| !has_file(table));
    let problem = |table: &PublishedTable| {
        let name = table.name;
        let message = format!("table `{name}` has no SQL file `publish/{name}.sql`");
        let help = match job.sql.is_some() || job.pack.is_some() {
            true => "write that file into the SQL pack, one SELECT, or take the section out",
            false => {
                "the job uses the pack built into tierline: write it out with `tierline init`, name its folder by `sql`, and add that file"
            }
        };
        let problem = job.problem(&format!("tables.{name}"), message);
        problem.help(help)
    };
    bare.map(problem).collect()
}

fn tables_without_models(
    job: &Job,
    pack: &SqlPack,
    references: &[ReferenceTable],
) -> BTreeSet<TableName> {
    let sources = job
        .sources
        .keys()
        .map(|name| TableName::new(SqlSchema::Sources, name));
    let unread = pack.references.iter().map(|(name, _)| name.clone());
    let read = references.iter().map(|reference| reference.name.clone());
    let known = sources.chain(unread).chain(read);
    known.chain(made_by_tierline()).collect()
}

/// What the pack says, as one hash.
fn fingerprint(
    models: &[Model],
    references: &[ReferenceTable],
    parameters: Option<&Parameters>,
) -> Fingerprint {
    let none = Parameters::default();
    let parameters = parameters.unwrap_or(&none);
    let models = models.iter().map(|model| model.fingerprint(parameters));
    let references = references.iter().map(ReferenceTable::fingerprint);
    Fingerprint::builder()
        .part("encoding", ENCODING)
        .parts("model", models)
        .parts("reference", references)
        .finish()
}
