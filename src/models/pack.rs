//! A SQL pack: the files of a folder, or the built-in ones that the binary carries.
//!
//! ```text
//! sql/parameters.toml            defaults of the $parameters
//! sql/<folder>/<name>.sql        the model `folder.name`
//! sql/reference/<name>.csv       the table `reference.name`
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use crate::ground::{Diagnostic, Folder, Problems, SourceFile, TableName};

/// The pack that the binary carries.
pub static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sql");

const PARAMETERS: &str = "parameters.toml";

/// The files of a pack, unread beyond their text.
#[derive(Debug, Clone)]
pub struct SqlPack {
    /// `parameters.toml`, empty when the pack has none.
    pub parameters: SourceFile,
    /// Every `.sql` file with the table it defines, sorted by table.
    pub models: Vec<(TableName, SourceFile)>,
    /// Every reference CSV with the table it defines, sorted by table.
    pub references: Vec<(TableName, SourceFile)>,
}

impl SqlPack {
    /// Reads the pack in `folder`, or the built-in one.
    ///
    /// # Errors
    /// A folder or file that cannot be read, and names that are no table names.
    pub fn load(folder: Option<&Path>) -> Result<Self, Problems> {
        match folder {
            Some(folder) => Self::from_folder(folder),
            None => Self::from_files(built_in_files()),
        }
    }

    /// A pack from texts by path, as [`texts`](Self::texts) gives them; `origin` says in messages
    /// where they come from.
    ///
    /// # Errors
    /// Names that are no table names.
    pub fn from_texts(texts: &BTreeMap<String, String>, origin: &str) -> Result<Self, Problems> {
        Self::from_files(texts.iter().map(|(path, text)| {
            let file = SourceFile::new(format!("{origin}/{path}"), text.as_str());
            (PathBuf::from(path), file)
        }))
    }

    /// The text of each file by its path below the pack's folder.
    pub fn texts(&self) -> BTreeMap<String, String> {
        let models = self.models.iter().map(|model| (model, "sql"));
        let references = self.references.iter().map(|reference| (reference, "csv"));
        let named = models.chain(references).map(|((name, file), extension)| {
            let path = format!("{}/{}.{extension}", name.folder, name.name);
            (path, file.text.to_string())
        });
        let parameters = (PARAMETERS.to_owned(), self.parameters.text.to_string());
        std::iter::once(parameters).chain(named).collect()
    }

    fn from_folder(folder: &Path) -> Result<Self, Problems> {
        let mut files = Vec::new();
        let mut problems = Problems::default();
        for part in [""].into_iter().chain(Folder::ALL.map(Folder::as_str)) {
            let part_folder = folder.join(part);
            if !part.is_empty() && !part_folder.is_dir() {
                continue;
            }
            if let Some(read) = problems.keep(files_in(&part_folder)) {
                files.extend(read.into_iter().map(|(name, text)| {
                    (
                        PathBuf::from(part).join(&name),
                        part_folder.join(&name),
                        text,
                    )
                }));
            }
        }
        problems.or_ok(())?;
        Self::from_files(files.into_iter().map(|(relative, path, text)| {
            (relative, SourceFile::new(path.display().to_string(), text))
        }))
    }

    fn from_files(
        files: impl IntoIterator<Item = (PathBuf, SourceFile)>,
    ) -> Result<Self, Problems> {
        let mut pack = Self {
            parameters: SourceFile::new(PARAMETERS, ""),
            models: Vec::new(),
            references: Vec::new(),
        };
        let mut problems = Problems::default();
        for (relative, file) in files {
            if let Some(problem) = pack.add(&relative, file).err() {
                problems.push(problem);
            }
        }
        pack.models.sort_by(|left, right| left.0.cmp(&right.0));
        pack.references.sort_by(|left, right| left.0.cmp(&right.0));
        problems.or_ok(pack)
    }

    /// Sorts a file in by its path; files that are neither models nor references are left alone.
    fn add(&mut self, relative: &Path, file: SourceFile) -> Result<(), Diagnostic> {
        if relative == Path::new(PARAMETERS) {
            self.parameters = file;
            return Ok(());
        }
        let folder = relative.parent().and_then(Path::to_str).unwrap_or_default();
        let Some(folder) = Folder::ALL
            .into_iter()
            .find(|known| known.as_str() == folder)
        else {
            return Ok(());
        };
        let stem = relative.file_stem().and_then(|stem| stem.to_str());
        let extension = relative
            .extension()
            .and_then(|extension| extension.to_str());
        let tables = match extension {
            Some("sql") if folder.holds_models() => &mut self.models,
            Some("csv") if folder == Folder::Reference => &mut self.references,
            Some("sql") => {
                let message = format!("`{folder}` holds no SQL models");
                return Err(Diagnostic::at(&file, 0..0, message).help(
                    "move the file to staging, rollups, features, tiers, publish or audits",
                ));
            }
            _ => return Ok(()),
        };
        let name = stem.unwrap_or_default();
        if !is_identifier(name) {
            let message = format!("`{name}` cannot be a table name");
            return Err(Diagnostic::at(&file, 0..0, message)
                .help("name the file with lowercase letters, digits and underscores"));
        }
        tables.push((TableName::new(folder, name), file));
        Ok(())
    }
}

/// Whether `name` reads the same in every engine without quotes.
fn is_identifier(name: &str) -> bool {
    let tail_is_plain = |character: char| {
        character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_'
    };
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.chars().all(tail_is_plain)
}

fn built_in_files() -> Vec<(PathBuf, SourceFile)> {
    let folders = BUILT_IN.dirs().flat_map(Dir::files);
    BUILT_IN
        .files()
        .chain(folders)
        .filter_map(|file| {
            let name = format!("sql/{}", file.path().display());
            let text = file.contents_utf8()?;
            Some((file.path().to_owned(), SourceFile::new(name, text)))
        })
        .collect()
}

/// The models, references and parameters directly in `folder`, by file name.
fn files_in(folder: &Path) -> Result<Vec<(String, String)>, Diagnostic> {
    let unreadable = |path: &Path, error: std::io::Error| {
        Diagnostic::new(format!("cannot read `{}`: {error}", path.display()))
            .help("`sql` in the job file names the folder of the SQL pack; leave it out for the built-in pack")
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        let is_ours = path.extension().is_some_and(|extension| {
            extension == "sql" || extension == "csv" || extension == "toml"
        });
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if is_ours && path.is_file() {
            let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            files.push((name.to_owned(), text));
        }
    }
    Ok(files)
}
