//! Health pings: a service that watches over scheduled work is told when a command begins and how it
//! ended, and raises the alarm when it hears nothing. The requests are those of
//! [healthchecks.io](https://healthchecks.io/docs/http_api/), which others take as well.
//!
//! | when | request |
//! |---|---|
//! | the command begins | `POST <url>/start?rid=<execution id>` |
//! | it has ended | `POST <url>/<exit code>?rid=<execution id>`, with the error, if any, as its body |
//!
//! Whoever knows the URL may ping, so it is shown nowhere. A ping that fails ends nothing.

use object_store::client::HttpClient;
use tokio::task::JoinSet;
use tracing::Instrument;
use url::Url;

use crate::ground::Execution;

use super::http;

/// The most bytes of a body: the service keeps no more than 100 kB, and a mail is read at a glance.
const MOST_BYTES: usize = 10_000;

/// Where to ping; nowhere unless somebody has said so.
#[derive(Debug)]
pub(super) struct Pings {
    to: Option<(HttpClient, Url)>,
    rid: String,
    /// The first, on its way.
    started: JoinSet<()>,
}

impl Pings {
    /// Tells that the command has begun, while it goes on. `url` goes before that of the environment. What
    /// is no URL is not pinged, and said.
    pub(super) fn begin(url: Option<&str>, execution: &Execution) -> Self {
        let of_environment = of_environment();
        let url = url.or(of_environment.as_deref());
        let to = url.and_then(|url| match (http::client(), parsed(url)) {
            (Ok(client), Ok(url)) => Some((client, url)),
            (Err(why), _) | (_, Err(why)) => {
                tracing::warn!("nobody is told how the command goes: {why}");
                None
            }
        });
        let mut pings = Self {
            to,
            rid: execution.id.clone(),
            started: JoinSet::new(),
        };
        if let Some((client, url)) = pings.request("start") {
            let start = send(client, url, String::new());
            pings.started.spawn(start.in_current_span());
        }
        pings
    }

    /// Tells how the command ended.
    pub(super) async fn end(mut self, exit_code: u8, text: &str) {
        while self.started.join_next().await.is_some() {}
        if let Some((client, url)) = self.request(&exit_code.to_string()) {
            let most = text.floor_char_boundary(MOST_BYTES);
            send(client, url, text[..most].to_owned()).await;
        }
    }

    /// The URL of a ping.
    fn request(&self, event: &str) -> Option<(HttpClient, Url)> {
        let (client, url) = self.to.clone()?;
        Some((client, pinged(url, event, &self.rid)))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command line is where the environment is read"
)]
fn of_environment() -> Option<String> {
    let url = std::env::var("TIERLINE_PING_URL").ok();
    url.filter(|url| !url.is_empty())
}

fn pinged(mut url: Url, event: &str, rid: &str) -> Url {
    let path = format!("{}/{event}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url.query_pairs_mut().append_pair("rid", rid);
    url
}

fn parsed(url: &str) -> Result<Url, String> {
    let parsed = Url::parse(url).ok();
    let of_web = parsed.filter(|url| ["http", "https"].contains(&url.scheme()));
    let url = of_web.ok_or_else(|| {
        "--ping-url, or TIERLINE_PING_URL, is no URL of http or https; give the ping URL of a check, such as https://hc-ping.com/your-uuid".to_owned()
    })?;
    match url.username().is_empty() && url.password().is_none() {
        true => Ok(url),
        false => Err("--ping-url, or TIERLINE_PING_URL, has a user name or a password in it; give the ping URL of a check without".to_owned()),
    }
}

async fn send(client: HttpClient, url: Url, body: String) {
    if let Err(why) = http::post(&client, &url, &[], body).await {
        tracing::warn!(why, "a health ping was not taken");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pings_go_to_the_paths_of_the_service() {
        let pinged = |url: &str, event: &str| {
            let url = parsed(url).unwrap();
            pinged(url, event, "8f4e").to_string()
        };
        assert_eq!(
            pinged("https://hc-ping.com/0c8983c9", "start"),
            "https://hc-ping.com/0c8983c9/start?rid=8f4e"
        );
        assert_eq!(
            pinged("http://localhost:8000/ping/key/nightly/?create=1", "3"),
            "http://localhost:8000/ping/key/nightly/3?create=1&rid=8f4e"
        );
    }

    #[test]
    fn a_url_that_cannot_be_pinged_is_refused_without_being_shown() {
        let refused = parsed("hc-ping.com/0c8983c9").unwrap_err();
        assert!(!refused.contains("0c8983c9"), "{refused}");
        assert!(
            refused.contains("give the ping URL of a check, such as https://hc-ping.com/your-uuid"),
            "{refused}"
        );
    }
}
