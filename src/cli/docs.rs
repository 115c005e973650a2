//! `tierline docs`: the reference of the published tables as Markdown, from the specs that a night
//! would publish by. `docs/src/tables.md` is what it prints of the shipped pack.

use std::path::PathBuf;

use crate::check::check;
use crate::drafts::TableSpec;
use crate::ground::{SourceFile, sql_type};
use crate::job::Job;
use crate::night::NightError;
use crate::publish::spec_of_publications;
use crate::tables::{Dating, Maker, PublishedTable, TIER_SNAPSHOT, Tables};

use super::arguments::JobArguments;
use super::jobs;
use super::output::Output;

/// A job of the shipped pack, whose sources are only declared.
const SHIPPED: &str = "version = 1\ntimezone = \"UTC\"\noutput = \"output\"\n\
    [sources.orders]\nurl = \"orders\"\n[sources.engagement]\nurl = \"engagement\"\n";

const HEAD: &str = "\
# The tables

<!-- `tierline docs` prints this page; what to change is the SQL and src/tables. -->

All are Delta Lake tables at reader version 1 and writer version 2 below `<output>/tables`. What a table is and what a
column means is in the tables, too: the `description` of the table, the `comment` of the column. Where `user_id` is
BIGINT here, it is whatever staging selects. `tierline docs` prints this page for a job, with its own columns and tables.
";

/// Prints the reference.
pub(super) async fn docs(arguments: &JobArguments, output: &Output) -> Result<(), NightError> {
    let job = match (&arguments.job, jobs::jobs_here().is_empty()) {
        (None, true) => Job::parse(
            &SourceFile::new("the shipped job", SHIPPED),
            "shipped",
            PathBuf::new(),
        )?,
        _ => jobs::load(arguments)?,
    };
    let any_date = jobs::snapshot_date(&jobs::NO_TIME, &job)?;
    let checked = Box::pin(check(&job, any_date)).await?;
    let names: Vec<&str> = checked.tables.iter().map(|spec| spec.name()).collect();
    let publications = spec_of_publications(&names)?;
    let specs = checked.tables.iter().map(AsRef::as_ref);
    let specs: Vec<&TableSpec> = specs.chain([&publications]).collect();
    output.result(&page(&specs, &checked.project.tables));
    Ok(())
}

fn page(specs: &[&TableSpec], tables: &Tables) -> String {
    let mut page = format!("{HEAD}\n| table | what it is |\n|---|---|\n");
    for spec in specs {
        let (name, description) = (spec.name(), cell(spec.description()));
        page += &format!("| [`{name}`](#{name}) | {description} |\n");
    }
    for spec in specs {
        page += &section(spec, tables.find(spec.name()));
    }
    page
}

/// What is to be said of one table; that of publications is not in the list.
fn section(spec: &TableSpec, table: Option<&PublishedTable>) -> String {
    let key = table.map_or(&["sequence"][..], |table| table.key);
    let key: Vec<String> = key.iter().map(|column| format!("`{column}`")).collect();
    let of_a_date = match spec.dating() {
        Dating::EveryDate => ", once for each date",
        Dating::NewestDate | Dating::Undated => "",
    };
    let made_by = match table.map(|table| table.maker) {
        Some(Maker::RequiredModel | Maker::Mart) => format!("`sql/publish/{}.sql`", spec.name()),
        Some(Maker::Migration) => "tierline, from this snapshot and earlier ones".to_owned(),
        Some(Maker::Snapshot) => format!("`{}`", TIER_SNAPSHOT.name),
        None => "each publication".to_owned(),
    };
    let mut text = format!(
        "\n## {name}\n\n{description}\n\n- Key: {key}{of_a_date}\n- Dates: {dates}\n- Comes from: {made_by}\n\n\
         | column | type | what it means |\n|---|---|---|\n",
        name = spec.name(),
        description = cell(spec.description()),
        key = key.join(", "),
        dates = dates(spec, table),
    );
    for field in spec.schema().fields() {
        let comment = spec.comments().get(field.name());
        let comment = comment.map_or_else(String::new, |comment| cell(comment));
        let (name, sql_type) = (field.name(), sql_type(field.data_type()));
        text += &format!("| `{name}` | {sql_type} | {comment} |\n");
    }
    text
}

fn dates(spec: &TableSpec, table: Option<&PublishedTable>) -> &'static str {
    match spec.dating() {
        Dating::EveryDate => "every published one, in partitions by `snapshot_date`",
        Dating::NewestDate => "the newest published one alone",
        Dating::Undated if table.is_none() => "every published one, in one file",
        Dating::Undated => "none: one state, that of the newest date",
    }
}

/// A text as a cell of a table has it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}
