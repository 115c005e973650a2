//! The help texts about a source's files, applied: `plan` refuses, each way out that it names is
//! gone by itself, and `plan` finds nothing more. Damage that only a reader of rows meets is applied
//! through nights.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray, TimestampMillisecondArray};
use parquet::file::properties::WriterProperties;

use super::lake::{LAST_DAY, Rows, file_of};
use super::project::{Project, all_hold};

pub(super) type Step = fn(Project) -> Project;

/// Something wrong with a delivery, what the help text says, and its ways out.
pub(super) struct Remedy {
    pub(super) help: &'static str,
    pub(super) broken: Step,
    pub(super) ways: &'static [Step],
}

const JOB: &str = "job.toml";
const ORDERS: &str = "sql/staging/orders.sql";
const ENGAGEMENT: &str = "sql/staging/engagement.sql";
const SECTION: &str = "[sources.orders]\n";
const PLAN: [&str; 4] = ["plan", "job.toml", "--date", "2026-03-06"];
const NIGHT: [&str; 4] = ["run", "job.toml", "--date", "2026-03-06"];

/// What a command says of a project, and whether it has succeeded.
fn said(project: &Project, command: &[&str]) -> (bool, String) {
    let finished = project.call(command);
    let said = format!("{}{}", finished.stdout, finished.stderr);
    let is_refused = finished.exit_code != 0 || said.contains("would be refused");
    (!is_refused, said)
}

/// What is wrong with a remedy, each way tried in a project of its own; nothing when all help.
pub(super) fn failure_of(remedy: &Remedy) -> Option<String> {
    let Remedy { help, broken, ways } = remedy;
    let mut failures = ways.iter().enumerate().filter_map(|(way, mend)| {
        let project = broken(Project::new());
        let (passes, told) = said(&project, &PLAN);
        if passes || !told.contains(help) {
            return Some(format!("`{help}` is not said: {told}"));
        }
        let (passes, told) = said(&mend(project), &PLAN);
        (!passes).then(|| format!("after way {way} of `{help}`: {told}"))
    });
    failures.next()
}

/// A setting of the source of orders.
pub(super) fn with(project: Project, setting: &str) -> Project {
    project.edit(JOB, SECTION, &format!("{SECTION}{setting}\n"))
}

/// The type of a column of a source.
fn declaring(project: Project, source: &str, column: &str, column_type: &str) -> Project {
    let section = format!("[sources.{source}]\n");
    let declared = format!("{section}columns.{column} = \"{column_type}\"\n");
    project.edit(JOB, &section, &declared)
}

/// The orders of every day, as `rows` makes them.
fn delivering(project: Project, rows: fn(u32) -> Rows) -> Project {
    (1..=LAST_DAY).fold(project, |project, day| {
        project.deliver("orders", day, &rows(day))
    })
}

/// Moves a file or a folder.
pub(super) fn moved(project: Project, from: &str, to: &str) -> Project {
    let to = project.path(to);
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::rename(project.path(from), to).unwrap();
    project
}

pub(super) fn without(project: Project, path: &str) -> Project {
    std::fs::remove_file(project.path(path)).unwrap();
    project
}

pub(super) fn without_folder(project: Project, path: &str) -> Project {
    std::fs::remove_dir_all(project.path(path)).unwrap();
    project
}

/// The usual file of a day of orders.
fn usual(project: Project, day: u32) -> Project {
    project.deliver("orders", day, &Rows::orders(day))
}

const ORDER_OF_DAY_4: &str = "data/orders/dt=2026-03-04/part-0.parquet";

/// Tries them all in one project: a night tells all at once, and passes once all are mended, be it
/// by the first way of each or by the last.
fn apply_together(remedies: &[Remedy]) {
    let broken = || {
        let project = Project::new();
        remedies
            .iter()
            .fold(project, |project, remedy| (remedy.broken)(project))
    };
    let (passes, told) = said(&broken(), &NIGHT);
    assert!(!passes, "{told}");
    for Remedy { help, .. } in remedies {
        assert!(told.contains(help), "`{help}` is not said: {told}");
    }
    for way in [<[Step]>::first, <[Step]>::last] {
        let mended = remedies.iter().fold(broken(), |project, remedy| {
            way(remedy.ways).unwrap()(project)
        });
        let (passes, told) = said(&mended, &NIGHT);
        assert!(passes, "{told}");
    }
}

