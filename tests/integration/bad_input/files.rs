//! Partitions and Parquet files. What breaks the contract blocks publication (3); what is not
//! there yet is worth waiting for (4).

use super::lake::{LAST_DAY, Rows, file_of};
use super::project::{Project, files_below};

#[test]
fn missing_column_is_told_with_those_that_are_there() {
    let project = Project::new()
        .deliver("orders", 3, &Rows::orders(3).without("amount"))
        .deliver("engagement", 4, &Rows::engagement(4).without("event_type"));
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    error: source `engagement` lacks the required column `event_type` in file://[PROJECT]/data/engagement/dt=2026-03-04/part-0.parquet
     --> sql/staging/engagement.sql:6:12
      |
    6 |     events.event_type,
      |            ^^^^^^^^^^
      |
      = help: the file has: user_id, occurred_at; deliver the column, or map another one in sql/staging/engagement.sql and declare it under [sources.engagement.columns]

    error: source `orders` lacks the required column `amount` in file://[PROJECT]/data/orders/dt=2026-03-03/part-0.parquet
     --> sql/staging/orders.sql:7:5
      |
    7 |     amount,                                           -- what the user paid
      |     ^^^^^^
      |
      = help: the file has: order_id, user_id, ordered_at, status; deliver the column, or map another one in sql/staging/orders.sql and declare it under [sources.orders.columns]

    2 problems
    ");
}

/// Half a megabyte more between the rows of a file and its end, which no reader looks at.
fn with_a_gap(file: &[u8]) -> Vec<u8> {
    let end = file.len() - 8;
    let metadata = u32::from_le_bytes(file[end..end + 4].try_into().unwrap());
    let (rows, end) = file.split_at(end - metadata as usize);
    [rows, &vec![0; 1 << 19], end].concat()
}

