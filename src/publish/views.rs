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
//! They are written once the publication is in. When that fails they go on saying what was published
//! before, and the next publication writes them.

use std::collections::BTreeMap;

use futures::future::join_all;
use object_store::ObjectStoreExt;
use serde::Serialize;

use crate::ground::Layout;
use crate::storage::Location;

use super::commit::Committed;
use super::place::Place;
use super::{Publication, Publications};

/// The form of `newest.json`.
const FORMAT: u32 = 1;

/// What `newest.json` says.
#[derive(Debug, Serialize)]
struct Newest<'a> {
    format: u32,
    /// The number of the publication.
    sequence: i64,
    /// The date that it published, or withdrew: not always the newest that is published.
    snapshot_date: String,
    /// Its run.
    run_id: &'a str,
    /// Each table by its name.
    tables: BTreeMap<&'a str, Opened>,
}

/// How a table is opened.
#[derive(Debug, Serialize)]
struct Opened {
    url: String,
    version: i64,
}

/// Writes the files of a publication that is in. `last` is the commit that published it.
pub(super) async fn keep(
    output: &Location,
    publications: &Publications,
    publication: &Publication,
    last: &Committed,
) {
    let mut versions = BTreeMap::from([(last.name(), last.version)]);
    let publications = publications.all().iter().chain([publication]);
    for (table, recorded) in publications.flat_map(|publication| &publication.tables) {
        versions.insert(table, recorded.version);
    }
    let tables = versions.into_iter().map(|(name, version)| {
        let url = Place::of(output, name).url();
        (name, Opened { url, version })
    });
    let newest = Newest {
        format: FORMAT,
        sequence: publication.sequence,
        snapshot_date: publication.snapshot_date.to_string(),
        run_id: &publication.run_id,
        tables: tables.collect(),
    };
    let files = [
        ("newest.json", serde_json::json!(newest).to_string()),
        ("duckdb.sql", newest.views(of_duckdb)),
        ("spark.sql", newest.views(of_spark)),
    ];
    let folder = Layout::below(output.path.clone()).views();
    join_all(files.map(|(name, text)| {
        let path = folder.clone().join(name);
        async move {
            if let Err(source) = output.store.put(&path, text.into()).await {
                let error = output.failure("write", &path, source);
                tracing::warn!(%error, "views are those of the publication before");
            }
        }
    }))
    .await;
}

impl Newest<'_> {
    /// A statement for each table.
    fn views(&self, view: impl Fn(&str, &Opened) -> String) -> String {
        let tables = self.tables.iter();
        let views: Vec<String> = tables.map(|(name, opened)| view(name, opened)).collect();
        format!(
            "-- All tables as publication {} of run {} left them; written again with each publication.\n{}",
            self.sequence,
            self.run_id,
            views.concat()
        )
    }
}

fn of_duckdb(name: &str, Opened { url, version }: &Opened) -> String {
    let url = url.replace('\'', "''");
    format!(
        "CREATE OR REPLACE VIEW {name} AS SELECT * FROM delta_scan('{url}', version => {version});\n"
    )
}

fn of_spark(name: &str, Opened { url, version }: &Opened) -> String {
    let url = url.replace('`', "``");
    format!(
        "CREATE OR REPLACE TEMPORARY VIEW {name} AS SELECT * FROM delta.`{url}` VERSION AS OF {version};\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_open_each_table_at_its_version() {
        let opened = |table: &str, version| Opened {
            url: format!("s3://bucket/o'clock/tables/{table}"),
            version,
        };
        let newest = Newest {
            format: FORMAT,
            sequence: 2,
            snapshot_date: "2026-11-20".to_owned(),
            run_id: "2026-11-20-f00d",
            tables: BTreeMap::from([
                ("alerts", opened("alerts", 0)),
                ("tier_snapshot", opened("tier_snapshot", 12)),
            ]),
        };
        insta::assert_snapshot!(newest.views(of_duckdb), @"
        -- All tables as publication 2 of run 2026-11-20-f00d left them; written again with each publication.
        CREATE OR REPLACE VIEW alerts AS SELECT * FROM delta_scan('s3://bucket/o''clock/tables/alerts', version => 0);
        CREATE OR REPLACE VIEW tier_snapshot AS SELECT * FROM delta_scan('s3://bucket/o''clock/tables/tier_snapshot', version => 12);
        ");
        insta::assert_snapshot!(newest.views(of_spark), @"
        -- All tables as publication 2 of run 2026-11-20-f00d left them; written again with each publication.
        CREATE OR REPLACE TEMPORARY VIEW alerts AS SELECT * FROM delta.`s3://bucket/o'clock/tables/alerts` VERSION AS OF 0;
        CREATE OR REPLACE TEMPORARY VIEW tier_snapshot AS SELECT * FROM delta.`s3://bucket/o'clock/tables/tier_snapshot` VERSION AS OF 12;
        ");
    }
}
