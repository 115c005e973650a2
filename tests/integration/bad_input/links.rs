//! Links on a disk that lead nowhere or in a circle, and pipes where files belong: nothing that may
//! be data is left out in silence, and nobody opens a pipe.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::lake::file_of;
use super::project::Project;

const NIGHT: [&str; 4] = ["run", "job.toml", "--date", "2026-03-06"];

fn with_link(project: Project, to: &str, link: &str) -> Project {
    std::fs::create_dir_all(project.path(link).parent().unwrap()).unwrap();
    symlink(to, project.path(link)).unwrap();
    project
}

fn with_pipe(project: Project, pipe: &str) -> Project {
    let made = Command::new("mkfifo").arg(project.path(pipe)).status();
    assert!(made.unwrap().success());
    project
}

/// Puts what is at a path of the project aside, and a link to a disk that is away in its place.
fn unmounted(project: &Project, path: &str) {
    std::fs::rename(project.path(path), project.path("aside")).unwrap();
    symlink("/mnt/away/from/here", project.path(path)).unwrap();
}

fn mounted_again(project: &Project, path: &str) {
    std::fs::remove_file(project.path(path)).unwrap();
    symlink(project.path("aside"), project.path(path)).unwrap();
}

/// The rest of the day, or of the history, was published as if there were no more.
#[test]
fn night_waits_for_what_links_lead_to() {
    let file = file_of("orders", 6);
    for path in [
        file.as_str(),
        "data/orders/dt=2026-03-03",
        "data/engagement/dt=2026-03-06",
    ] {
        let project = Project::new();
        unmounted(&project, path);
        let said = project.refused_run();
        let (source, below) = path["data/".len()..].split_once('/').unwrap();
        let expected = format!(
            "exit code 4\n\nerror: inputs not ready: source `{source}` has a link that leads nowhere: file://[PROJECT]/data/{source}/{below}; run again when what it leads to is there, or remove it if it is no data\n"
        );
        assert_eq!(said.trim_end(), expected.trim_end(), "{path}");
        mounted_again(&project, path);
        project.publish("2026-03-06");
    }
}

/// Each remedy, by the plan of the night.
#[test]
fn links_that_are_no_data_may_be_removed_or_lead_elsewhere() {
    let folder = "data/orders/dt=2026-03-06";
    let away = with_link(
        Project::new(),
        "/mnt/away",
        &format!("{folder}/part-1.parquet"),
    );
    let circle = with_link(Project::new(), "again", &format!("{folder}/again"));
    for (project, link, help) in [
        (away, "part-1.parquet", "or remove it if it is no data"),
        (
            circle,
            "again",
            "remove it, or let it lead to files or a folder that it does not lie in",
        ),
    ] {
        let said = project.refused_run();
        assert!(said.contains(help), "{said}");
        let link = project.path(&format!("{folder}/{link}"));
        std::fs::remove_file(&link).unwrap();
        passes(&project);
        std::fs::create_dir_all(project.path("aside")).unwrap();
        symlink(project.path("aside"), link.with_file_name("elsewhere")).unwrap();
        passes(&project);
    }
}

fn passes(project: &Project) {
    let finished = project.call(&["plan", "job.toml", "--date", "2026-03-06"]);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    assert!(!finished.stdout.contains("warning: "), "{finished:?}");
}

/// Nobody knows which days lie behind it.
#[test]
fn link_without_a_day_may_be_of_any() {
    let project = with_link(Project::new(), "/mnt/away", "data/orders/region=eu");
    let said = project.refused_run();
    assert!(said.starts_with("exit code 4\n"), "{said}");
    let link =
        "source `orders` has a link that leads nowhere: file://[PROJECT]/data/orders/region=eu;";
    assert!(said.contains(link), "{said}");
}

#[test]
fn source_that_is_reached_by_a_link_to_nothing_is_not_empty() {
    for (path, source) in [("data/orders", "orders"), ("data", "engagement")] {
        let project = Project::new().edit(
            "job.toml",
            "[sources.orders]",
            "[sources.orders]\nrequired = false",
        );
        unmounted(&project, path);
        let said = project.refused_run();
        assert!(said.starts_with("exit code 4\n"), "{said}");
        let told = format!("inputs not ready: source `{source}` has a link that leads nowhere: ");
        assert!(said.contains(&told), "{said}");
        assert!(said.contains(&format!("{path}; run again")), "{said}");
        mounted_again(&project, path);
        project.publish("2026-03-06");
    }
}

