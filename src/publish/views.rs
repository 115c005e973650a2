//! Files beside the tables that open all of them at the versions that belong together: what they say
//! changes from one publication to the next in one moment, while the newest versions of the tables follow
//! one another within a second or so.
//!
//! | file | for |
//! |---|---|
//! | `views/newest.json` | any program: the newest publication, and the folder and version of each table |
//! | `views/duckdb.sql` | DuckDB: a view for each table, by `delta_scan(.., version => ..)` |
//! | `views/spark.sql` | Spark: a view for each table, by `VERSION AS OF` |
//!
//! Of tables that keep every date the SQL files have a second view, `<table>_newest`, that names the newest
//! date: engines then read the files of that date alone, which they do not where a query looks for it.
//!
//! They are written once the publication is in. When that fails they go on saying what was published
//! before, and the next run writes them, be it that it has nothing else to do. Which of two publications they
//! are of is decided by their [mark](Mark).

use std::collections::BTreeMap;

use futures::future::try_join_all;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde::Serialize;

use crate::ground::{Layout, SnapshotDate};
use crate::storage::{Location, StorageError};
use crate::tables::{self, Dating, TIER_SNAPSHOT};

use super::commit::Committed;
use super::mark::Mark;
use super::place::Place;
use super::publications::PUBLICATIONS;
use super::{Publication, Publications};

/// The file that says which publication all of them are of.
const NEWEST: &str = "newest.json";

/// The form of `newest.json`.
const FORMAT: u32 = 2;

/// What `newest.json` says.
#[derive(Debug, Serialize)]
struct Newest<'a> {
    format: u32,
    /// The publication.
    #[serde(flatten)]
    mark: Mark,
    /// The date that the publication is for: not always the newest.
    snapshot_date: String,
    /// What it says about that date: published, withdrawn or expired.
    status: &'static str,
    /// The newest date that is published once it is in; none where none is.
    newest_date: Option<String>,
    /// Each table by its name.
    tables: BTreeMap<&'a str, Opened>,
}

/// How a table is opened.
#[derive(Debug, Serialize)]
struct Opened {
    url: String,
    version: i64,
}

/// Writes the files of a publication that is in, with these rows before it. `last` is the commit that
/// published it.
pub(super) async fn keep(
    output: &Location,
    (publications, before): (&Publications, &[Publication]),
    publication: &Publication,
    last: &Committed,
) {
    let publications = publications.all().iter().chain(before).chain([publication]);
    write(output, publications, publication, last.version).await;
}

/// Writes the files of the newest publication, where those of an earlier one are there, or none.
pub async fn keep_views(output: &Location, publications: &Publications) {
    if let (Some(newest), Some(table)) = (publications.all().last(), publications.table()) {
        write(output, publications.all().iter(), newest, table.version()).await;
    }
}

/// Writes the files of `publication`, the last of those given, which `publications` has at a version.
async fn write<'a>(
    output: &Location,
    publications: impl Iterator<Item = &'a Publication>,
    publication: &Publication,
    version: i64,
) {
    let folder = Layout::below(output.path.clone()).views();
    let path = folder.clone().join(NEWEST);
    if let Some(written) = mark_in(output, &path).await
        && written
            .holds_against(publication, output)
            .await
            .unwrap_or(true)
    {
        return;
    }
    let (newest, newest_date) = Newest::of(output, publications, publication, version);
    let of_engines = [
        ("duckdb.sql", newest.views(newest_date, of_duckdb)),
        ("spark.sql", newest.views(newest_date, of_spark)),
    ];
    let puts = of_engines.map(|(name, text)| put(output, folder.clone().join(name), text));
    // The mark last, so that whatever was not written is written by the next run.
    let written = match try_join_all(puts).await {
        Ok(_) => put(output, path, serde_json::json!(newest).to_string()).await,
        Err(error) => Err(error),
    };
    if let Err(error) = written {
        tracing::warn!(%error, "views are those of the publication before");
    }
}

async fn put(output: &Location, path: Path, text: String) -> Result<(), StorageError> {
    let put = output.store.put(&path, text.into()).await;
    put.map(drop)
        .map_err(|source| output.failure("write", &path, source))
}

/// The publication that a `newest.json` is of; none where there is none, or where it says nothing.
async fn mark_in(output: &Location, newest: &Path) -> Option<Mark> {
    let found = output.store.get(newest).await.ok()?;
    let text = found.bytes().await.ok()?;
    serde_json::from_slice(&text).ok()
}

impl<'a> Newest<'a> {
    /// Each table at the last version that one of the publications recorded, and the newest date that is
    /// published after the last of them, which is `publication`.
    fn of(
        output: &Location,
        publications: impl Iterator<Item = &'a Publication>,
        publication: &Publication,
        version: i64,
    ) -> (Self, Option<SnapshotDate>) {
        let mut versions = BTreeMap::from([(PUBLICATIONS, version)]);
        let mut last_of_dates = BTreeMap::new();
        for publication in publications {
            last_of_dates.insert(publication.snapshot_date, publication);
            let recorded = publication.tables.iter();
            versions.extend(recorded.map(|(table, recorded)| (table.as_str(), recorded.version)));
        }
        let mut newest_first = last_of_dates.into_iter().rev();
        let newest_date = newest_first.find(|(_, last)| last.is_published());
        let tables = versions.into_iter().map(|(name, version)| {
            let url = Place::of(output, name).url();
            (name, Opened { url, version })
        });
        let newest = Self {
            format: FORMAT,
            mark: Mark::of(publication),
            snapshot_date: publication.snapshot_date.to_string(),
            status: publication.status.as_str(),
            newest_date: newest_date.map(|(date, _)| date.to_string()),
            tables: tables.collect(),
        };
        (newest, newest_date.map(|(date, _)| date))
    }

