//! Names that the clients of stores cannot hold, in listings that hold everything else.
//!
//! A client gives up a whole listing for one name with an empty part, a control character, bytes
//! that are not UTF-8, or a link that leads in a circle. Here such an object is listed under a
//! stand-in: its name as messages show it, with a mark in every part that is odd. Nothing can be
//! read by a stand-in, and whoever lists decides what an odd name means.
//!
//! | the store has | its stand-in, with `*` for the mark |
//! |---|---|
//! | `dt=2026-11-20//part-0.parquet` | `dt=2026-11-20/*/part-0.parquet` |
//! | `dt=2026-11-20/part<TAB>0.parquet` | `dt=2026-11-20/part\t0.parquet*` |
//! | `a/../b` | `a/*../b` |

use object_store::path::Path;

/// A character of nobody's names: it stands for nothing, by the standard for all times.
const MARK: char = '\u{10ffff}';

/// The stand-in for a name, if the client cannot hold it.
pub(super) fn stand_in(name: &str) -> Option<Path> {
    match Path::parse(name) {
        Ok(_) => None,
        Err(_) => Some(marked(name.split('/').map(marked_part))),
    }
}

/// The stand-in for what a disk has in a folder, whatever its name is.
pub(super) fn stand_in_below(folder: &Path, name: &[u8]) -> Path {
    let folder = folder.as_ref().split('/').filter(|part| !part.is_empty());
    let name = match std::str::from_utf8(name) {
        Ok(name) => name.escape_debug().to_string(),
        Err(_) => name.escape_ascii().to_string(),
    };
    marked(folder.map(str::to_owned).chain([format!("{name}{MARK}")]))
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

/// The name that a listed path stands in for, as messages show it; none when it is one itself.
pub fn odd_name(path: &Path) -> Option<String> {
    let name = path.as_ref();
    name.contains(MARK).then(|| name.replace(MARK, ""))
}

/// A part of a listed path as messages show it.
pub fn without_mark(part: &str) -> &str {
    part.trim_matches(MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str) -> Option<String> {
        let listed = stand_in(name)?;
        assert_eq!(Path::parse(listed.as_ref()).ok().as_ref(), Some(&listed));
        odd_name(&listed)
    }

    #[test]
    fn names_that_clients_can_hold_stand_for_themselves() {
        for name in ["a/b=c d/%zz#1.parquet", "a/_b/", "ä/é.parquet", "a/...", ""] {
            assert_eq!(shown(name), None, "{name}");
        }
        assert_eq!(odd_name(&Path::from("a/b")), None);
    }

    #[test]
    fn others_are_shown_escaped() {
        for (name, told) in [
            ("a//b", "a//b"),
            ("a/b//", "a/b//"),
            ("a/b\tc", "a/b\\tc"),
            ("a\u{7f}/b", "a\\u{7f}/b"),
            ("a/../b", "a/../b"),
        ] {
            assert_eq!(shown(name).as_deref(), Some(told), "{name:?}");
        }
        let listed = stand_in_below(&Path::from("srv/orders"), b"caf\xe9.parquet");
        let told = "srv/orders/caf\\xe9.parquet";
        assert_eq!(odd_name(&listed).as_deref(), Some(told));
    }
}
