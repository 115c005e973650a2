//! What a store says of a failed request, cut down to what helps.
//!
//! | said | kept |
//! |---|---|
//! | `Generic S3 error: Error performing list request:` | |
//! | `Error performing GET http://host/bucket?list-type=2 in 1.2s, after 5 retries, ... -` | `GET http://host/bucket:` |
//! | `HTTP error: error sending request: client error (Connect): tcp connect error: ...` | `tcp connect error: ...` |
//! | the XML of a refusal, which repeats the signed request | its code and its message |

/// The chain of an error without the store client's own wrapping.
pub fn shortened_error(chain: &str) -> String {
    const MARK: &str = "Error performing ";
    let Some((before, request)) = chain.rsplit_once(MARK) else {
        return chain.to_owned();
    };
    let Some((request, reason)) = request.split_once(" - ") else {
        return chain.to_owned();
    };
    let before = before.split("Generic ").next().unwrap_or_default();
    let request = request.split(['?', ' ']).take(2).collect::<Vec<_>>();
    format!("{before}{}: {}", request.join(" "), reason_of(reason))
}

fn reason_of(reason: &str) -> String {
    if let Some(code) = between(reason, "<Code>", "</Code>") {
        let message = between(reason, "<Message>", "</Message>");
        return match message {
            Some(message) => format!("{code}: {message}"),
            None => code.to_owned(),
        };
    }
    let wrappings = [
        "HTTP error: ",
        "error sending request: ",
        "client error (Connect): ",
        "builder error: ",
    ];
    let plain = wrappings.iter().fold(reason.trim(), |reason, wrapping| {
        reason.strip_prefix(wrapping).unwrap_or(reason)
    });
    match plain {
        "URL scheme is not allowed" => {
            "plain http is refused; set AWS_ALLOW_HTTP=true to allow it".to_owned()
        }
        plain => plain.to_owned(),
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_keeps_its_code_and_not_the_signed_request() {
        let said = "cannot list `s3://b/x`: Generic S3 error: Error performing list request: Error performing GET http://127.0.0.1:9/b?list-type=2&prefix=x%2F in 1.07s, after 5 retries, max_retries: 10, retry_timeout: 1s  - Server returned non-2xx status code: 403 Forbidden: <?xml?><Error><Code>SignatureDoesNotMatch</Code><Message>no match</Message><StringToSign>AWS4</StringToSign></Error>";
        assert_eq!(
            shortened_error(said),
            "cannot list `s3://b/x`: GET http://127.0.0.1:9/b: SignatureDoesNotMatch: no match"
        );
    }

    #[test]
    fn connection_error_keeps_its_cause() {
        let said = "Generic S3 error: Error performing PUT http://h/b/k in 2ms - HTTP error: error sending request: client error (Connect): tcp connect error: Connection refused (os error 111)";
        assert_eq!(
            shortened_error(said),
            "PUT http://h/b/k: tcp connect error: Connection refused (os error 111)"
        );
        assert_eq!(shortened_error("disk full"), "disk full");
    }
}
