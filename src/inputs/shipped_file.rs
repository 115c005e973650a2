//! A file of a source as another process is told of it.

use chrono::{DateTime, NaiveDate, Utc};
use object_store::path::Path;
use object_store::{ObjectMeta, Result};
use serde::{Deserialize, Serialize};

use super::{InputFile, PathValues};

/// A file of a source, as it was listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippedFile {
    day: NaiveDate,
    path: String,
    size: u64,
    last_modified: DateTime<Utc>,
    e_tag: Option<String>,
    version: Option<String>,
    #[serde(default, skip_serializing_if = "PathValues::is_empty")]
    values: PathValues,
    is_on_disk: bool,
}

impl From<&InputFile> for ShippedFile {
    fn from(file: &InputFile) -> Self {
        let ObjectMeta {
            location,
            last_modified,
            size,
            e_tag,
            version,
        } = file.object.clone();
        Self {
            day: file.day,
            path: location.to_string(),
            size,
            last_modified,
            e_tag,
            version,
            values: file.values.clone(),
            is_on_disk: file.is_on_disk,
        }
    }
}

impl ShippedFile {
    /// The file.
    ///
    /// # Errors
    /// A key that no store has.
    pub fn into_file(self) -> Result<InputFile> {
        let object = ObjectMeta {
            location: Path::parse(self.path)?,
            last_modified: self.last_modified,
            size: self.size,
            e_tag: self.e_tag,
            version: self.version,
        };
        Ok(InputFile {
            day: self.day,
            object,
            values: self.values,
            is_on_disk: self.is_on_disk,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_back_as_it_was_listed() {
        let mut values = PathValues::of_folders(&["channel=app", "dt=2026-11-20"]);
        for is_on_disk in [false, true] {
            let file = InputFile {
                day: NaiveDate::from_ymd_opt(2026, 11, 20).unwrap(),
                object: ObjectMeta {
                    location: Path::parse("orders/channel=%D0%B0%2Fb/dt=2026-11-20/a b.parquet")
                        .unwrap(),
                    last_modified: DateTime::from_timestamp_nanos(1_764_000_000_123_456_789),
                    size: 77,
                    e_tag: is_on_disk.then(|| "\"tag\"".to_owned()),
                    version: None,
                },
                values: std::mem::take(&mut values),
                is_on_disk,
            };
            let text = serde_json::to_string(&ShippedFile::from(&file)).unwrap();
            let shipped: ShippedFile = serde_json::from_str(&text).unwrap();
            assert_eq!(shipped.into_file().unwrap(), file);
        }
    }
}
