//! The book in `docs/`, and the pages beside it:
//!
//! 1. The page of the tables is what `tierline docs` prints.
//! 2. Every page is in SUMMARY.md, and every one of SUMMARY.md is there.
//! 3. Links lead to files and headings that are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

use crate::bad_input::project::Project;
use crate::support::command::Tierline;

static LINK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\]\(([^)\s]+)\)").unwrap());

/// What mdBook puts a file in the place of.
static INCLUDE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{\{#include ([^}]+)\}\}").unwrap());

/// A block or a span of code, in which nothing is a link or a heading.
static CODE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?s)```.*?```|`[^`\n]*`").unwrap());

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A page with what it includes.
fn text_of(page: &Path) -> String {
    let text = fs::read_to_string(page).unwrap();
    let folder = page.parent().unwrap();
    let included =
        |found: &regex::Captures<'_>| fs::read_to_string(folder.join(&found[1])).unwrap();
    INCLUDE.replace_all(&text, included).into_owned()
}

/// The pages of the book, SUMMARY.md left out.
fn pages() -> BTreeSet<PathBuf> {
    let files = fs::read_dir(package().join("docs/src")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .filter(|path| !path.ends_with("SUMMARY.md"))
        .collect()
}

/// The links of a page.
fn links(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let text = CODE.replace_all(&text, "");
    let links = LINK.captures_iter(&text).map(|link| link[1].to_owned());
    links.filter(|link| !link.contains("://")).collect()
}

/// What links call a page's headings.
fn headings(page: &Path) -> BTreeSet<String> {
    let text = text_of(page);
    let blocks = Regex::new(r"(?s)```.*?```").unwrap();
    let text = blocks.replace_all(&text, "").into_owned();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter_map(|letter| match letter {
                ' ' => Some('-'),
                '-' | '_' => Some(letter),
                letter => letter.is_alphanumeric().then_some(letter),
            });
            kept.collect()
        })
        .collect()
}

#[test]
fn the_page_of_the_tables_is_what_docs_prints() {
    let printed = Tierline::new()
        .current_dir(package())
        .args(["docs", "jobs/production.toml"])
        .run();
    assert_eq!(printed.exit_code, 0, "{printed:?}");
    let page = fs::read_to_string(package().join("docs/src/tables.md")).unwrap();
    let update = "write it anew: tierline docs jobs/production.toml > docs/src/tables.md";
    assert!(
        page == printed.stdout,
        "docs/src/tables.md is not up to date; {update}"
    );
    // Where there is no job it is the pack that the binary carries.
    let shipped = Tierline::new().args(["docs"]).run();
    assert_eq!(shipped, printed);
    let silent = page.lines().filter(|line| line.ends_with("|  |"));
    assert_eq!(silent.collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn docs_has_the_tables_and_columns_of_the_jobs_own() {
    let sql = "-- Who | what.\nSELECT\n    user_id,  -- of < 9\n    value_tier\nFROM publish.tier_snapshot\n";
    let project = Project::new()
        .write("sql/publish/call_list.sql", sql)
        .append("job.toml", "[tables.call_list]\nkey = [\"user_id\"]\n");
    let printed = project.call(&["docs", "job.toml"]);
    assert_eq!(printed.exit_code, 0, "{printed:?}");
    let (_, section) = printed.stdout.split_once("\n## call_list\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    insta::assert_snapshot!(section.trim(), @r"
    Who \| what.

    - Key: `user_id`, once for each date
    - Dates: every published one, in partitions by `snapshot_date`
    - Comes from: `sql/publish/call_list.sql`

    | column | type | what it means |
    |---|---|---|
    | `snapshot_date` | DATE | the last business day that the row knows of |
    | `user_id` | BIGINT | of &lt; 9 |
    | `value_tier` | VARCHAR |  |
    ");
    let (_, publications) = printed.stdout.split_once("\n## publications\n").unwrap();
    assert!(publications.contains("| `call_list_version` | BIGINT |"));
}

#[test]
fn the_summary_has_every_page() {
    let summary = package().join("docs/src/SUMMARY.md");
    let listed = links(&summary).into_iter();
    let listed: BTreeSet<PathBuf> = listed.map(|page| summary.with_file_name(page)).collect();
    assert_eq!(listed, pages());
}

#[test]
fn links_lead_somewhere() {
    let beside = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "sql/README.md",
    ];
    let beside = beside.map(|page| package().join(page));
    let mut broken = Vec::new();
    for page in pages().into_iter().chain(beside) {
        for link in links(&page) {
            let (path, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => page.clone(),
                path => page.parent().unwrap().join(path),
            };
            let is_there =
                target.exists() && (heading.is_empty() || headings(&target).contains(heading));
            if !is_there {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}
