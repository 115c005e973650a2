//! Circles between files: files that use each other are one idea in several places, and nobody can
//! read one of them without the others.
//!
//! 1. [`SourceTree::of`]: the files by their module paths, without comments and tests, and what each
//!    re-exports.
//! 2. [`SourceTree::uses`]: the files that a file uses, by its `use` lines and by the paths in its
//!    code. A name that a module re-exports counts as that of the file which defines it; to re-export
//!    something is not to use it.
//! 3. [`circles`]: the sets of files each of which leads to all others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

static USE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^[ \t]*(pub(?:\([^)]*\))? )?use ([^;]+);").unwrap());

/// A path of more than one name.
static PATH: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b\w+(?:::\w+)+").unwrap());

/// `pub(in crate::..)`, which says who may use something and uses nothing.
static SEEN_BY: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"pub\(in [^)]*\)").unwrap());

/// The names of a path, such as `crate`, `plan`, `facts`, `Facts`.
type Names = Vec<String>;

/// The source files, each by its names below the root of the crate.
pub(super) struct SourceTree {
    files: BTreeMap<Names, File>,
}

struct File {
    /// From the root of the package.
    path: String,
    /// Without comments and tests.
    code: String,
    /// Where the names that it re-exports are from.
    re_exports: BTreeMap<String, Names>,
}

impl SourceTree {
    /// Files by their paths from the root of the package, with their texts without comments.
    pub(super) fn of(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let files = files.into_iter().map(|(path, text)| {
            let names = module_of(&path);
            let code = text.split("\nmod tests {").next().unwrap();
            let code = SEEN_BY.replace_all(code, "pub").into_owned();
            let re_exports = BTreeMap::new();
            let file = File {
                path,
                code,
                re_exports,
            };
            (names, file)
        });
        let mut tree = Self {
            files: files.collect(),
        };
        let modules: Vec<Names> = tree.files.keys().cloned().collect();
        for module in modules {
            let re_exports = tree.re_exports_of(&module);
            tree.files.get_mut(&module).unwrap().re_exports = re_exports;
        }
        tree
    }

    fn re_exports_of(&self, module: &[String]) -> BTreeMap<String, Names> {
        let re_exports = USE.captures_iter(&self.files[module].code);
        let re_exports = re_exports.filter(|found| found.get(1).is_some());
        let paths = re_exports.flat_map(|found| paths_in(&found[2]));
        let absolute = paths.filter_map(|path| self.absolute(module, &path));
        absolute
            .filter_map(|path| Some((path.last()?.clone(), path.clone())))
            .collect()
    }

    /// A path from the root of the crate; none when it leads to other crates.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Names> {
        let (first, rest) = path.split_first()?;
        let child = [module, std::slice::from_ref(first)].concat();
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([module, rest].concat()),
            "super" => {
                let supers = path.iter().take_while(|name| *name == "super").count();
                let above = &module[..module.len().checked_sub(supers)?];
                Some([above, &path[supers..]].concat())
            }
            _ if self.files.contains_key(&child) => Some([module, path].concat()),
            _ => None,
        }
    }

    /// The module whose file defines what a path names.
    fn definer(&self, path: &[String]) -> Option<&[String]> {
        let lengths = (1..=path.len()).rev();
        let mut known = lengths.filter_map(|length| self.files.get_key_value(&path[..length]));
        let (module, file) = known.next()?;
        let next = path.get(module.len());
        match next.and_then(|name| file.re_exports.get(name)) {
            Some(origin) if origin[..] != path[..=module.len()] => self.definer(origin),
            _ => Some(module),
        }
    }

    /// The modules that a module uses.
    fn uses(&self, module: &[String]) -> BTreeSet<&[String]> {
        let code = &self.files[module].code;
        let imports = USE.captures_iter(code);
        let imports = imports.filter(|found| found.get(1).is_none());
        let imports = imports.flat_map(|found| paths_in(&found[2]));
        let body = USE.replace_all(code, "");
        let in_code = PATH.find_iter(&body);
        let in_code = in_code.map(|found| found.as_str().split("::").map(str::to_owned).collect());
        let paths = imports.chain(in_code.collect::<Vec<Names>>());
        let absolute = paths.filter_map(|path| self.absolute(module, &path));
        let used = absolute.filter_map(|path| self.definer(&path));
        used.filter(|used| *used != module).collect()
    }

    /// The circles, as the paths of their files.
    pub(super) fn circles(&self) -> Vec<Vec<&str>> {
        let files = self.files.iter();
        let counted = files.filter(|(_, file)| !super::is_for_tests(&file.path));
        let uses: BTreeMap<&[String], BTreeSet<&[String]>> = counted
            .map(|(module, _)| (module.as_slice(), self.uses(module)))
            .collect();
        let path = |module: &[String]| self.files[module].path.as_str();
        circles(&uses)
            .into_iter()
            .map(|circle| circle.into_iter().map(path).collect())
            .collect()
    }
}

