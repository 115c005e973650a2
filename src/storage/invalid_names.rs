//! Names that the clients of stores cannot represent, in listings that have everything else.
//!
//! A client gives up a whole listing for one name with an empty part, a control character, bytes
//! that are not UTF-8, or a link that leads in a circle; other links, and what is no file, it leaves
//! out in silence. Here such an object is listed under a stand-in: its name as messages show it,
//! with a mark in every part that is invalid. Nothing can be read by a stand-in, and whoever lists
//! decides what it means.
//!
//! | the store has | its stand-in, with `*` for the mark |
//! |---|---|
//! | `dt=2026-11-20//part-0.parquet` | `dt=2026-11-20/*/part-0.parquet` |
//! | `dt=2026-11-20/part<TAB>0.parquet` | `dt=2026-11-20/part\t0.parquet*` |
//! | `a/../b` | `a/*../b` |
//! | a [link or a pipe](UnreadableReason) `dt=2026-11-20/part-0.parquet` | the same name, with a mark of its own |

use object_store::path::Path;

/// Why nothing can be read under a name of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnreadableReason {
    /// The client of the store cannot represent the name.
    Name,
    /// A link that leads to a folder that it lies in, or to itself.
    Circle,
    /// A link to what is not there.
    LinkToNothing,
    /// A pipe, a socket or a device.
    NoFile,
}

/// The marks: characters of nobody's names, which stand for nothing, by the standard for all times.
const MARKS: [(char, UnreadableReason); 4] = [
    (MARK, UnreadableReason::Name),
    ('\u{10fffe}', UnreadableReason::Circle),
    ('\u{fffff}', UnreadableReason::LinkToNothing),
    ('\u{ffffe}', UnreadableReason::NoFile),
];

/// The mark of a name.
const MARK: char = '\u{10ffff}';

impl UnreadableReason {
    fn mark(self) -> char {
        let of_this = MARKS.iter().find(|(_, reason)| *reason == self);
        of_this.map_or(MARK, |(mark, _)| *mark)
    }
}

fn is_mark(character: char) -> bool {
    MARKS.iter().any(|(mark, _)| *mark == character)
}

/// The stand-in for a name, if the client cannot represent it.
pub(super) fn stand_in(name: &str) -> Option<Path> {
    match Path::parse(name) {
        Ok(_) => None,
        Err(_) => Some(marked(name.split('/').map(marked_part))),
    }
}

/// The stand-in for what a disk has in a folder, whatever its name is.
pub(super) fn stand_in_below(folder: &Path, name: &[u8], reason: UnreadableReason) -> Path {
    let folder = folder.as_ref().split('/').filter(|part| !part.is_empty());
    let name = match std::str::from_utf8(name) {
        Ok(name) => name.escape_debug().to_string(),
        Err(_) => name.escape_ascii().to_string(),
    };
    let mark = reason.mark();
    marked(folder.map(str::to_owned).chain([format!("{name}{mark}")]))
}

fn marked(parts: impl Iterator<Item = String>) -> Path {
    let name = parts.collect::<Vec<_>>().join("/");
    // Every part is escaped, and none is empty.
    Path::parse(&name).unwrap_or_default()
}

fn marked_part(part: &str) -> String {
    match part {
        "." | ".." => format!("{MARK}{part}"),
        _ if Path::parse(part).is_ok() && !part.is_empty() => part.to_owned(),
        _ => format!("{}{MARK}", part.escape_debug()),
    }
}

/// Why nothing can be read under a listed path; none when something can.
pub fn unreadable_reason(path: &Path) -> Option<UnreadableReason> {
    let of_mark = |character: char| MARKS.iter().find(|(mark, _)| *mark == character);
    let mut marks = path.as_ref().chars().rev().filter_map(of_mark);
    marks.next().map(|(_, reason)| *reason)
}

/// A part of a listed path as messages show it.
pub fn without_mark(part: &str) -> &str {
    part.trim_matches(is_mark)
}

/// The name that a listed path stands in for; none when it is one itself.
#[cfg(test)]
pub(super) fn original_name(path: &Path) -> Option<String> {
    unreadable_reason(path).map(|_| path.as_ref().replace(is_mark, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str) -> Option<String> {
        let listed = stand_in(name)?;
        assert_eq!(Path::parse(listed.as_ref()).ok().as_ref(), Some(&listed));
        assert_eq!(unreadable_reason(&listed), Some(UnreadableReason::Name));
        original_name(&listed)
    }

    #[test]
    fn names_that_clients_can_hold_stand_for_themselves() {
        for name in ["a/b=c d/%zz#1.parquet", "a/_b/", "ä/é.parquet", "a/...", ""] {
            assert_eq!(shown(name), None, "{name}");
        }
        assert_eq!(unreadable_reason(&Path::from("a/b")), None);
    }

    #[test]
    fn others_are_shown_escaped() {
        for (name, expected) in [
            ("a//b", "a//b"),
            ("a/b//", "a/b//"),
            ("a/b\tc", "a/b\\tc"),
            ("a\u{7f}/b", "a\\u{7f}/b"),
            ("a/../b", "a/../b"),
        ] {
            assert_eq!(shown(name).as_deref(), Some(expected), "{name:?}");
        }
        for (_, odd) in MARKS {
            let listed = stand_in_below(&Path::from("srv/orders"), b"caf\xe9.parquet", odd);
            let told = original_name(&listed);
            assert_eq!(told.as_deref(), Some("srv/orders/caf\\xe9.parquet"));
            assert_eq!(unreadable_reason(&listed), Some(odd));
        }
    }
}
