//! The help texts about sources that are tables, or part of one, applied as those about files are.

use serde_json::{Value, json};

use super::lake::{LAST_DAY, file_of};
use super::project::{Project, all_hold};
use super::remedies_of_files::{Remedy, failure_of, moved, with, without, without_folder};

const COMMIT: &str = "data/orders/_delta_log/00000000000000000000.json";
const NEXT: &str = "data/orders/_delta_log/00000000000000000001.json";
const LOG: &str = "data/orders/_delta_log";

/// The columns of the orders by the types of Delta Lake.
const COLUMNS: [(&str, &str); 6] = [
    ("order_id", "string"),
    ("user_id", "long"),
    ("ordered_at", "timestamp"),
    ("amount", "decimal(18,2)"),
    ("status", "string"),
    ("dt", "date"),
];

/// The log by which the orders are a Delta table that is read.
fn log(project: &Project) -> String {
    let fields = [
        "order_id",
        "user_id",
        "ordered_at",
        "amount",
        "status",
        "dt",
    ];
    let types = [
        "string",
        "long",
        "timestamp",
        "decimal(18,2)",
        "string",
        "date",
    ];
    let fields = fields.into_iter().zip(types);
    let fields: Vec<Value> = fields
        .map(|(name, kind)| json!({"name": name, "type": kind, "nullable": true, "metadata": {}}))
        .collect();
    let schema = json!({"type": "struct", "fields": fields}).to_string();
    let metadata = json!({"metaData": {
        "id": "9d8c5c6a-0000-4000-8000-000000000000", "format": {"provider": "parquet", "options": {}},
        "schemaString": schema, "partitionColumns": ["dt"], "configuration": {}, "createdTime": 0,
    }});
    let protocol = json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}});
    let files = (1..=LAST_DAY).map(|day| {
        let file = file_of("orders", day);
        let size = std::fs::metadata(project.path(&file)).unwrap().len();
        json!({"add": {
            "path": file.strip_prefix("data/orders/").unwrap(),
            "partitionValues": {"dt": format!("2026-03-{day:02}")},
            "size": size, "modificationTime": 0, "dataChange": true,
        }})
    });
    let actions: Vec<String> = [protocol, metadata]
        .into_iter()
        .chain(files)
        .map(|action| action.to_string())
        .collect();
    actions.join("\n")
}

/// The orders as such a table.
fn as_table(project: Project) -> Project {
    let log = log(&project);
    project.write(COMMIT, &log)
}

/// The same with another text in the log.
fn as_odd_table(project: Project, from: &str, to: &str) -> Project {
    as_table(project).edit(COMMIT, from, to)
}

/// Its files are in folders of their days already.
fn as_plain_parquet(project: Project) -> Project {
    without_folder(project, LOG)
}

