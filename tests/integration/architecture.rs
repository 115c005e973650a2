//! Rules on the source tree that the compiler does not keep.
//!
//! 1. Imports point one way: a module uses only modules above it in `src/lib.rs`
//!    ([`misplaced_imports`]).
//! 2. Delta Lake is known to `drafts`, `publish` and the reader of Delta sources alone.
//! 3. Published tables are named in `tables` alone: everybody else goes by the list there.
//! 4. The engine's session is known to `engine` alone.
//! 5. Every SQL model says in a comment what it is.
//! 6. What documents name is there.
//! 7. No files use each other in a circle ([`circles`]).

mod circles;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;
use tierline::tables::OUR_NAMES;

use self::circles::SourceTree;

/// The modules that may name the Delta Lake library.
const KNOW_DELTA: [&str; 2] = ["drafts", "publish"];

/// And the one file besides: sources may be Delta tables, but nobody else is to know.
const READS_DELTA_SOURCES: &str = "src/inputs/delta.rs";

/// What `sample` may use: it makes data for the engine, and must not lean on the engine.
const SAMPLE_USES: [&str; 1] = ["ground"];

/// A comment, up to the end of its line. A URL's slashes follow a colon.
static COMMENT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)(^|[ \t])//.*$").unwrap());

/// What a path to another module begins with.
static WAY_OUT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b(crate::|(super::)+)").unwrap());

static TOKEN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\w+|\S").unwrap());

#[test]
fn modules_use_only_modules_above_them() {
    let order = modules_in_order(&read("src/lib.rs"));
    assert_none(&over_source_files(&order, |file, module| {
        misplaced_imports(file, module, &order)
    }));
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let files = files_below("src", "rs").into_iter();
    let files = files.map(|path| {
        let text = read(&path);
        let code = COMMENT.replace_all(&text, "").into_owned();
        (path, code)
    });
    let tree = SourceTree::of(files);
    let circles = tree.circles().into_iter();
    let problems = circles.map(|circle| {
        let files = circle.join(", ");
        format!(
            "{files}: these files use each other; give what ties them a file of its own, or make them one"
        )
    });
    assert_none(&problems.collect::<Vec<_>>());
}

#[test]
fn only_drafts_publish_and_the_reader_of_delta_sources_know_delta() {
    let order = modules_in_order(&read("src/lib.rs"));
    assert_none(&over_source_files(&order, |file, module| {
        if KNOW_DELTA.contains(&module) || file.path == READS_DELTA_SOURCES {
            return Vec::new();
        }
        let rule = format!(
            "only {} and {READS_DELTA_SOURCES} know Delta Lake",
            KNOW_DELTA.join(", ")
        );
        file.lines_with("deltalake_core")
            .map(|line| format!("{}:{line}: names `deltalake_core`: {rule}", file.path))
            .collect()
    }));
}

#[test]
fn published_tables_are_named_in_the_one_list_alone() {
    let order = modules_in_order(&read("src/lib.rs"));
    assert_none(&over_source_files(&order, |file, module| {
        if module == "tables" || is_for_tests(&file.path) {
            return Vec::new();
        }
        let code = file.code.split("#[cfg(test)]").next().unwrap();
        let named = OUR_NAMES.into_iter().filter(|name| {
            let literal = format!("\"{name}\"");
            code.contains(&literal)
        });
        let path = &file.path;
        named
            .map(|name| format!("{path}: names \"{name}\"; take it from `tables`"))
            .collect()
    }));
}

#[test]
fn only_the_engine_room_knows_the_engines_session() {
    let order = modules_in_order(&read("src/lib.rs"));
    assert_none(&over_source_files(&order, |file, module| {
        let lines = file.lines_with("SessionContext");
        let lines = lines.filter(|_| module != "engine");
        let path = &file.path;
        lines
            .map(|line| {
                format!("{path}:{line}: names `SessionContext`; go through `engine::Session`")
            })
            .collect()
    }));
}

