//! The table `publications`, and what tables keep of columns that they had once.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tierline::publish::{Publication, PublicationStatus, Publications, Table, TableVersion};

use super::fixtures::{assert_reads, path, versions};
use super::output;

#[tokio::test]
async fn publications_of_every_form_are_read() {
    for version in versions("publications") {
        let (output, _) = output(&path(&format!("publications/{version}")));
        let publications = Publications::load(&output).await.unwrap();
        let rows: Vec<Value> = publications.all().iter().map(reading).collect();
        assert_reads("publications", &version, &json!(rows));
    }
}

fn reading(publication: &Publication) -> Value {
    let Publication {
        snapshot_date,
        status,
        run_id,
        sequence,
        previous_snapshot_date,
        previous_run_id,
        input_fingerprint,
        source_fingerprint,
        sql_fingerprint,
        cutpoints_id,
        rules_fingerprint,
        tier_rules,
        source_record: _,
        source_files,
        published_at,
        tables,
    } = publication;
    let status = match status {
        PublicationStatus::Published => "published",
        PublicationStatus::Withdrawn => "withdrawn",
        PublicationStatus::Expired => "expired",
    };
    let tables = tables.iter().map(|(table, recorded)| {
        let TableVersion { version, rows } = recorded;
        (table, json!({"version": version, "rows": rows}))
    });
    json!({
        "snapshot_date": snapshot_date.to_string(),
        "status": status,
        "run_id": run_id,
        "sequence": sequence,
        "previous_snapshot_date": previous_snapshot_date.map(|date| date.to_string()),
        "previous_run_id": previous_run_id,
        "input_fingerprint": input_fingerprint,
        "source_fingerprint": source_fingerprint,
        "sql_fingerprint": sql_fingerprint,
        "cutpoints_id": cutpoints_id,
        "rules_fingerprint": rules_fingerprint,
        "tier_rules": tier_rules,
        "source_record": publication.source_record(),
        "source_files": source_files,
        "published_at": published_at,
        "tables": tables.collect::<BTreeMap<_, _>>(),
    })
}

#[tokio::test]
async fn dropped_columns_of_every_form_are_read() {
    for version in versions("dropped-columns") {
        let (output, _) = output(&path(&format!("dropped-columns/{version}")));
        let table = Table::open(&output, "tier_current").await.unwrap();
        let columns = table.unwrap().columns().unwrap();
        let [shown, dropped] = [columns.shown, columns.dropped].map(|schema| {
            let fields = schema.fields().iter();
            let fields = fields.map(|field| format!("{} {}", field.name(), field.data_type()));
            fields.collect::<Vec<_>>()
        });
        let reading = json!({"shown": shown, "dropped": dropped});
        assert_reads("dropped-columns", &version, &reading);
    }
}
