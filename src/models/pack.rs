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

use crate::ground::{Diagnostic, Problems, SourceFile, SqlSchema, TableName, is_plain_name};

/// The pack that the binary carries.
pub(crate) static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sql");

const PARAMETERS: &str = "parameters.toml";

/// The files of a pack, unread beyond their text.
#[derive(Debug, Clone)]
pub(crate) struct SqlPack {
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
    pub(crate) fn load(folder: Option<&Path>) -> Result<Self, Problems> {
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
    pub(crate) fn from_texts(
        texts: &BTreeMap<String, String>,
        origin: &str,
    ) -> Result<Self, Problems> {
        Self::from_files(texts.iter().map(|(path, text)| {
            let file = SourceFile::new(format!("{origin}/{path}"), text.as_str());
            (PathBuf::from(path), file)
        }))
    }

    /// The text of each file by its path below the pack's folder.
    pub(crate) fn texts(&self) -> BTreeMap<String, String> {
        let models = self.models.iter().map(|model| (model, "sql"));
        let references = self.references.iter().map(|reference| (reference, "csv"));
        let named = models.chain(references).map(|((name, file), extension)| {
            let path = format!("{}/{}.{extension}", name.schema, name.name);
            (path, file.text.to_string())
        });
        let parameters = (PARAMETERS.to_owned(), self.parameters.text.to_string());
        std::iter::once(parameters).chain(named).collect()
    }

    fn from_folder(folder: &Path) -> Result<Self, Problems> {
        let mut files = Vec::new();
        files_below(folder, Path::new(""), &mut files)
            .map_err(|problem| Problems(vec![problem]))?;
        Self::from_files(files)
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
        let mut folders = SqlSchema::ALL.into_iter();
        let known = folders.find(|known| known.as_str() == folder);
        let stem = relative.file_stem().and_then(|stem| stem.to_str());
        let extension = relative
            .extension()
            .and_then(|extension| extension.to_str());
        let (folder, tables) = match (extension, known) {
            (Some("sql"), Some(known)) if known.holds_models() => (known, &mut self.models),
            (Some("csv"), Some(SqlSchema::Reference)) => {
                (SqlSchema::Reference, &mut self.references)
            }
            (Some("sql"), _) => {
                let message = match folder {
                    "" => "no SQL models lie outside the pack's folders".to_owned(),
                    folder => format!("`{folder}` holds no SQL models"),
                };
                return Err(Diagnostic::at(&file, 0..0, message).help(
                    "move the file to staging, rollups, features, tiers, publish or audits",
                ));
            }
            (Some("csv"), _) => {
                let message = format!("no SQL reads a CSV of `{folder}`");
                let help = "move the file to reference, whose own folders are not looked into";
                return Err(Diagnostic::at(&file, 0..0, message).help(help));
            }
            (Some(other), _)
                if ["sql", "csv"]
                    .iter()
                    .any(|ours| other.eq_ignore_ascii_case(ours)) =>
            {
                let message = format!("a file that ends in .{other} is not read");
                let help = format!("let its name end in .{}", other.to_lowercase());
                return Err(Diagnostic::at(&file, 0..0, message).help(help));
            }
            _ => return Ok(()),
        };
        let name = stem.unwrap_or_default();
        if !is_plain_name(name) {
            let message = format!("`{name}` cannot be a table name");
            return Err(Diagnostic::at(&file, 0..0, message)
                .help("name the file with lowercase letters, digits and underscores"));
        }
        tables.push((TableName::new(folder, name), file));
        Ok(())
    }
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

/// A link that the pack would be read without: an audit that is not run, a table that is not there.
fn leads_nowhere(path: &Path) -> Diagnostic {
    let message = format!("`{}` is a link that leads nowhere", path.display());
    Diagnostic::new(message).help("restore what it leads to, or remove it")
}

/// Adds the models, references and parameters in `folder` of the pack and below it, by their paths
/// in the pack. Hidden files and folders are none of it.
fn files_below(
    pack: &Path,
    folder: &Path,
    files: &mut Vec<(PathBuf, SourceFile)>,
) -> Result<(), Diagnostic> {
    let unreadable = |path: &Path, error: std::io::Error| {
        Diagnostic::new(format!("cannot read `{}`: {error}", path.display()))
            .help("`sql` in the job file names the folder of the SQL pack; leave it out for the built-in pack")
    };
    let path = pack.join(folder);
    for entry in std::fs::read_dir(&path).map_err(|error| unreadable(&path, error))? {
        let path = entry.map_err(|error| unreadable(&path, error))?.path();
        let is_ours = path.extension().is_some_and(|extension| {
            let mut ours = ["sql", "csv", "toml"].iter();
            ours.any(|ours| extension.eq_ignore_ascii_case(ours))
        });
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if name.starts_with('.') {
            continue;
        }
        let relative = folder.join(name);
        // A link below the pack's own folders may lead back to them.
        if path.is_dir() && (folder == Path::new("") || !path.is_symlink()) {
            files_below(pack, &relative, files)?;
        } else if (is_ours || folder == Path::new("")) && !path.exists() {
            return Err(leads_nowhere(&path));
        } else if is_ours && path.is_file() {
            let bytes = std::fs::read(&path).map_err(|error| unreadable(&path, error))?;
            let file = SourceFile::of_bytes(path.display().to_string(), bytes)?;
            files.push((relative, file));
        } else if is_ours && !path.is_dir() {
            // Whoever opened a pipe would wait for its other end.
            let message = format!("`{}` is a pipe, a socket or a device", path.display());
            return Err(Diagnostic::new(message).help("remove it, or put the file there itself"));
        }
    }
    Ok(())
}
