//! The files of one day of a source, as a record keeps them: enough to tell, once they are others,
//! which of them are there still.

use std::cmp::Ordering;

use crate::ground::Fingerprint;

use super::InputFile;

/// What is known of the files of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayFiles {
    /// Key, size and e_tag of all of them, as one hash.
    pub fingerprint: Fingerprint,
    /// How many there are, or were.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When the newest of them was written, in seconds since 1970.
    pub newest: i64,
    /// Keys and sizes alone, as one hash: files that are put back have other e_tags in some
    /// stores. None in records of an older tierline.
    pub places: Option<u64>,
    /// A short hash of the key of each, sorted. None once all of them are gone, and in records of an
    /// older tierline.
    pub each: Option<Vec<u32>>,
}

/// How files that are stored relate to those that were known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// They are the same.
    Same,
    /// All are there, and more.
    More,
    /// Files of the same keys, some of them rewritten.
    Overwritten,
    /// Some are gone, and none has come.
    Fewer,
    /// Some are gone, or all of them, and others have come.
    Others,
}

impl DayFiles {
    /// The files of one day, in the order of their keys.
    pub(super) fn of(files: &[InputFile]) -> Self {
        let keys = files.iter().map(|file| file.object.location.as_ref());
        let mut each: Vec<u32> = keys.map(|key| short(&Fingerprint::of(key))).collect();
        each.sort_unstable();
        let places = files.iter().map(place);
        let newest = files.iter().map(|file| file.object.last_modified);
        Self {
            fingerprint: of_files(files.iter().map(identity)),
            count: files.len() as u64,
            bytes: files.iter().map(|file| file.object.size).sum(),
            newest: newest.max().map_or(0, |newest| newest.timestamp()),
            places: Some(of_files(places).number()),
            each: Some(each),
        }
    }

    /// How `now` relates to these.
    pub(super) fn relation(&self, now: &Self) -> Relation {
        if self.fingerprint == now.fingerprint {
            return Relation::Same;
        }
        let (Some(before), Some(keys)) = (&self.each, &now.each) else {
            return self.relation_by_count(now);
        };
        match (is_within(before, keys), is_within(keys, before)) {
            (true, true) => Relation::Overwritten,
            (true, false) => Relation::More,
            (false, true) if now.newest <= self.newest => Relation::Fewer,
            (false, true) | (false, false) => Relation::Others,
        }
    }

    /// The same where files are not known one by one. A day that was rewritten in fewer files
    /// has newer ones.
    fn relation_by_count(&self, now: &Self) -> Relation {
        match now.count.cmp(&self.count) {
            Ordering::Less if now.newest <= self.newest => Relation::Fewer,
            Ordering::Less => Relation::Others,
            Ordering::Equal => Relation::Overwritten,
            Ordering::Greater => Relation::More,
        }
    }

    /// Whether `now` are as many files with as many bytes, none of them at a path that one of these has: a
    /// copy in another folder, say.
    pub fn are_elsewhere_in(&self, now: &Self) -> bool {
        let (Some(before), Some(keys)) = (&self.each, &now.each) else {
            return false;
        };
        let is_alike = (self.count, self.bytes) == (now.count, now.bytes);
        is_alike && !before.iter().any(|hash| keys.binary_search(hash).is_ok())
    }

    /// Whether `now` are these files, put back where they were.
    pub(super) fn are_restored_in(&self, now: &Self) -> bool {
        let is_alike = (self.count, self.bytes) == (now.count, now.bytes);
        is_alike && self.places.is_none_or(|places| now.places == Some(places))
    }
}

/// Whether all of one are in the other; both are sorted.
fn is_within(some: &[u32], all: &[u32]) -> bool {
    some.iter().all(|hash| all.binary_search(hash).is_ok())
}

fn of_files(texts: impl Iterator<Item = String>) -> Fingerprint {
    Fingerprint::builder().parts("file", texts).finish()
}

fn short(fingerprint: &Fingerprint) -> u32 {
    (fingerprint.number() >> 32) as u32
}

/// Key, size and e_tag, and the declared columns in the file's path, which the log of a table may
/// change by itself. Stores that give no e_tag are taken at the time they say a file was changed; so
/// are disks, to the nanosecond, as their e_tags tell a file from a copy that has replaced it.
fn identity(file: &InputFile) -> String {
    let InputFile { object, values, .. } = file;
    let e_tag = object.e_tag.as_ref().filter(|_| !file.is_on_disk);
    let version = match e_tag {
        Some(e_tag) => e_tag.clone(),
        None => object.last_modified.to_rfc3339(),
    };
    format!("{}\n{version}{}", place(file), values.identity())
}

fn place(file: &InputFile) -> String {
    format!("{}\n{}", file.object.location, file.object.size)
}