    /// A statement for each table, and one for the newest date of each that has its rows.
    fn views(
        &self,
        newest_date: Option<SnapshotDate>,
        view: impl Fn(&str, &Opened, Option<SnapshotDate>) -> String,
    ) -> String {
        let tables = self.tables.iter();
        let views: Vec<String> = tables
            .map(|(name, opened)| {
                let newest_date = newest_date.filter(|_| has_newest(name));
                let of_newest = newest_date.map(|date| view(name, opened, Some(date)));
                view(name, opened, None) + &of_newest.unwrap_or_default()
            })
            .collect();
        format!(
            "-- All tables as publication {} of run {} left them; written again with each publication.\n{}",
            self.mark.sequence,
            self.mark.run_id,
            views.concat()
        )
    }
}

/// Whether a table has a view of its newest date: that of the snapshot is `tier_current`.
fn has_newest(name: &str) -> bool {
    let table = tables::find(name).filter(|table| **table != TIER_SNAPSHOT);
    table.is_some_and(|table| table.dating == Dating::EveryDate)
}

fn of_duckdb(name: &str, opened: &Opened, newest_date: Option<SnapshotDate>) -> String {
    let Opened { url, version } = opened;
    let url = url.replace('\'', "''");
    let (suffix, of_date) = of_date(newest_date);
    format!(
        "CREATE OR REPLACE VIEW \"{name}{suffix}\" AS SELECT * FROM delta_scan('{url}', version => {version}){of_date};\n"
    )
}

fn of_spark(name: &str, opened: &Opened, newest_date: Option<SnapshotDate>) -> String {
    let Opened { url, version } = opened;
    let url = url.replace('`', "``");
    let (suffix, of_date) = of_date(newest_date);
    format!(
        "CREATE OR REPLACE TEMPORARY VIEW `{name}{suffix}` AS SELECT * FROM delta.`{url}` VERSION AS OF {version}{of_date};\n"
    )
}

/// What the name of a view ends in, and what its query does.
fn of_date(date: Option<SnapshotDate>) -> (&'static str, String) {
    match date {
        Some(date) => ("_newest", format!(" WHERE snapshot_date = DATE '{date}'")),
        None => ("", String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drafts::testing::Disk;
    use crate::publish::testing::{load, publish};

    /// A folder is where the file should be: nothing can be put there.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_view_file_that_could_not_be_written_is_written_by_the_next_run() {
        let disk = Disk::new();
        let output = &disk.output;
        publish(output, "2026-11-19", &[(1, "new")]).await;
        let url = url::Url::parse(&output.url_of(&output.path)).unwrap();
        let path = url.to_file_path().unwrap().join("views/duckdb.sql");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir_all(path.join("in the way")).unwrap();
        publish(output, "2026-11-20", &[(1, "new")]).await;
        std::fs::remove_dir_all(&path).unwrap();
        keep_views(output, &load(output).await).await;
        let written = std::fs::read_to_string(&path).unwrap();
        assert!(written.contains("publication 2 of"), "{written}");
    }

    #[test]
    fn views_open_each_table_at_its_version_and_name_the_newest_date() {
        let opened = |table: &str, version| Opened {
            url: format!("s3://bucket/o'clock/tables/{table}"),
            version,
        };
        let newest = Newest {
            format: FORMAT,
            mark: Mark {
                sequence: 2,
                run_id: "2026-11-20-f00d".to_owned(),
            },
            snapshot_date: "2026-11-20".to_owned(),
            status: "withdrawn",
            newest_date: Some("2026-11-19".to_owned()),
            tables: BTreeMap::from([
                ("alerts", opened("alerts", 0)),
                ("tier_snapshot", opened("tier_snapshot", 12)),
            ]),
        };
        let date = SnapshotDate::on("2026-11-19".parse().unwrap());
        insta::assert_snapshot!(newest.views(Some(date), of_duckdb), @r#"
        -- All tables as publication 2 of run 2026-11-20-f00d left them; written again with each publication.
        CREATE OR REPLACE VIEW "alerts" AS SELECT * FROM delta_scan('s3://bucket/o''clock/tables/alerts', version => 0);
        CREATE OR REPLACE VIEW "alerts_newest" AS SELECT * FROM delta_scan('s3://bucket/o''clock/tables/alerts', version => 0) WHERE snapshot_date = DATE '2026-11-19';
        CREATE OR REPLACE VIEW "tier_snapshot" AS SELECT * FROM delta_scan('s3://bucket/o''clock/tables/tier_snapshot', version => 12);
        "#);
        insta::assert_snapshot!(newest.views(Some(date), of_spark), @"
        -- All tables as publication 2 of run 2026-11-20-f00d left them; written again with each publication.
        CREATE OR REPLACE TEMPORARY VIEW `alerts` AS SELECT * FROM delta.`s3://bucket/o'clock/tables/alerts` VERSION AS OF 0;
        CREATE OR REPLACE TEMPORARY VIEW `alerts_newest` AS SELECT * FROM delta.`s3://bucket/o'clock/tables/alerts` VERSION AS OF 0 WHERE snapshot_date = DATE '2026-11-19';
        CREATE OR REPLACE TEMPORARY VIEW `tier_snapshot` AS SELECT * FROM delta.`s3://bucket/o'clock/tables/tier_snapshot` VERSION AS OF 12;
        ");
    }
}