#[test]
fn of_columns() {
    apply_together(&[
        Remedy {
            help: "deliver the column, or map another one in sql/staging/engagement.sql and declare it under [sources.engagement.columns]",
            broken: |project| {
                (1..=LAST_DAY).fold(project, |project, day| {
                    let rows = Rows::engagement(day).renamed("event_type", "kind");
                    project.deliver("engagement", day, &rows)
                })
            },
            ways: &[
                |project| {
                    (1..=LAST_DAY).fold(project, |project, day| {
                        project.deliver("engagement", day, &Rows::engagement(day))
                    })
                },
                |project| {
                    let source = "FROM sources.engagement AS events";
                    let mapped = "FROM (SELECT day, user_id, occurred_at, kind AS event_type, duration_seconds, content_id, channel, campaign_id FROM sources.engagement) AS events";
                    declaring(project, "engagement", "kind", "VARCHAR")
                        .edit(ENGAGEMENT, source, mapped)
                },
            ],
        },
        Remedy {
            help: "deliver it as DECIMAL(18,2), or declare its type under [sources.orders.columns] and CAST it in staging SQL: CAST(amount AS DECIMAL(18,2))",
            broken: |project| {
                let rows = Rows::orders(3).with_double("amount", 10.0);
                project.deliver("orders", 3, &rows)
            },
            ways: &[
                |project| usual(project, 3),
                |project| {
                    declaring(project, "orders", "amount", "DOUBLE").edit(
                        ORDERS,
                        "    amount,  ",
                        "    CAST(amount AS DECIMAL(18,2)) AS amount,  ",
                    )
                },
            ],
        },
        Remedy {
            help: "deliver it as BIGINT or VARCHAR, or declare user_id = \"VARCHAR\" under [sources.orders.columns]",
            broken: |project| {
                let rows = Rows::orders(4).with_double("user_id", 1004.0);
                project.deliver("orders", 4, &rows)
            },
            ways: &[
                |project| usual(project, 4),
                |project| {
                    let project = declaring(project, "orders", "user_id", "VARCHAR");
                    declaring(project, "engagement", "user_id", "VARCHAR")
                },
            ],
        },
        Remedy {
            help: "deliver one of them",
            broken: |project| {
                let channels: Arc<StringArray> = Arc::new(vec![Some("app"); 5].into());
                let rows = Rows::orders(5).and("channel", Arc::clone(&channels) as _);
                project.deliver("orders", 5, &rows.and("Channel", channels))
            },
            ways: &[|project| {
                let channels = StringArray::from(vec!["app"; 5]);
                let rows = Rows::orders(5).and("channel", Arc::new(channels));
                project.deliver("orders", 5, &rows)
            }],
        },
        Remedy {
            help: "rename the folder so that its value is a DECIMAL(18,2), or declare discount = \"VARCHAR\" under [sources.orders.columns] and write TRY_CAST(discount AS DECIMAL(18,2)) for it in staging SQL",
            broken: |project| {
                let odd = "data/orders/dt=2026-03-06/discount=none/part-0.parquet";
                moved(project, &file_of("orders", 6), odd)
            },
            ways: &[
                |project| {
                    let folder = "data/orders/dt=2026-03-06/discount=";
                    moved(project, &format!("{folder}none"), &format!("{folder}0.00"))
                },
                |project| {
                    let read = "    TRY_CAST(discount AS DECIMAL(18,2)) AS discount,  ";
                    // Other files have no discount.
                    let declared = "columns.discount = { type = \"VARCHAR\", optional = true }";
                    with(project, declared).edit(ORDERS, "    discount,  ", read)
                },
            ],
        },
    ]);
}