/// The sets of more than one, each member of which leads to all others.
fn circles<'a>(
    uses: &BTreeMap<&'a [String], BTreeSet<&'a [String]>>,
) -> BTreeSet<BTreeSet<&'a [String]>> {
    let reached: BTreeMap<_, _> = uses
        .keys()
        .map(|from| (*from, reached(from, uses)))
        .collect();
    let circle = |from: &'a [String]| {
        let mutual = reached[from].iter().copied();
        mutual
            .filter(|to| reached.get(to).is_some_and(|back| back.contains(from)))
            .collect::<BTreeSet<_>>()
    };
    let circles = uses.keys().map(|from| circle(from));
    circles.filter(|circle| circle.len() > 1).collect()
}

fn reached<'a>(
    from: &[String],
    uses: &BTreeMap<&'a [String], BTreeSet<&'a [String]>>,
) -> BTreeSet<&'a [String]> {
    let mut found = BTreeSet::new();
    let mut waiting: Vec<&[String]> = vec![from];
    while let Some(module) = waiting.pop() {
        for used in uses.get(module).into_iter().flatten() {
            if found.insert(*used) {
                waiting.push(used);
            }
        }
    }
    found
}

/// `["plan", "facts"]` for `src/plan/facts.rs`, and `["plan"]` for `src/plan/mod.rs`.
fn module_of(path: &str) -> Names {
    let below = path.trim_start_matches("src/").trim_end_matches(".rs");
    let names = below.split('/').filter(|name| *name != "mod");
    names.map(str::to_owned).collect()
}

/// The paths of a `use`, its groups written out. A path to `self` is that of the module.
fn paths_in(tree: &str) -> Vec<Names> {
    let tree = tree.trim();
    let Some((before, group)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap();
        let names = path.split("::").map(|name| name.trim().to_owned());
        let mut names: Names = names.filter(|name| !name.is_empty()).collect();
        if names.len() > 1 && names.last().is_some_and(|name| name == "self") {
            names.pop();
        }
        return vec![names];
    };
    let group = group.trim_end().trim_end_matches('}');
    let members = split_at_depth_0(group).into_iter();
    let whole = members.filter(|member| !member.trim().is_empty());
    whole
        .flat_map(|member| paths_in(&format!("{before}{}", member.trim())))
        .collect()
}

/// The parts between commas that are in no group.
fn split_at_depth_0(group: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&group[start..]);
    parts
}

fn circles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let files = files.iter();
    let files = files.map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    let tree = SourceTree::of(files);
    let circles = tree.circles().into_iter();
    circles
        .map(|circle| circle.into_iter().map(str::to_owned).collect())
        .collect()
}

#[test]
fn files_that_use_each_other_are_a_circle() {
    let of_two = [
        ("src/plan/mod.rs", "mod facts;\nmod text;\n"),
        ("src/plan/facts.rs", "use super::text::Text;\n"),
        (
            "src/plan/text.rs",
            "fn text(facts: crate::plan::facts::Facts) {}\n",
        ),
    ];
    assert_eq!(
        circles_of(&of_two),
        [["src/plan/facts.rs", "src/plan/text.rs"]]
    );
}

#[test]
fn a_module_and_its_child_are_a_circle_when_both_define_something() {
    let of_child = [
        (
            "src/plan/mod.rs",
            "mod facts;\nfn plan() { facts::gather() }\n",
        ),
        ("src/plan/facts.rs", "use super::{Plan, Rules};\n"),
    ];
    let circle = ["src/plan/mod.rs", "src/plan/facts.rs"];
    assert_eq!(circles_of(&of_child), [circle]);
}

#[test]
fn a_re_exported_name_is_of_the_file_that_defines_it() {
    let by_re_export = [
        (
            "src/plan/mod.rs",
            "mod facts;\nmod rules;\npub use self::{facts::{Facts, Days as Dates}, rules::Rules};\nuse facts::gather;\n",
        ),
        ("src/plan/facts.rs", "use super::Rules;\n"),
        ("src/plan/rules.rs", "use crate::ground::Failure;\n"),
        ("src/ground/mod.rs", "pub struct Failure;\n"),
    ];
    assert_eq!(circles_of(&by_re_export), Vec::<Vec<String>>::new());
    let mut back = by_re_export;
    back[2].1 = "use crate::plan::Facts;\n";
    assert_eq!(
        circles_of(&back),
        [["src/plan/facts.rs", "src/plan/rules.rs"]]
    );
}

#[test]
fn tests_and_visibilities_use_nothing() {
    let files = [
        ("src/plan/mod.rs", "mod facts;\nuse self::facts::Facts;\n"),
        (
            "src/plan/facts.rs",
            "pub(in crate::plan) struct Facts;\n#[cfg(test)]\nmod tests {\n    use crate::plan::Plan;\n}\n",
        ),
    ];
    assert_eq!(circles_of(&files), Vec::<Vec<String>>::new());
}