#[test]
fn the_readme_lists_the_published_tables() {
    let readme = read("README.md");
    let section = readme.split("## The tables\n").nth(1).unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with("| `"));
    let rows = rows.take_while(|line| line.starts_with("| `"));
    let mut listed: Vec<&str> = rows.map(|row| row.split('`').nth(1).unwrap()).collect();
    listed.sort_unstable();
    let mut expected = [&OUR_NAMES[..], &["publications"]].concat();
    expected.sort_unstable();
    assert_eq!(listed, expected);
}

#[test]
fn the_house_has_the_modules_in_their_order() {
    let house = read("ARCHITECTURE.md");
    let rows = house
        .lines()
        .skip_while(|line| !line.starts_with("| module"));
    let rows = rows.take_while(|line| line.starts_with('|'));
    let first_cells = rows.filter_map(|row| row.split('|').nth(1));
    let name = Regex::new(r"`(\w+)`").unwrap();
    let listed: Vec<&str> = first_cells
        .flat_map(|cell| name.captures_iter(cell))
        .map(|found| found.get(1).unwrap().as_str())
        .collect();
    assert_eq!(listed, modules_in_order(&read("src/lib.rs")));
}

#[test]
fn paths_that_documents_name_are_there() {
    let path = Regex::new(r"(?:`|\]\()((?:src|sql|tests|ci|jobs)/[\w./*-]+)").unwrap();
    let documents = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(str::to_owned);
    for document in files_below("docs", "md").into_iter().chain(documents) {
        let text = read(&document);
        let named = path.captures_iter(&text).map(|found| found[1].to_owned());
        let missing: Vec<String> = named
            .filter(|path| !path.contains('*') && !package().join(path).exists())
            .map(|path| format!("{document}: names `{path}`, which is not there"))
            .collect();
        assert_none(&missing);
    }
}

#[test]
fn every_model_begins_with_a_comment() {
    let models = files_below("sql", "sql");
    assert!(!models.is_empty(), "no model below sql/");
    let silent = models
        .iter()
        .filter(|path| !read(path).starts_with("-- "))
        .map(|path| format!("{path}:1: a model begins with a comment that says what it is"));
    assert_none(&silent.collect::<Vec<_>>());
}

