//! Health pings of the real binary to a service on this machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;

use serde_json::Value;

use crate::bad_input::project::Project;
use crate::support::command::{Finished, Tierline};

/// A service that takes some pings: the first line and the body of each.
pub(super) struct Service {
    pub(super) url: String,
    pub(super) listening: thread::JoinHandle<Vec<(String, String)>>,
}

impl Service {
    pub(super) fn taking(pings: usize) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/ping/our-secret", listener.local_addr().unwrap());
        let listening = thread::spawn(move || {
            let taken = (0..pings).map(|_| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut first = String::new();
                reader.read_line(&mut first).unwrap();
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    let line = line.trim().to_lowercase();
                    if let Some(said) = line.strip_prefix("content-length:") {
                        length = said.trim().parse().unwrap();
                    }
                    if line.is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                stream.write_all(answer.as_bytes()).unwrap();
                (first, String::from_utf8(body).unwrap())
            });
            taken.collect()
        });
        Self { url, listening }
    }
}

fn run(project: &Project, date: &str, url: &str) -> Finished {
    Tierline::new()
        .args(["run", "job.toml", "--output", "json", "--date", date])
        .current_dir(&project.path(""))
        .envs([
            ("TIERLINE_PING_URL", url),
            ("AIRFLOW_CTX_DAG_ID", "tiers"),
            ("AIRFLOW_CTX_TRY_NUMBER", "2"),
        ])
        .run()
}

#[test]
fn a_service_is_told_when_a_night_begins_and_how_it_ended() {
    let project = Project::new();
    for (date, exit_code) in [("2026-03-05", 0), ("2026-03-09", 4)] {
        let service = Service::taking(2);
        let finished = run(&project, date, &service.url);
        assert_eq!(finished.exit_code, exit_code, "{finished:?}");
        let result: Value = serde_json::from_str(&finished.stdout).unwrap();
        let execution = &result["execution"];
        let id = execution["id"].as_str().unwrap();
        let airflow = serde_json::json!({"dag_id": "tiers", "try_number": "2"});
        assert_eq!(execution["airflow"], airflow);
        let pings = service.listening.join().unwrap();
        let lines: Vec<&str> = pings.iter().map(|(line, _)| line.trim_end()).collect();
        let line = |event: &str| format!("POST /ping/our-secret/{event}?rid={id} HTTP/1.1");
        assert_eq!(lines, [line("start"), line(&exit_code.to_string())]);
        let told = pings[1].1.contains("inputs not ready");
        assert_eq!(told, exit_code == 4, "{pings:?}");
        if exit_code == 4 {
            assert_eq!(result["failure"]["retry"], "later");
            assert_eq!(result["readers_see"]["snapshot_date"], "2026-03-05");
        }
    }
}

#[test]
fn a_ping_that_does_not_arrive_ends_nothing_and_shows_no_url() {
    let project = Project::new();
    let nobody = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.local_addr().unwrap()
    };
    let url = format!("http://{nobody}/our-secret");
    let finished = run(&project, "2026-03-05", &url);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    assert!(
        finished.stderr.contains("a health ping was not taken"),
        "{finished:?}"
    );
    assert!(finished.stderr.contains("execution_id"), "{finished:?}");
    assert!(!finished.stderr.contains("our-secret"), "{finished:?}");
}

#[test]
fn what_is_no_url_is_told_and_ends_nothing() {
    let project = Project::new();
    let refused = run(&project, "2026-03-05", "our-secret");
    assert_eq!(refused.exit_code, 0, "{refused:?}");
    let help = "give the ping URL of a check, such as https://hc-ping.com/your-uuid";
    assert!(refused.stderr.contains(help), "{refused:?}");
    assert!(!refused.stderr.contains("our-secret"), "{refused:?}");

    let refused = run(&project, "2026-03-05", "http://me:our-secret@127.0.0.1:1/x");
    assert_eq!(refused.exit_code, 0, "{refused:?}");
    let told = "has a user name or a password in it";
    assert!(refused.stderr.contains(told), "{refused:?}");
    assert!(!refused.stderr.contains("our-secret"), "{refused:?}");
}