#[test]
fn source_that_is_a_circle_is_refused() {
    let project = Project::new();
    let source = project.path("data/orders");
    std::fs::remove_dir_all(&source).unwrap();
    symlink("orders", &source).unwrap();
    let said = project.refused_run();
    assert!(said.starts_with("exit code 3\n"), "{said}");
    let told = "data/orders is a link that leads in a circle";
    assert!(said.contains(told), "{said}");
    let help = "help: let it lead to the folder of the source";
    assert!(said.contains(help), "{said}");
    std::fs::remove_file(&source).unwrap();
    let whole = Project::new();
    symlink(whole.path("data/orders"), &source).unwrap();
    passes(&project);
}

#[test]
fn what_is_no_file_of_a_day_is_refused_unopened() {
    for pipe in ["dt=2026-03-06/part-1.parquet", "dt=2026-03-07"] {
        let project = with_pipe(Project::new(), &format!("data/orders/{pipe}"));
        if pipe == "dt=2026-03-07" {
            // It is of a day to come.
            let finished = project.call(&NIGHT);
            assert_eq!(finished.exit_code, 0, "{finished:?}");
            assert!(!finished.stdout.contains("warning: source"), "{finished:?}");
            continue;
        }
        insta::assert_snapshot!(project.refused_run(), @"
        exit code 3

        error: source `orders` has a pipe, a socket or a device where a file or a folder is to be: file://[PROJECT]/data/orders/dt=2026-03-06/part-1.parquet
         |
         = help: remove it, or put the file there itself
        ");
        std::fs::remove_file(project.path(&format!("data/orders/{pipe}"))).unwrap();
        project.publish("2026-03-06");
    }
}

/// It was told as a store that cannot be reached, with a retry.
#[test]
fn link_to_itself_is_named() {
    let project = with_link(Project::new(), "again", "data/orders/dt=2026-03-05/again");
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    error: source `orders` has a link that leads in a circle: file://[PROJECT]/data/orders/dt=2026-03-05/again
     |
     = help: remove it, or let it lead to files or a folder that it does not lie in
    ");
    std::fs::remove_file(project.path("data/orders/dt=2026-03-05/again")).unwrap();
    project.publish("2026-03-06");
}

#[test]
fn what_is_nobodys_data_is_told_and_left_out() {
    let project = with_link(Project::new(), "two", "data/orders/one");
    let project = with_link(project, "one", "data/orders/two");
    let project = with_link(project, "/mnt/away", "data/orders/notes.txt");
    let project = with_pipe(project, "data/orders/notes.pipe");
    let finished = project.call(&NIGHT);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    for told in [
        "2 links in source `orders` lead in a circle and are left out; remove them: one, two",
        "1 link in source `orders` leads nowhere and is left out; remove it, or restore the files: notes.txt",
        "1 pipe, socket or device in source `orders` is left out; remove it: notes.pipe",
    ] {
        assert!(finished.stdout.contains(told), "{finished:?}");
    }
    for name in ["one", "two", "notes.txt", "notes.pipe"] {
        std::fs::remove_file(project.path(&format!("data/orders/{name}"))).unwrap();
    }
    passes(&project);
}

#[test]
fn hidden_names_never_matter() {
    let mut project = Project::new();
    for name in ["_x", ".x"] {
        for folder in ["data/orders", "data/orders/dt=2026-03-06"] {
            project = with_link(project, name, &format!("{folder}/{name}"));
            project = with_link(project, "/mnt/away", &format!("{folder}/{name}away"));
            project = with_link(project, "..", &format!("{folder}/{name}back"));
            project = with_pipe(project, &format!("{folder}/{name}pipe"));
        }
    }
    let finished = project.call(&NIGHT);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    assert!(!finished.stdout.contains("warning: source"), "{finished:?}");
}

/// An audit that is not there would not be missed.
#[test]
fn pack_is_not_read_without_what_its_links_lead_to() {
    for path in [
        "sql/audits/mine.sql",
        "sql/reference/mine.csv",
        "sql/audits",
    ] {
        let project = Project::new();
        if project.path(path).exists() {
            unmounted(&project, path);
        } else {
            symlink("/mnt/away", project.path(path)).unwrap();
        }
        let checked = project.check();
        let told = format!("{path}` is a link that leads nowhere");
        assert!(checked.contains(&told), "{checked}");
        assert!(
            checked.contains("help: restore what it leads to, or remove it"),
            "{checked}"
        );
        std::fs::remove_file(project.path(path)).unwrap();
        assert!(
            project.check().starts_with("exit code 0"),
            "{}",
            project.check()
        );
    }
    let project = with_pipe(Project::new(), "sql/reference/mine.csv");
    let checked = project.check();
    assert!(
        checked.contains("mine.csv` is a pipe, a socket or a device"),
        "{checked}"
    );
    assert!(Path::new(&project.path("sql/reference/mine.csv")).exists());
}
