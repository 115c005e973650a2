//! `tierline export`: a published table as files, or on stdout.

use std::io::{BufWriter, IsTerminal, Write};
use std::path::Path;

use object_store::path::Path as ObjectPath;

use crate::export::{self, Form, Format, KeptFile, Manifest, Request, Target};
use crate::ground::{Diagnostic, Problems, SnapshotDate, counted, has_secret};
use crate::job::{Job, Workspace};
use crate::night::NightError;
use crate::storage::{Location, Stores};

use super::arguments::{ExportArguments, FormatArgument};
use super::output::Output;

/// Exports a table.
pub(super) async fn export(arguments: &ExportArguments, output: &Output) -> Result<(), NightError> {
    let job = super::jobs::load(&arguments.job)?;
    let date =
        |given: &Option<String>| given.as_deref().map(str::parse::<SnapshotDate>).transpose();
    let form = form(arguments)?;
    let columns = arguments
        .columns
        .iter()
        .map(|column| column.trim().to_owned());
    let columns: Vec<String> = columns.collect();
    let request = Request {
        table: &arguments.table,
        date: date(&arguments.date)?,
        from: date(&arguments.from)?,
        condition: arguments.condition.as_deref(),
        columns: &columns,
        order_by: &arguments.order_by,
        split_by: arguments.split_by.as_deref(),
        limit: arguments.limit,
        form,
    };
    let Some(to) = &arguments.to else {
        output.warnings(&Box::pin(to_stdout(&job, &request)).await?);
        return Ok(());
    };
    if has_secret(to) {
        let message = "--to has a user name, a password or a signature in its URL";
        let help = "take it out of the URL: credentials come from the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
        return Err(Problems(vec![Diagnostic::new(message).help(help)]).into());
    }
    let (folder, target) = Target::of(to, form, request.split_by.is_some())?;
    let location = Stores::new(job.retry_policy).open(folder, Path::new(""))?;
    refuse_places_of_the_job(&job, &location)?;
    let manifest = Box::pin(export::to_files(&job, &request, &location, &target)).await?;
    output.warnings(&manifest.warnings);
    output.result(&summary(&manifest));
    Ok(())
}

/// Files of an export beside those of a source or of a table would be read with them.
fn refuse_places_of_the_job(job: &Job, location: &Location) -> Result<(), NightError> {
    let Workspace {
        sources,
        output,
        layout,
        ..
    } = Workspace::open(job)?;
    let lies_below = |root: &Location, path: &ObjectPath| {
        location.root == root.root && location.path.prefix_matches(path)
    };
    let mut of_sources = sources.iter();
    let place = match of_sources.find(|(_, source)| lies_below(source, &source.path)) {
        Some((name, _)) => format!("the source `{name}`"),
        None if lies_below(&output, &layout.tables()) => "the published tables".to_owned(),
        None => return Ok(()),
    };
    let message = format!("--to lies within {place}");
    let help = "name a folder of its own, so that the files are not read as a part of it";
    Err(Problems(vec![Diagnostic::new(message).help(help)]).into())
}

/// What the arguments say of files.
fn form(arguments: &ExportArguments) -> Result<Form, Problems> {
    let format = match arguments.format {
        FormatArgument::Csv => Format::Csv,
        FormatArgument::Parquet => Format::Parquet,
        FormatArgument::Json => Format::Json,
    };
    let of_csv = [
        ("--bom", arguments.bom),
        ("--escape-formulas", arguments.escape_formulas),
    ];
    let misplaced = of_csv
        .into_iter()
        .filter(|(_, is_given)| *is_given && format != Format::Csv);
    let misplaced = misplaced.map(|(name, _)| {
        let message = format!("{name} is for CSV alone");
        Diagnostic::new(message).help("leave it out, or give --format csv")
    });
    Problems(misplaced.collect()).or_ok(Form {
        format,
        has_bom: arguments.bom,
        escapes_formulas: arguments.escape_formulas,
    })
}

/// One file goes where the result of a command goes.
async fn to_stdout(job: &Job, request: &Request<'_>) -> Result<Problems, NightError> {
    let refused =
        |message: &str, help: &str| Err(Problems(vec![Diagnostic::new(message).help(help)]).into());
    if request.split_by.is_some() {
        let message = "--split-by makes several files, and stdout takes one";
        return refused(message, "name a folder by --to");
    }
    if request.form.format == Format::Parquet && std::io::stdout().is_terminal() {
        let message = "a Parquet file is not for a terminal";
        return refused(message, "name a folder or a file by --to");
    }
    let mut stdout = BufWriter::new(Stdout);
    export::to_stream(job, request, &mut stdout).await
}

/// Stdout, locked for each write and no longer: the rows come from many threads.
struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        std::io::stdout().lock().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stdout().lock().flush()
    }
}

/// What was written, for people.
fn summary(manifest: &Manifest) -> String {
    let mut text = format!(
        "{} of {} {}, {}\n",
        counted(usize::try_from(manifest.rows).unwrap_or(usize::MAX), "row"),
        manifest.table,
        match &manifest.from {
            Some(from) => format!("from {from} to {}", manifest.snapshot_date),
            None => format!("of {}", manifest.snapshot_date),
        },
        counted(manifest.files.len(), "file")
    );
    for file in &manifest.files {
        let rows = counted(usize::try_from(file.rows).unwrap_or(usize::MAX), "row");
        let left_out = match file.left_out {
            0 => String::new(),
            more => format!("; {more} more left out by --limit"),
        };
        text.push_str(&format!(
            "  {}: {rows}, {} bytes{left_out}\n",
            file.name, file.bytes
        ));
    }
    for KeptFile { name, kept_as } in &manifest.kept {
        text.push_str(&format!(
            "  kept {name}, which had been changed, as {kept_as}\n"
        ));
    }
    for name in &manifest.removed {
        text.push_str(&format!("  removed {name}, of the export before\n"));
    }
    text
}