#[test]
fn of_files_without_a_footer() {
    apply_together(&[
        Remedy {
            help: "dt=2026-03-01/part-0.parquet of source `orders` is truncated or not Parquet: Invalid Parquet file. Corrupt footer\n |\n = help: deliver the file again\n",
            broken: |project| project.write(&file_of("orders", 1), "user 1001 as text"),
            ways: &[|project| usual(project, 1)],
        },
        Remedy {
            help: "if it holds no rows, begin its name with _, or set files = \"*.parquet\" under [sources.orders]",
            broken: |project| project.write("data/orders/dt=2026-03-02/notes", "all is there"),
            ways: &[
                |project| {
                    let folder = "data/orders/dt=2026-03-02/";
                    moved(
                        project,
                        &format!("{folder}notes"),
                        &format!("{folder}_notes"),
                    )
                },
                |project| with(project, "files = \"*.parquet\""),
            ],
        },
        Remedy {
            help: "is encrypted, and encrypted Parquet is not read\n |\n = help: deliver it without encryption",
            broken: |project| {
                let path = project.path(&file_of("orders", 3));
                let mut file = std::fs::read(&path).unwrap();
                let magic = file.len() - 4;
                file[magic..].copy_from_slice(b"PARE");
                std::fs::write(path, file).unwrap();
                project
            },
            ways: &[|project| usual(project, 3)],
        },
    ]);
}

/// It was told to be delivered or to be another one, be it that the contract had it optional.
#[test]
fn of_a_declared_column_that_files_lack() {
    let rows = Rows::orders(6);
    let channels: ArrayRef = Arc::new(StringArray::from(vec!["app"; 6]));
    let project = Project::new().deliver("orders", 6, &rows.and("channel", channels));
    let project = declaring(project, "orders", "channel", "VARCHAR");
    let (passes, told) = said(&project, &NIGHT);
    let help = "help: the file has: order_id, user_id, ordered_at, amount, status; deliver the column, or declare it as channel = { type = \"VARCHAR\", optional = true } under [sources.orders.columns] if files may lack it";
    assert!(!passes && told.contains(help), "{told}");
    let declared = "{ type = \"VARCHAR\", optional = true }";
    let project = project.edit(
        JOB,
        "channel = \"VARCHAR\"",
        &format!("channel = {declared}"),
    );
    let (passes, told) = said(&project, &NIGHT);
    assert!(passes, "{told}");
}

/// One way leads to the next text.
#[test]
fn of_ids_of_two_types() {
    let rows = Rows::orders(4).with_text("user_id", "1004");
    let project = Project::new().deliver("orders", 4, &rows);
    let help = "deliver one type in all files, or declare user_id = \"VARCHAR\" under [sources.orders.columns]";
    let (passes, told) = said(&project, &NIGHT);
    assert!(!passes && told.contains(help), "{told}");

    let project = declaring(project, "orders", "user_id", "VARCHAR");
    let (passes, told) = said(&project, &NIGHT);
    let next = "`user_id` is BIGINT in `staging.engagement` and VARCHAR in `staging.orders`\n --> sql/staging/engagement.sql:";
    assert!(!passes && told.contains(next), "{told}");
    let help =
        "deliver one type in all sources, or write CAST(events.user_id AS VARCHAR) AS user_id here";
    assert!(told.contains(help), "{told}");

    let written = "    CAST(events.user_id AS VARCHAR) AS user_id,";
    let project = project.edit(ENGAGEMENT, "    events.user_id,", written);
    let (passes, told) = said(&project, &NIGHT);
    assert!(passes, "{told}");
}

