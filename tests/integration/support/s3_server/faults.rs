//! A bad day of a store: requests of any kind that go wrong by chance.
//!
//! Faults happen to whole requests, so that no kind of request is spared. A listing may lag besides: it
//! leaves out what was written last.

use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::CONTENT_LENGTH;
use hyper::{Request, Response, StatusCode};
use proptest::prelude::RngExt;
use proptest::test_runner::{RngAlgorithm, TestRng};
use s3s::Body;
use s3s::service::S3Service;

use super::trouble::{Trouble, first_half};

/// How many objects a listing that lags has not seen.
const LAG: usize = 3;

/// How long a slow answer takes.
const SLOW: Duration = Duration::from_millis(400);

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It is answered with an internal error.
    Error,
    /// It is refused, as there are too many.
    SlowDown,
    /// It is carried out, and answered with an internal error.
    ReplyLost,
    /// The connection ends.
    Reset,
    /// It is carried out, and the connection ends.
    ResetAfter,
    /// The answer takes its time.
    Late,
    /// The answer ends in the middle, and so does the connection.
    Cut,
    /// The answer stops in the middle, and the connection stays.
    Stalled,
}

impl Fault {
    const ALL: [Self; 8] = [
        Self::Error,
        Self::SlowDown,
        Self::ReplyLost,
        Self::Reset,
        Self::ResetAfter,
        Self::Late,
        Self::Cut,
        Self::Stalled,
    ];
}

/// The faults of a server; none until they begin.
#[derive(Default)]
pub(super) struct Faults {
    chance: Mutex<Option<Chance>>,
    written: Mutex<VecDeque<String>>,
}

struct Chance {
    random: TestRng,
    /// Of how many requests one goes wrong.
    one_in: u32,
}

impl Faults {
    /// One request in so many goes wrong from here on, drawn from a seed.
    pub(super) fn begin(&self, seed: u64, one_in: u32) {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        *self.chance.lock().unwrap() = Some(Chance { random, one_in });
    }

    /// All goes well from here on.
    pub(super) fn end(&self) {
        *self.chance.lock().unwrap() = None;
    }

    fn draw(&self) -> Option<Fault> {
        let mut chance = self.chance.lock().unwrap();
        let Chance { random, one_in } = chance.as_mut()?;
        let goes_wrong = random.random_ratio(1, *one_in);
        goes_wrong.then(|| Fault::ALL[random.random_range(0..Fault::ALL.len())])
    }

    /// Notes that an object was written.
    pub(super) fn note_written(&self, key: &str) {
        let mut written = self.written.lock().unwrap();
        written.push_back(key.to_owned());
        if written.len() > LAG {
            written.pop_front();
        }
    }

    /// No listing lags behind what was written so far.
    pub(super) fn all_seen(&self) {
        self.written.lock().unwrap().clear();
    }

    /// The keys that a listing has not seen yet.
    pub(super) fn unseen(&self) -> Vec<String> {
        let mut chance = self.chance.lock().unwrap();
        let lags = chance.as_mut();
        let lags = lags.is_some_and(|chance| chance.random.random_ratio(1, chance.one_in));
        match lags {
            true => self.written.lock().unwrap().iter().cloned().collect(),
            false => Vec::new(),
        }
    }

    /// The answer to a request, or an end of the connection.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        service: &S3Service,
    ) -> io::Result<Response<Body>> {
        let fault = self.draw();
        match fault {
            Some(Fault::Error) => return Ok(refusal(StatusCode::INTERNAL_SERVER_ERROR)),
            Some(Fault::SlowDown) => return Ok(refusal(StatusCode::SERVICE_UNAVAILABLE)),
            Some(Fault::Reset) => return Err(io::ErrorKind::ConnectionReset.into()),
            Some(Fault::Late) => tokio::time::sleep(SLOW).await,
            _ => {}
        }
        let answer = service.call(request.map(Body::from)).await;
        let answer = answer.map_err(io::Error::other)?;
        match fault {
            Some(Fault::ReplyLost) => Ok(refusal(StatusCode::INTERNAL_SERVER_ERROR)),
            Some(Fault::ResetAfter) => Err(io::ErrorKind::ConnectionReset.into()),
            Some(Fault::Cut) => Ok(halved(answer, &Trouble::Cut)),
            Some(Fault::Stalled) => Ok(halved(answer, &Trouble::Stalled)),
            _ => Ok(answer),
        }
    }
}

/// An answer without a body stays as it is.
fn halved(answer: Response<Body>, trouble: &Trouble) -> Response<Body> {
    let length = answer.headers().get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    let length: usize = length.unwrap_or_default();
    match length {
        0 => answer,
        _ => answer.map(|body| first_half(body.into(), length, trouble).into()),
    }
}

fn refusal(status: StatusCode) -> Response<Body> {
    let code = match status {
        StatusCode::SERVICE_UNAVAILABLE => "SlowDown",
        _ => "InternalError",
    };
    let text = format!("<Error><Code>{code}</Code><Message>a bad day</Message></Error>");
    let mut refusal = Response::new(Body::from(text));
    *refusal.status_mut() = status;
    refusal
}
