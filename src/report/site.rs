//! The pages beside the tables, as a bucket serves them: `report/<date>.html`, and `report/index.html`
//! over all of them.
//!
//! | page of a date | what happens |
//! |---|---|
//! | not there, and wanted | written |
//! | older than the publication, which restated the date, and wanted | written |
//! | of a date that was restated while it was written | written once more |
//! | of a date that is published no longer, or from one date to another of which one is not | deleted |
//!
//! Publications stand whatever becomes of pages.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use object_store::path::Path;
use object_store::{Attribute, Attributes, ObjectStoreExt, PutOptions};

use crate::ground::{Layout, SnapshotDate};
use crate::job::{Job, Language};
use crate::night::NightError;
use crate::overview::{Opened, metrics};
use crate::publish::Publication;
use crate::storage::Location;
use crate::tables::ALERTS;

use super::figures::Figures;
use super::headlines::{Headline, headlines};
use super::history::History;
use super::page::{filled, page};
use super::published::Published;
use super::request::ReportRequest;
use super::words::Words;

const INDEX: &str = "index.html";
const TEMPLATE: &str = include_str!("assets/index.html");

/// What became of the pages.
#[derive(Debug, Default)]
pub(crate) struct PagesKept {
    /// The URL of the index.
    pub index: String,
    /// The dates whose page was written.
    pub written: Vec<SnapshotDate>,
    /// The pages that there are.
    pub pages: usize,
}

/// Writes the pages of `dates` that are not there or are older than their publication, removes those of
/// dates that are published no longer, and writes the index. A page that fails keeps no other from being
/// written.
///
/// # Errors
/// Stores that fail, and whatever keeps the tables from being read: of the first page that fails.
pub(crate) async fn keep_pages(
    job: &Job,
    request: &ReportRequest<'_>,
    dates: &[SnapshotDate],
) -> Result<PagesKept, NightError> {
    let mut opened = Opened::of(job).await?;
    let output = opened.output.clone();
    let folder = Layout::below(output.path.clone()).reports();
    let mut there = There::list(&output, &folder).await?;
    let mut wanted = Vec::new();
    for date in dates {
        if is_wanted(&opened, *date, there.pages.get(date)).await? {
            wanted.push(*date);
        }
    }
    let mut failure = None;
    let mut written = BTreeSet::new();
    while !wanted.is_empty() {
        let site = (&output, &folder);
        let done = Box::pin(write_pages(job, request, &opened, &wanted, site)).await?;
        written.extend(done.written);
        failure = failure.or(done.failure);
        // Of a date that was restated since, the old page may lie over the new one.
        let newest = Opened::of(job).await?;
        wanted.retain(|date| run_of(&opened, *date) != run_of(&newest, *date));
        opened = newest;
    }
    let just_written = written.iter().map(|date| (*date, None));
    there.pages.extend(just_written);
    let has_deleted = there
        .delete_unpublished(&opened.publications.dates(), &output, &folder)
        .await?;
    let index_path = folder.join(INDEX);
    if !written.is_empty() || has_deleted || !there.has_index {
        let index = Box::pin(index(job, request.language, &opened, &there.pages)).await?;
        put(&output, &index_path, index).await?;
    }
    let kept = PagesKept {
        index: output.url_of(&index_path),
        written: written.into_iter().collect(),
        pages: there.pages.len(),
    };
    failure.map_or(Ok(kept), Err)
}

/// What became of the pages of some dates.
#[derive(Default)]
struct PagesDone {
    written: Vec<SnapshotDate>,
    /// Of the first page that failed.
    failure: Option<NightError>,
}

/// Writes the pages of those dates that are published.
async fn write_pages(
    job: &Job,
    request: &ReportRequest<'_>,
    opened: &Opened,
    dates: &[SnapshotDate],
    (output, folder): (&Location, &Path),
) -> Result<PagesDone, NightError> {
    let history = Box::pin(History::read(opened, dates)).await?;
    let mut done = PagesDone::default();
    for date in dates {
        let Some(publication) = opened.publications.newest_for(*date) else {
            continue;
        };
        let published = Published {
            opened,
            publication,
        };
        let figures = Box::pin(Figures::of(job, request, published, &history)).await;
        let path = folder.clone().join(format!("{date}.html"));
        let put = match figures.and_then(|figures| Ok(page(&figures)?)) {
            Ok(page) => put(output, &path, page).await,
            Err(error) => Err(error),
        };
        match put {
            Ok(()) => done.written.push(*date),
            Err(error) => done.failure = done.failure.or(Some(error)),
        }
    }
    Ok(done)
}