#[test]
fn imports_are_found_wherever_they_stand() {
    let text = "\
//! Of [`night`](crate::night) a comment may speak.
use crate::{
    ground::{Failure, SnapshotDate}, // no matter how they are grouped
    night,
};
pub(crate) use crate::cli::main;
fn total() { crate::publish::total(super::models::count(), super::helper()) }
";
    let file = SourceFile::new("src/tiles/mod.rs", text);
    let order = ["ground", "models", "tiles", "publish", "night", "cli"].map(str::to_owned);
    insta::assert_snapshot!(misplaced_imports(&file, "tiles", &order).join("\n"), @r"
    src/tiles/mod.rs:4: imports `crate::night`: `tiles` may use only ground, models
    src/tiles/mod.rs:6: imports `crate::cli`: `tiles` may use only ground, models
    src/tiles/mod.rs:7: imports `crate::publish`: `tiles` may use only ground, models
    ");
}

#[test]
fn imports_by_way_of_super_are_found() {
    let order = ["tiles", "night"].map(str::to_owned);
    let misplaced = |path, text| misplaced_imports(&SourceFile::new(path, text), "tiles", &order);
    assert_eq!(misplaced("src/tiles/mod.rs", "use super::night;").len(), 1);
    let deeper = "use super::super::{night::Report, tiles};";
    assert_eq!(misplaced("src/tiles/rollup.rs", deeper).len(), 1);
    let of_its_own = "use super::night::Report;";
    assert!(misplaced("src/tiles/rollup.rs", of_its_own).is_empty());
}

#[test]
fn sample_leans_on_nothing_of_the_engine() {
    let order = ["ground", "job", "night", "sample"].map(str::to_owned);
    let file = SourceFile::new("src/sample/mod.rs", "use crate::{ground, night};");
    assert_eq!(
        misplaced_imports(&file, "sample", &order),
        ["src/sample/mod.rs:1: imports `crate::night`: `sample` may use only ground"]
    );
}

/// The imports of `file`, which is of `module`, that lead to a module it may not use.
fn misplaced_imports(file: &SourceFile, module: &str, order: &[String]) -> Vec<String> {
    let mut allowed: Vec<&str> = order.iter().map(String::as_str).collect();
    allowed.truncate(order.iter().take_while(|above| *above != module).count());
    if module == "sample" {
        allowed.retain(|above| SAMPLE_USES.contains(above));
    }
    let rule = match allowed.as_slice() {
        [] => "no other module".to_owned(),
        allowed => format!("only {}", allowed.join(", ")),
    };
    file.imports(order)
        .into_iter()
        .filter(|import| import.name != module && !allowed.contains(&import.name.as_str()))
        .map(|Import { line, name }| {
            let path = &file.path;
            format!("{path}:{line}: imports `crate::{name}`: `{module}` may use {rule}")
        })
        .collect()
}

/// A name at the root of the crate, and the line it is used on.
struct Import {
    line: usize,
    name: String,
}

/// A source file without its comments, which may name what they like.
struct SourceFile {
    /// From the root of the package.
    path: String,
    code: String,
}

impl SourceFile {
    fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            code: COMMENT.replace_all(text, "").into_owned(),
        }
    }

    /// Every name that follows `crate::`, or that follows enough `super::` to reach a module of
    /// the root.
    fn imports(&self, modules: &[String]) -> Vec<Import> {
        let mut imports = Vec::new();
        for start in WAY_OUT.find_iter(&self.code) {
            let names = names_at(&self.code, start.end());
            let supers = start.as_str().matches("super::").count();
            let is_absolute = supers == 0;
            let leaves_module = supers >= self.depth();
            for (at, name) in names {
                if is_absolute || leaves_module && modules.contains(&name) {
                    let line = self.line_of(at);
                    imports.push(Import { line, name });
                }
            }
        }
        imports
    }

    /// How many modules deep the file is: 1 for `src/plan/mod.rs`, 2 for `src/plan/facts.rs`.
    fn depth(&self) -> usize {
        let below_src = self.path.trim_start_matches("src/");
        below_src.trim_end_matches("/mod.rs").split('/').count()
    }

    /// The numbers of the lines that hold `text`.
    fn lines_with(&self, text: &str) -> impl Iterator<Item = usize> {
        let places = self.code.match_indices(text);
        places.map(|(at, _)| self.line_of(at))
    }

    fn line_of(&self, position: usize) -> usize {
        self.code[..position].matches('\n').count() + 1
    }
}

/// The name at `start`, or every first name of the `{..}` there, each with its position.
fn names_at(code: &str, start: usize) -> Vec<(usize, String)> {
    let mut names = Vec::new();
    let mut depth = 0;
    let mut expects_name = true;
    for token in TOKEN.find_iter(&code[start..]) {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," => expects_name = depth == 1,
            name if expects_name => {
                names.push((start + token.start(), name.to_owned()));
                expects_name = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

/// Whether a file is compiled for tests alone.
fn is_for_tests(path: &str) -> bool {
    path.ends_with("testing.rs") || path.ends_with("tests.rs")
}

/// The modules of `src/lib.rs`, from the ground up.
fn modules_in_order(lib: &str) -> Vec<String> {
    let module = Regex::new(r"(?m)^(?:pub )?mod (\w+);$").unwrap();
    let modules = module.captures_iter(lib);
    modules.map(|found| found[1].to_owned()).collect()
}

/// What `check` says about every source file of every module.
fn over_source_files(
    modules: &[String],
    check: impl Fn(&SourceFile, &str) -> Vec<String>,
) -> Vec<String> {
    let mut problems = Vec::new();
    for module in modules {
        let paths = files_below(&format!("src/{module}"), "rs");
        assert!(!paths.is_empty(), "no source file below src/{module}/");
        for path in paths {
            let file = SourceFile::new(&path, &read(&path));
            problems.extend(check(&file, module));
        }
    }
    problems
}

/// The files below a folder of the package, by extension, as paths from its root.
fn files_below(folder: &str, extension: &str) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(package().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                files.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}

fn read(path: &str) -> String {
    fs::read_to_string(package().join(path)).unwrap()
}

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}