#[test]
fn of_tables_that_are_not_read() {
    all_hold(
        &[
            Remedy {
                help: "drop the feature (ALTER TABLE ... DROP FEATURE), or export the table as plain Parquet by day",
                broken: |project| {
                    let protocol = "\"minReaderVersion\":1,\"minWriterVersion\":2";
                    let upgraded = "\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":[\"deletionVectors\"],\"writerFeatures\":[\"deletionVectors\"]";
                    as_odd_table(project, protocol, upgraded)
                },
                ways: &[as_table, as_plain_parquet],
            },
            Remedy {
                help: "export the table as plain Parquet by day, or as a Delta table without column mapping",
                broken: |project| {
                    let mapped = "\"configuration\":{\"delta.columnMapping.mode\":\"name\"}";
                    let protocol = "\"minReaderVersion\":1,\"minWriterVersion\":2";
                    let upgraded = "\"minReaderVersion\":2,\"minWriterVersion\":5";
                    let project = as_odd_table(project, "\"configuration\":{}", mapped);
                    let project = project.edit(COMMIT, protocol, upgraded);
                    (1..=COLUMNS.len()).fold(project, |project, id| {
                        let physical = format!(
                            "\\\"metadata\\\":{{\\\"delta.columnMapping.id\\\":{id},\\\"delta.columnMapping.physicalName\\\":\\\"col-{id}\\\"}}"
                        );
                        project.edit(COMMIT, "\\\"metadata\\\":{}", &physical)
                    })
                },
                ways: &[as_plain_parquet, as_table],
            },
            Remedy {
                help: "write it partitioned by dt, a DATE or text such as 2026-11-20",
                broken: |project| {
                    let project = as_table(project);
                    let log = std::fs::read_to_string(project.path(COMMIT)).unwrap();
                    project.write(
                        COMMIT,
                        &log.replace("\"dt\"", "\"day\"")
                            .replace("\\\"dt\\\"", "\\\"day\\\""),
                    )
                },
                ways: &[as_table, |project| {
                    as_odd_table(
                        project,
                        "\\\"type\\\":\\\"date\\\"",
                        "\\\"type\\\":\\\"string\\\"",
                    )
                }],
            },
            Remedy {
                help: "make a deep clone, or export the table as plain Parquet by day",
                broken: |project| {
                    as_odd_table(
                        project,
                        "\"path\":\"dt=2026-03-04/",
                        "\"path\":\"s3://lake/dt=2026-03-04/",
                    )
                },
                ways: &[as_table, as_plain_parquet],
            },
            Remedy {
                help: "rewrite such files (REORG TABLE ... APPLY (PURGE)), or export the table as plain Parquet by day",
                broken: |project| {
                    let deleted = "\"add\":{\"deletionVector\":{\"storageType\":\"u\",\"pathOrInlineDv\":\"ab^-aqEH.-t@S}K{vb[*k^\",\"offset\":4,\"sizeInBytes\":40,\"cardinality\":1},";
                    as_odd_table(project, "\"add\":{", deleted)
                },
                ways: &[as_table, as_plain_parquet],
            },
            Remedy {
                help: "give its rows a day such as 2026-11-20, delete them, or leave them out with odd_days = \"skip\" in the source's section",
                broken: |project| as_odd_table(project, "{\"dt\":\"2026-03-04\"}", "{\"dt\":null}"),
                ways: &[
                    as_table,
                    |project| {
                        let log = std::fs::read_to_string(project.path(COMMIT)).unwrap();
                        let kept = log.lines().filter(|line| !line.contains("null}"));
                        let kept: Vec<&str> = kept.collect();
                        project.write(COMMIT, &kept.join("\n"))
                    },
                    |project| with(project, "odd_days = \"skip\""),
                ],
            },
            Remedy {
                help: "leave `ready` of the source out",
                broken: |project| with(as_table(project), "ready = \"_SUCCESS\""),
                ways: &[|project| project.edit("job.toml", "ready = \"_SUCCESS\"\n", "")],
            },
        ],
        failure_of,
    );
}

#[test]
fn of_logs_that_are_not_whole() {
    all_hold(
        &[
            Remedy {
                help: "run again when its writer is done; if that died, remove the file or restore it from a copy while no writer is at work",
                broken: |project| as_table(project).write(NEXT, ""),
                ways: &[
                    |project| project.write(NEXT, "{\"commitInfo\":{\"operation\":\"WRITE\"}}"),
                    |project| without(project, NEXT),
                ],
            },
            Remedy {
                help: "run again when the table is written; if it is a folder of files and no table, remove `file://",
                broken: |project| {
                    std::fs::create_dir(project.path(LOG)).unwrap();
                    project
                },
                ways: &[as_table, as_plain_parquet],
            },
            Remedy {
                help: "restore the log from a copy, or rewrite the table",
                broken: |project| {
                    let project = as_table(project).write(NEXT, "");
                    let last = NEXT.replace("1.json", "2.json");
                    project.write(&last, "{\"commitInfo\":{\"operation\":\"WRITE\"}}")
                },
                ways: &[
                    |project| project.write(NEXT, "{\"commitInfo\":{\"operation\":\"WRITE\"}}"),
                    |project| as_table(without_folder(project, LOG)),
                ],
            },
            Remedy {
                help: "run again, in case the table changes just now, or restore the file",
                broken: |project| {
                    let from = "data/orders/dt=2026-03-04";
                    moved(as_table(project), from, "aside")
                },
                ways: &[
                    |project| moved(project, "aside", "data/orders/dt=2026-03-04"),
                    |project| {
                        let log = std::fs::read_to_string(project.path(COMMIT)).unwrap();
                        let add = log.lines().find(|line| line.contains("dt=2026-03-04"));
                        let mut gone: Value = serde_json::from_str(add.unwrap()).unwrap();
                        gone["remove"] = gone["add"].take();
                        gone.as_object_mut().unwrap().remove("add");
                        project.write(NEXT, &gone.to_string())
                    },
                ],
            },
        ],
        failure_of,
    );
}

#[test]
fn of_tables_around_a_source_and_in_it() {
    all_hold(
        &[
            Remedy {
                help: "give the url of the table itself, and it is read by its log",
                broken: |project| {
                    let project = as_table(project);
                    moved(
                        moved(project, "data/orders", "aside"),
                        "aside",
                        "data/orders/table",
                    )
                },
                ways: &[|project| project.edit("job.toml", "data/orders", "data/orders/table")],
            },
            Remedy {
                help: "export it as plain Parquet, into folders such as dt=2026-11-20, or as a Delta table partitioned by dt, and give the url of that",
                broken: |project| project.write("data/orders/metadata/v1.metadata.json", "{}"),
                ways: &[
                    |project| {
                        let project = without_folder(project, "data/orders/metadata");
                        moved(project, "data/orders", "data/exported").edit(
                            "job.toml",
                            "data/orders",
                            "data/exported",
                        )
                    },
                    |project| {
                        let project = as_table(without_folder(project, "data/orders/metadata"));
                        moved(project, "data/orders", "data/exported").edit(
                            "job.toml",
                            "data/orders",
                            "data/exported",
                        )
                    },
                ],
            },
        ],
        failure_of,
    );
}
