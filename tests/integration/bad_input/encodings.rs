//! Files in another encoding than UTF-8, with characters that nobody sees, and job files that are
//! none by their size.

use std::time::{Duration, Instant};

use super::project::Project;

/// A project with other bytes in one of its files.
fn with_bytes(path: &str, bytes: &[u8]) -> Project {
    let project = Project::new();
    std::fs::write(project.path(path), bytes).unwrap();
    project
}

fn text_of(path: &str) -> String {
    std::fs::read_to_string(Project::new().path(path)).unwrap()
}

#[test]
fn files_that_are_not_utf8_are_told_by_line() {
    let utf16 = |text: &str| {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        [0xff, 0xfe].into_iter().chain(units).collect::<Vec<u8>>()
    };
    insta::assert_snapshot!(with_bytes("job.toml", &utf16(&text_of("job.toml"))).check(), @"
    exit code 2

    error: `job.toml` is not UTF-8 text: line 1 is none, it looks like UTF-16
     |
     = help: save the file as UTF-8
    ");
    let label = b"SELECT\n    user_id,\n    'caf\xe9' AS place\nFROM features.users\n";
    let project = with_bytes("sql/tiers/label.sql", label);
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: `sql/tiers/label.sql` is not UTF-8 text: line 3 is none
     |
     = help: save the file as UTF-8
    ");
    let saved = String::from_utf8_lossy(label).replace('\u{fffd}', "\u{e9}");
    let said = project.write("sql/tiers/label.sql", &saved).check();
    assert!(said.starts_with("exit code 0\n"), "{said}");
}

#[test]
fn characters_that_nobody_sees_are_told_at_their_place() {
    let project = Project::new().edit("job.toml", "\"output\"", "\"out\u{202e}put\"");
    let said = project.check();
    assert!(said.starts_with("exit code 2\n"), "{said}");
    let told = "an invisible character (U+202E)\n --> job.toml:3:";
    assert!(said.contains(told), "{said}");
    assert!(
        said.contains("help: delete it, or retype the line"),
        "{said}"
    );
    let said = project.edit("job.toml", "\u{202e}", "").check();
    assert!(said.starts_with("exit code 0\n"), "{said}");
    let types = "sql/reference/event_types.csv";
    let text = text_of(types).replacen("open,", "open\u{200b},", 1);
    let said = with_bytes(types, text.as_bytes()).check();
    assert!(said.starts_with("exit code 2\n"), "{said}");
    let told = "an invisible character (U+200B)";
    assert!(said.contains(told) && said.contains(types), "{said}");
    // As some editors save it.
    let marked = format!("\u{feff}{}", text_of(types));
    let said = with_bytes(types, marked.as_bytes()).check();
    assert!(said.starts_with("exit code 0\n"), "{said}");
}

#[test]
fn job_file_of_a_hundred_thousand_keys_is_refused_at_once() {
    // In letters, since no message may have the number of a user.
    let letters = |number: u32| -> String {
        let digits = number.to_string();
        let letters = digits.bytes().map(|digit| char::from(digit - b'0' + b'a'));
        letters.collect()
    };
    let keys = (0..100_000).map(|key| format!("p_{} = 1\n", letters(key)));
    let keys: Vec<String> = keys.collect();
    let project = Project::new().append("job.toml", &format!("\n[params]\n{}", keys.concat()));
    let began = Instant::now();
    let said = project.check();
    assert!(began.elapsed() < Duration::from_secs(20));
    assert!(said.starts_with("exit code 2\n"), "{said}");
    assert!(said.contains("bytes long, of at most 131072"), "{said}");
    // As many as fit.
    let project = Project::new().append(
        "job.toml",
        &format!("\n[params]\n{}", keys[..9_000].concat()),
    );
    let began = Instant::now();
    let said = project.check();
    assert!(began.elapsed() < Duration::from_secs(20));
    assert!(said.contains("and 8900 more"), "{said}");
}