#[test]
fn of_files_and_folders() {
    all_hold(
        &[
            Remedy {
                help: "put them below folders such as dt=2026-11-20; names of files and folders that start with _ or . are skipped",
                broken: |project| moved(project, ORDER_OF_DAY_4, "data/orders/part-0.parquet"),
                ways: &[
                    |project| moved(project, "data/orders/part-0.parquet", ORDER_OF_DAY_4),
                    |project| {
                        let from = "data/orders/part-0.parquet";
                        moved(project, from, "data/orders/_part-0.parquet")
                    },
                ],
            },
            Remedy {
                help: "put them below a folder such as dt=2026-11-20, or leave such partitions out with odd_days = \"skip\" under [sources.orders]",
                broken: |project| moved(project, "data/orders/dt=2026-03-04", "data/orders/dt=4"),
                ways: &[
                    |project| moved(project, "data/orders/dt=4", "data/orders/dt=2026-03-04"),
                    |project| with(project, "odd_days = \"skip\""),
                ],
            },
            Remedy {
                help: "put them below the folder of the one day that their rows are of",
                broken: |project| {
                    let folder = "data/orders/dt=2026-03-03/dt=2026-03-04";
                    moved(project, "data/orders/dt=2026-03-04", folder)
                },
                ways: &[|project| {
                    let folder = "data/orders/dt=2026-03-03/dt=2026-03-04";
                    moved(project, folder, "data/orders/dt=2026-03-04")
                }],
            },
            Remedy {
                help: "rename it, or remove it if it is no data: names may not have control characters",
                broken: |project| {
                    moved(
                        project,
                        ORDER_OF_DAY_4,
                        "data/orders/dt=2026-03-04/part\t0.parquet",
                    )
                },
                ways: &[
                    |project| {
                        let odd = "data/orders/dt=2026-03-04/part\t0.parquet";
                        moved(project, odd, ORDER_OF_DAY_4)
                    },
                    |project| without(project, "data/orders/dt=2026-03-04/part\t0.parquet"),
                ],
            },
            Remedy {
                help: "deliver Parquet in folders dt=YYYY-MM-DD, as DuckDB writes it with COPY",
                broken: |project| {
                    let project = without_folder(project, "data/orders");
                    project.write("data/orders/2026-03-06.csv", "order_id,user_id\n1,2\n")
                },
                ways: &[|project| delivering(project, Rows::orders)],
            },
        ],
        failure_of,
    );
}

/// The night goes on without these, and says so until they are gone.
#[test]
fn of_what_is_left_out() {
    let left = "data/orders/_temporary/0/part-1.parquet";
    let odd = "data/orders/no\tdata.txt";
    let project = Project::new().write(left, "half of it").write(odd, "-");
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(86_400);
    let file = std::fs::File::options()
        .write(true)
        .open(project.path(left));
    file.unwrap().set_modified(long_ago).unwrap();
    let (passes, told) = said(&project, &PLAN);
    assert!(passes, "{told}");
    for help in [
        "if no writer is at work, remove them: _temporary/0/part-1.parquet",
        "is left out; rename or remove it: no\\tdata.txt",
    ] {
        assert!(told.contains(help), "`{help}` is not said: {told}");
    }
    let project = without(without_folder(project, "data/orders/_temporary"), odd);
    let (passes, told) = said(&project, &PLAN);
    assert!(passes && !told.contains("warning: "), "{told}");
}

#[test]
fn of_a_job_inside_a_partition() {
    let project = Project::new();
    let job = std::fs::read_to_string(project.path(JOB)).unwrap();
    let job = job.replace("\"data/orders\"", "\"files\"");
    let job = job.replace("\"data/engagement\"", "\"../data/engagement\"");
    let project = project.write(
        "dt=2026-03-04/job.toml",
        &job.replace("\"sql\"", "\"../sql\""),
    );
    let project = moved(
        project,
        ORDER_OF_DAY_4,
        "dt=2026-03-04/files/part-0.parquet",
    );
    let plan = ["plan", "dt=2026-03-04/job.toml", "--date", "2026-03-06"];
    let help =
        "give the folder that has all dt=YYYY-MM-DD partitions in it as the url of the source";
    let (passes, told) = said(&project, &plan);
    assert!(!passes && told.contains(help), "{told}");
    let project = project.edit("dt=2026-03-04/job.toml", "\"files\"", "\"../data/orders\"");
    let (passes, told) = said(&project, &plan);
    assert!(passes, "{told}");
}