/// The run that published a date.
fn run_of(opened: &Opened, date: SnapshotDate) -> Option<&str> {
    let publication = opened.publications.newest_for(date)?;
    Some(&publication.run_id)
}

async fn delete(output: &Location, path: &Path) -> Result<(), NightError> {
    match output.store.delete(path).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(output.failure("delete", path, error).into()),
    }
}

/// Writes one page beside the others, whether there is one or not, and returns its URL.
///
/// # Errors
/// Stores that fail.
pub(crate) async fn put_page(
    output: &Location,
    name: &str,
    page: String,
) -> Result<String, NightError> {
    let path = Layout::below(output.path.clone()).reports().join(name);
    put(output, &path, page).await?;
    Ok(output.url_of(&path))
}

/// Whether a date is published and its page is missing or older than the publication.
async fn is_wanted(
    opened: &Opened,
    date: SnapshotDate,
    page: Option<&Option<DateTime<Utc>>>,
) -> Result<bool, NightError> {
    let Some(publication) = opened.publications.newest_for(date) else {
        return Ok(false);
    };
    let Some(Some(written)) = page else {
        return Ok(page.is_none());
    };
    let published = opened.publications.published_at(publication).await?;
    Ok(published.is_none_or(|published| published > *written))
}

/// The dates that have a page, and when it was written; none for one that was written just now.
type Pages = BTreeMap<SnapshotDate, Option<DateTime<Utc>>>;

/// What the folder has; folders in it are nobody's.
#[derive(Default)]
struct There {
    pages: Pages,
    /// The pages from one date to another.
    spans: Vec<Span>,
    has_index: bool,
}

/// `2026-11-20-since-2026-11-01.html`.
struct Span {
    dates: [SnapshotDate; 2],
    path: Path,
}

impl There {
    async fn list(output: &Location, folder: &Path) -> Result<Self, NightError> {
        let listed = output.store.list_with_delimiter(Some(folder)).await;
        let listed = listed.map_err(|error| output.failure("list", folder, error))?;
        let mut there = Self::default();
        for object in listed.objects {
            let file = object.location.filename().unwrap_or_default();
            there.has_index |= file == INDEX;
            let Some(name) = file.strip_suffix(".html") else {
                continue;
            };
            if let Ok(date) = name.parse() {
                there.pages.insert(date, Some(object.last_modified));
            } else if let Some((to, from)) = name.split_once("-since-")
                && let (Ok(to), Ok(from)) = (to.parse(), from.parse())
            {
                let dates = [to, from];
                let path = object.location;
                there.spans.push(Span { dates, path });
            }
        }
        Ok(there)
    }

    /// Deletes the pages of dates that are published no longer: users may be named on them. Whether the
    /// index had any of them.
    async fn delete_unpublished(
        &mut self,
        published: &BTreeSet<SnapshotDate>,
        output: &Location,
        folder: &Path,
    ) -> Result<bool, NightError> {
        let is_gone = |date: &SnapshotDate| !published.contains(date);
        for span in self
            .spans
            .iter()
            .filter(|span| span.dates.iter().any(is_gone))
        {
            delete(output, &span.path).await?;
        }
        let gone = self.pages.extract_if(.., |date, _| is_gone(date));
        let gone: Vec<_> = gone.map(|(date, _)| date).collect();
        for date in &gone {
            delete(output, &folder.clone().join(format!("{date}.html"))).await?;
        }
        Ok(!gone.is_empty())
    }
}

/// A browser shows what a bucket says is HTML; disks know no such thing.
async fn put(output: &Location, path: &Path, page: String) -> Result<(), NightError> {
    let is_disk = output.root.as_str().starts_with("file:");
    let kind = (Attribute::ContentType, "text/html; charset=utf-8");
    let attributes = Attributes::from_iter((!is_disk).then_some(kind));
    let options = PutOptions {
        attributes,
        ..PutOptions::default()
    };
    let put = output.store.put_opts(path, page.into(), options).await;
    put.map_err(|error| output.failure("write", path, error))?;
    Ok(())
}

