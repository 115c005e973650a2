//! `tierline report`: what is published as a page, to a file or beside the tables.

use std::path::Path;
use std::time::Duration;

use crate::ground::{Diagnostic, Problems, SnapshotDate, counted};
use crate::job::{Job, Language, Workspace};
use crate::migration::Period;
use crate::night::{NightError, Report};
use crate::overview::Opened;
use crate::report::{Figures, NightNotes, ReportRequest, keep_pages, page, put_page};
use crate::storage::{check_output, write_whole};

use super::arguments::{LanguageArgument, PeriodArgument, ReportArguments};
use super::output::Output;

/// How long the result and the ping of a night wait for a page; one takes less than a second where the
/// store answers.
const LONGEST_PAGE: Duration = Duration::from_secs(60);

/// Writes a page, or the whole site.
pub(super) async fn report(arguments: &ReportArguments, output: &Output) -> Result<(), NightError> {
    let job = super::jobs::load(&arguments.job)?;
    let date =
        |given: &Option<String>| given.as_deref().map(str::parse::<SnapshotDate>).transpose();
    let (from, to) = (date(&arguments.from)?, date(&arguments.to)?);
    let settings = job.report.unwrap_or_default();
    let request = ReportRequest {
        date: to.or(date(&arguments.date)?),
        from,
        period: match arguments.period {
            PeriodArgument::Day => Period::Night,
            PeriodArgument::Week => Period::Week,
            PeriodArgument::Month => Period::Month,
        },
        language: match arguments.lang {
            Some(LanguageArgument::En) => Language::English,
            Some(LanguageArgument::Zh) => Language::Chinese,
            None => settings.language,
        },
        users: arguments.with_users.unwrap_or(settings.users),
        night: None,
    };
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        let message = format!("--from {from} is later than --to {to}");
        let help = "name the earlier of the two dates by --from";
        return Err(Problems(vec![Diagnostic::new(message).help(help)]).into());
    }
    if arguments.site {
        return Box::pin(site(&job, &request, to, output)).await;
    }
    let figures = Box::pin(Figures::read(&job, &request)).await?;
    if request.period != Period::Night && from.is_none() && !figures.has_moves(request.period) {
        let (date, period) = (figures.snapshot_date, request.period.as_str());
        output.note(&format!(
            "no date a {period} before {date} is published: the page opens with what it has"
        ));
    }
    let page = page(&figures)?;
    let place = match &arguments.output {
        Some(path) => {
            write(path, page)?;
            path.display().to_string()
        }
        None => {
            let name = match from {
                Some(from) => format!("{}-since-{from}.html", figures.snapshot_date),
                None => format!("{}.html", figures.snapshot_date),
            };
            let output = Workspace::open(&job)?.output;
            check_output(&output, &job.name).await?;
            put_page(&output, &name, page).await?
        }
    };
    output.result(&format!("{place}\n"));
    Ok(())
}

/// Writes the pages that are missing or stale, of all published dates or of those from one to another.
async fn site(
    job: &Job,
    request: &ReportRequest<'_>,
    to: Option<SnapshotDate>,
    output: &Output,
) -> Result<(), NightError> {
    let opened = Opened::of(job).await?;
    check_output(&opened.output, &job.name).await?;
    let published = opened.publications.dates();
    let is_asked_for = |date: &SnapshotDate| {
        request.from.is_none_or(|from| *date >= from) && to.is_none_or(|to| *date <= to)
    };
    let dates: Vec<SnapshotDate> = published.into_iter().filter(is_asked_for).collect();
    let kept = Box::pin(keep_pages(job, request, &dates)).await?;
    output.result(&format!(
        "{} written, {} in all\n{}\n",
        counted(kept.written.len(), "page"),
        kept.pages,
        kept.index
    ));
    Ok(())
}

/// Writes a page to a file, whole or not at all; what is no file, such as a pipe, takes it as it comes.
fn write(path: &Path, page: String) -> Result<(), Problems> {
    // A link stays one, to the file that it leads to.
    let file = path.canonicalize().or_else(|_| std::path::absolute(path));
    let written = file.and_then(|file| match file.exists() && !file.is_file() {
        true => std::fs::write(&file, page),
        false => {
            if let Some(folder) = file.parent() {
                std::fs::create_dir_all(folder)?;
            }
            write_whole(&file, page)
        }
    });
    written.map_err(|error| {
        let message = format!("cannot write the report to `{}`: {error}", path.display());
        let help = "name a file that can be written, and see that there is room for it";
        Problems(vec![Diagnostic::new(message).help(help)])
    })
}

/// Writes what the job wants beside the tables once dates are published. What is published stands when
/// that fails: the pages are those of before, which is logged.
pub(super) async fn keep(job: &Job, dates: &[SnapshotDate], night: Option<&Report>) {
    let Some(settings) = job.report else {
        return;
    };
    let notes = night.and_then(|night| {
        Some(NightNotes {
            run_id: night.run_id.as_deref()?,
            rejected: night.has_read_date.then_some(&night.rejected[..]),
            warnings: &night.warnings,
        })
    });
    let request = ReportRequest {
        language: settings.language,
        users: settings.users,
        night: notes,
        ..ReportRequest::default()
    };
    let longest = LONGEST_PAGE * u32::try_from(dates.len().max(1)).unwrap_or(u32::MAX);
    match tokio::time::timeout(longest, Box::pin(keep_pages(job, &request, dates))).await {
        Ok(Ok(kept)) => {
            tracing::info!(written = kept.written.len(), index = %kept.index, "reports are written")
        }
        Ok(Err(error)) => tracing::warn!(%error, "reports are those of before"),
        Err(_) => tracing::warn!(
            "reports are those of before: after {} s they were not written; `tierline report --site` writes them",
            longest.as_secs()
        ),
    }
}