#[test]
fn of_days_that_are_not_there_or_not_whole() {
    all_hold(
        &[
            Remedy {
                help: "run again when the partition is there, or set required = false for the source",
                broken: |project| project.withhold("orders", LAST_DAY),
                ways: &[
                    |project| usual(project, LAST_DAY),
                    |project| with(project, "required = false"),
                ],
            },
            Remedy {
                help: "run again when the partition is whole, or set incomplete = \"warn\" for the source",
                broken: |project| {
                    project.write("data/orders/_temporary/0/dt=2026-03-06/a.parquet", "half")
                },
                ways: &[
                    |project| without_folder(project, "data/orders/_temporary"),
                    |project| with(project, "incomplete = \"warn\""),
                ],
            },
            Remedy {
                help: "run again when the partitions are there and whole, or set required = false or incomplete = \"warn\" for the source",
                broken: |project| {
                    let left = "data/orders/_temporary/0/dt=2026-03-06/a.parquet";
                    project.withhold("engagement", LAST_DAY).write(left, "half")
                },
                ways: &[
                    |project| {
                        let project = without_folder(project, "data/orders/_temporary");
                        project.deliver("engagement", LAST_DAY, &Rows::engagement(LAST_DAY))
                    },
                    |project| {
                        let engagement = "[sources.engagement]\n";
                        let optional = format!("{engagement}required = false\n");
                        with(project, "incomplete = \"warn\"").edit(JOB, engagement, &optional)
                    },
                ],
            },
        ],
        failure_of,
    );
}

/// Rows that only their reader finds to be wrong: one after the other in one project, each told and
/// mended, and the night that was refused so often is published.
#[test]
fn of_what_files_hold() {
    let project = Project::new();
    let put = |day: u32, file: &[u8]| {
        std::fs::write(project.path(&file_of("orders", day)), file).unwrap();
    };
    let refused = |told: &str, help: &str| {
        let (passes, said) = said(&project, &NIGHT);
        assert!(!passes, "{said}");
        assert!(said.contains(told) && said.contains(help), "{said}");
    };
    let whole = |day: u32| Rows::orders(day).bytes(WriterProperties::default());

    let latin_1 = replaced(&whole(2), b"paid", b"pa\xefd");
    put(2, &latin_1);
    refused("has texts that are not UTF-8", "; write them in UTF-8");
    put(2, &whole(2));

    // The path of a column in the footer, and then its codec: none is 0, and LZO is 3.
    let lzo = replaced(
        &whole(3),
        b"\x19\x18\x06amount\x15\x00",
        b"\x19\x18\x06amount\x15\x06",
    );
    put(3, &lzo);
    refused(
        "is compressed with LZO, which is not read",
        "; write it with ZSTD or SNAPPY",
    );
    put(3, &whole(3));

    let beyond = TimestampMillisecondArray::from(vec![i64::MAX; 4]).with_timezone("UTC");
    let beyond = Rows::orders(4).with("ordered_at", Arc::new(beyond));
    put(4, &beyond.bytes(WriterProperties::default()));
    refused(
        "has an instant outside ",
        "; deliver NULL in its place, or an instant up to 9999-12-31",
    );
    let last_of_all = Some(253_402_214_400_000);
    let times = TimestampMillisecondArray::from(vec![None, last_of_all, None, last_of_all]);
    let times = Rows::orders(4).with("ordered_at", Arc::new(times.with_timezone("UTC")));
    put(4, &times.bytes(WriterProperties::default()));

    let mut cut = whole(5);
    cut[4..120].fill(0xff);
    put(5, &cut);
    refused("is damaged: ", "; deliver the file again");
    put(5, &whole(5));

    let (passes, said) = said(&project, &NIGHT);
    assert!(passes, "{said}");
}

/// The file with other bytes at every place that has these.
fn replaced(file: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut file = file.to_vec();
    let places = 0..=file.len() - from.len();
    let places: Vec<usize> = places.filter(|at| file[*at..].starts_with(from)).collect();
    assert!(!places.is_empty(), "{from:?} is nowhere");
    for at in places {
        file[at..at + from.len()].copy_from_slice(to);
    }
    file
}