/// The index over all published dates, the newest first.
async fn index(
    job: &Job,
    language: Language,
    opened: &Opened,
    pages: &Pages,
) -> Result<String, NightError> {
    let dates: Vec<SnapshotDate> = opened.publications.dates().into_iter().collect();
    let history = Box::pin(History::read(opened, &dates)).await?;
    let words = Words::of(language);
    let metrics = Box::pin(metrics(opened)).await?;
    let page = IndexPage {
        opened,
        pages,
        history: &history,
        words: &words,
        headlines: headlines(&metrics, language),
    };
    let months = page.months();
    let parts = [
        ("{{language}}", language.tag()),
        ("{{title}}", &*escaped(&job.name)),
        ("{{job}}", &*escaped(&job.name)),
        ("{{heading}}", words.text("heading")),
        ("{{lead}}", words.text("lead")),
        ("{{months}}", &months),
    ];
    Ok(filled(TEMPLATE, &parts))
}

/// What the index shows.
struct IndexPage<'a> {
    opened: &'a Opened,
    pages: &'a Pages,
    history: &'a History,
    words: &'a Words,
    headlines: Vec<Headline>,
}

impl IndexPage<'_> {
    /// A table for each month, the newest first.
    fn months(&self) -> String {
        let mut months: Vec<(String, String)> = Vec::new();
        for publication in self.opened.publications.published().rev() {
            let month = publication.snapshot_date.day().format("%Y-%m").to_string();
            let row = self.row(publication);
            match months.last_mut() {
                Some((last, rows)) if *last == month => rows.push_str(&row),
                _ => months.push((month, row)),
            }
        }
        let columns = std::iter::once(self.words.text("date").to_owned())
            .chain(self.figures())
            .chain([self.words.text("open").to_owned()]);
        let columns =
            columns.map(|column| format!("<th scope=\"col\" role=\"columnheader\">{column}</th>"));
        let head: String = columns.collect();
        let tables = months.into_iter().map(|(month, rows)| {
            format!(
                "<section><h2>{month}</h2>\n<table role=\"table\"><thead role=\"rowgroup\"><tr role=\"row\">{head}</tr></thead>\n<tbody role=\"rowgroup\">\n{rows}</tbody></table></section>\n"
            )
        });
        tables.collect()
    }

    /// What its figures are called: the metrics, then the alerts.
    fn figures(&self) -> impl Iterator<Item = String> {
        let labels = self
            .headlines
            .iter()
            .map(|headline| escaped(&headline.label));
        labels.chain([self.words.text(ALERTS.name).to_owned()])
    }

    /// The figures of a date.
    fn cells(&self, publication: &Publication) -> String {
        let day = publication.snapshot_date.to_string();
        let metrics = self.headlines.iter().map(|headline| {
            let value = self.history.metric(&headline.metric, &day)?;
            Some(headline.write(value))
        });
        let alerts = publication.tables.get(ALERTS.name);
        let alerts = alerts.map(|alerts| alerts.rows.to_string());
        let cells = self
            .figures()
            .zip(metrics.chain([alerts]))
            .map(|(name, cell)| {
                let cell = cell.as_deref().unwrap_or("–");
                format!("<td data-head=\"{name}\" role=\"cell\">{cell}</td>")
            });
        cells.collect()
    }

    /// A date with its figures and its page in each period.
    fn row(&self, publication: &Publication) -> String {
        let date = publication.snapshot_date;
        let (day, words) = (date.to_string(), self.words);
        let cells = self.cells(publication);
        let publications = &self.opened.publications;
        let periods = [
            ("night", publication.previous_snapshot_date.is_some()),
            ("week", publications.week_before(date).is_some()),
            ("month", publications.month_before(date).is_some()),
        ];
        let links = periods.into_iter().filter(|(_, is_there)| *is_there);
        let links = links.map(|(period, _)| {
            let words = words.text(period);
            format!("<a href=\"{day}.html#{period}\" aria-label=\"{day}: {words}\">{words}</a>")
        });
        let links: Vec<String> = links.collect();
        let (day, links) = match self.pages.contains_key(&date) {
            true => (format!("<a href=\"{day}.html\">{day}</a>"), links.join(" ")),
            false => (day, words.text("no_page").to_owned()),
        };
        let open = words.text("open");
        format!(
            "<tr role=\"row\"><th scope=\"row\" role=\"rowheader\">{day}</th>{cells}<td class=\"open\" data-head=\"{open}\" role=\"cell\">{links}</td></tr>\n"
        )
    }
}

/// A text within HTML.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_no_html() {
        assert_eq!(escaped("<b>\"&'"), "&lt;b&gt;&quot;&amp;'");
    }
}
