//! Requests to services that are told how commands go.

use std::time::Duration;

use object_store::ClientOptions;
use object_store::client::{HttpClient, HttpConnector, HttpRequest, ReqwestConnector};
use url::Url;

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client that gives up soon: nobody waits for these services.
pub(super) fn client() -> Result<HttpClient, String> {
    let options = ClientOptions::new()
        .with_allow_http(true)
        .with_connect_timeout(PATIENCE)
        .with_timeout(PATIENCE);
    ReqwestConnector::default()
        .connect(&options)
        .map_err(|error| error.to_string())
}

/// Posts a body, with some headers. What went wrong is told without the URL, which may be secret.
pub(super) async fn post(
    client: &HttpClient,
    url: &Url,
    headers: &[(&'static str, &str)],
    body: String,
) -> Result<(), String> {
    let unfit = |_| "the request cannot be written".to_owned();
    let mut request = HttpRequest::new(body.into());
    *request.method_mut() = "POST".parse().map_err(|_| unfit(()))?;
    *request.uri_mut() = url.as_str().parse().map_err(|_| unfit(()))?;
    for (name, value) in headers {
        let value = value.parse().map_err(|_| unfit(()))?;
        request.headers_mut().insert(*name, value);
    }
    match client.execute(request).await {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(format!(
            "it was answered with status {}",
            response.status().as_u16()
        )),
        // Its text has the URL in it.
        Err(error) => Err(format!("it did not arrive: {:?}", error.kind())),
    }
}