/// The model with the error is one of the last to be computed.
#[test]
fn sql_is_checked_before_much_history_is_read() {
    let project = Project::new().edit("sql/publish/alerts.sql", "MAX(value)", "MAX(valeu)");
    let refused_without_tiles = |project: &Project| {
        let said = project.refused_run();
        assert!(said.contains("unknown column `valeu`"), "{said}");
        files_below(&project.path("output/tiles")).is_empty()
    };
    assert!(
        !refused_without_tiles(&project),
        "a look at the SQL costs more than to read so little"
    );
    std::fs::remove_dir_all(project.path("output")).unwrap();
    let rows = std::fs::read(project.path(&file_of("orders", 1))).unwrap();
    for day in 1..=31 {
        let folder = project.path(&format!("data/orders/dt=2026-01-{day:02}"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("part-0.parquet"), with_a_gap(&rows)).unwrap();
    }
    std::fs::write(project.path(&file_of("orders", 1)), with_a_gap(&rows)).unwrap();
    assert!(refused_without_tiles(&project));
}

#[test]
fn type_that_would_lose_digits_is_refused() {
    let project = Project::new().deliver("orders", 3, &Rows::orders(3).with_double("amount", 10.0));
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    error: column `amount` of source `orders` is DOUBLE in file://[PROJECT]/data/orders/dt=2026-03-03/part-0.parquet; DECIMAL(18,2) is expected and cannot be had without loss
     |
     = help: deliver it as DECIMAL(18,2), or declare its type under [sources.orders.columns] and CAST it in staging SQL: CAST(amount AS DECIMAL(18,2))
    ");
}

#[test]
fn files_of_one_source_must_agree_about_ids() {
    let rows = Rows::orders(3).with_text("user_id", "1003");
    let project = Project::new().deliver("orders", 3, &rows);
    insta::assert_snapshot!(project.refused_run(), @r#"
    exit code 3

    error: files of source `orders` disagree about `user_id`: it is VARCHAR in file://[PROJECT]/data/orders/dt=2026-03-03/part-0.parquet, but BIGINT in file://[PROJECT]/data/orders/dt=2026-03-01/part-0.parquet and 4 more
     |
     = help: deliver one type in all files, or declare user_id = "VARCHAR" under [sources.orders.columns]
    "#);
}

#[test]
fn sources_must_agree_about_user_ids() {
    let with_text_ids = |project: Project, day: u32| {
        let rows = Rows::engagement(day).with_text("user_id", "1001");
        project.deliver("engagement", day, &rows)
    };
    let project = (1..=LAST_DAY).fold(Project::new(), with_text_ids);
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    error: `user_id` is BIGINT in `staging.orders` and VARCHAR in `staging.engagement`
     --> sql/staging/orders.sql:5:5
      |
    5 |     user_id,
      |     ^^^^^^^
      |
      = help: deliver one type in all sources, or write CAST(user_id AS VARCHAR) AS user_id here
    ");
}

#[test]
fn files_that_are_not_whole_are_all_named() {
    let project = Project::new().write(&file_of("orders", 2), "user 1002 as text");
    let path = project.path(&file_of("orders", 4));
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    error: file://[PROJECT]/data/orders/dt=2026-03-02/part-0.parquet of source `orders` is truncated or not Parquet: Invalid Parquet file. Corrupt footer
     |
     = help: deliver the file again

    error: file://[PROJECT]/data/orders/dt=2026-03-04/part-0.parquet of source `orders` is truncated or not Parquet: Invalid Parquet file. Corrupt footer
     |
     = help: deliver the file again

    2 problems
    ");
}

#[test]
fn file_with_damaged_pages_blocks_publication() {
    let project = Project::new();
    let path = project.path(&file_of("orders", 4));
    let mut damaged = std::fs::read(&path).unwrap();
    damaged[4..200].fill(0xff);
    std::fs::write(&path, damaged).unwrap();
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    error: column `order_id` of `file://[PROJECT]/data/orders/dt=2026-03-04/part-0.parquet` of source `orders` is damaged: Unexpected struct field type 15; deliver the file again
    ");
}

/// The orders of 6 March as pyarrow writes them, with checksums of the pages.
const WITH_CHECKSUMS: &[u8] = include_bytes!("../../fixtures/page_checksums.parquet");

#[test]
fn flipped_bit_in_a_page_with_a_checksum_is_refused() {
    let with_file = |bytes: &[u8]| {
        let project = Project::new();
        std::fs::write(project.path(&file_of("orders", 6)), bytes).unwrap();
        project
    };
    with_file(WITH_CHECKSUMS).publish("2026-03-06");

    let amounts = 10_00_i64.to_le_bytes().repeat(6);
    let mut pages = WITH_CHECKSUMS.windows(amounts.len());
    let of_amounts = pages.position(|page| page == amounts).unwrap();
    let mut flipped = WITH_CHECKSUMS.to_vec();
    flipped[of_amounts + 2] ^= 0x04;
    insta::assert_snapshot!(with_file(&flipped).refused_run(), @"
    exit code 3

    error: column `amount` of `file://[PROJECT]/data/orders/dt=2026-03-06/part-0.parquet` of source `orders` is damaged: Page CRC checksum mismatch; deliver the file again
    ");
}

#[test]
fn files_outside_partitions_are_refused() {
    let project = Project::new();
    let whole = project.path(&file_of("orders", 4));
    std::fs::copy(&whole, project.path("data/orders/all.parquet")).unwrap();
    std::fs::create_dir(project.path("data/orders/dt=04-03-2026")).unwrap();
    std::fs::copy(
        &whole,
        project.path("data/orders/dt=04-03-2026/part-0.parquet"),
    )
    .unwrap();
    insta::assert_snapshot!(project.refused_run(), @r#"
    exit code 3

    error: source `orders` has files outside partitions: file://[PROJECT]/data/orders/all.parquet
     |
     = help: put them below folders such as dt=2026-11-20; names of files and folders that start with _ or . are skipped

    error: source `orders` has files in partitions whose value is not a day: file://[PROJECT]/data/orders/dt=04-03-2026/part-0.parquet
     |
     = help: put them below a folder such as dt=2026-11-20, or leave such partitions out with odd_days = "skip" under [sources.orders]

    2 problems
    "#);
}

/// What a writer that is still at work, or dead, leaves beside its partitions.
#[test]
fn files_that_nobody_has_delivered_yet_are_not_read() {
    let project = Project::new().publish("2026-03-06");
    let whole = project.path(&file_of("orders", 4));
    for folder in ["_temporary/0/task", ".staging"] {
        let partition = project.path(&format!("data/orders/{folder}/dt=2026-03-04"));
        std::fs::create_dir_all(&partition).unwrap();
        std::fs::copy(&whole, partition.join("part-9.parquet")).unwrap();
    }
    let again = project.call(&["run", "job.toml", "--date", "2026-03-06"]);
    assert!(again.stdout.contains("already published"), "{again:?}");
}

#[test]
fn night_waits_for_the_partitions_of_its_day() {
    let project = Project::new()
        .withhold("orders", LAST_DAY)
        .withhold("engagement", LAST_DAY);
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 4

    error: inputs not ready: source `engagement` has no files in file://[PROJECT]/data/engagement/dt=2026-03-06; source `orders` has no files in file://[PROJECT]/data/orders/dt=2026-03-06 for 2026-03-06; run again when the partition is there, or set required = false for the source
    ");
}

#[test]
fn value_that_cannot_be_cast_is_not_shown() {
    let project = Project::new().edit(
        "sql/publish/tier_snapshot.sql",
        "    users.first_order_day,",
        "    users.first_order_day,\n    CAST(CAST(users.user_id AS VARCHAR) || 'x' AS BIGINT) AS bad,",
    );
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    error: writing the snapshot failed: `users.user_id || 'x'` in publish/tier_snapshot.sql:12 holds a value that cannot be cast to BIGINT; write TRY_CAST(users.user_id || 'x' AS BIGINT), which is NULL there; readers still see what was published before
    ");
}
