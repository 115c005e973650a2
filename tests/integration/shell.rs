//! Completions and man pages, of every command.

use std::process::Command;

use regex::Regex;
use tempfile::TempDir;

use crate::support::command::Tierline;

/// The commands that the help lists.
fn commands() -> Vec<String> {
    let help = Tierline::new().args(["-h"]).run().stdout;
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let (commands, _) = commands.split_once("\n\n").unwrap();
    let name = Regex::new(r"(?m)^  ([a-z]+) ").unwrap();
    let names = name
        .captures_iter(commands)
        .map(|found| found[1].to_owned());
    names.filter(|name| name != "help").collect()
}

#[test]
fn shells_complete_every_command() {
    let commands = commands();
    assert!(commands.len() > 12, "{commands:?}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let finished = Tierline::new().args(["completions", shell]).run();
        assert_eq!((finished.exit_code, &*finished.stderr), (0, ""), "{shell}");
        for command in &commands {
            assert!(finished.stdout.contains(command), "{shell}: {command}");
        }
    }
    let script = TempDir::new().unwrap();
    let path = script.path().join("tierline.bash");
    let bash = Tierline::new().args(["completions", "bash"]).run();
    std::fs::write(&path, bash.stdout).unwrap();
    let read = Command::new("bash").arg("-n").arg(&path).output().unwrap();
    assert!(read.status.success() && read.stderr.is_empty(), "{read:?}");
}

#[test]
fn man_has_a_page_for_every_command() {
    let folder = TempDir::new().unwrap();
    let pages = folder.path().join("man1");
    let finished = Tierline::new().args(["man"]).args([&pages]).run();
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    for command in commands() {
        let page = pages.join(format!("tierline-{command}.1"));
        let page = std::fs::read_to_string(page).unwrap();
        assert!(page.contains(".SH OPTIONS"), "{page}");
    }
    let page = std::fs::read_to_string(pages.join("tierline.1")).unwrap();
    assert!(page.contains("backfill"), "{page}");
}
