//! Secrets in texts: found where their form gives them away, and starred out before anybody sees
//! the text.
//!
//! | text | secret |
//! |---|---|
//! | `s3://KEY:SECRET@bucket/path` | what is before the `@` |
//! | `az://container/path?sig=abc`, `&X-Amz-Signature=abc` | the value |
//! | `secret_access_key = "abc"`, `{ secret = "abc` or `password: abc` in a job file | the rest of the line |
//! | a word of 20 letters and digits mixed, in a job file | all of it |

use std::ops::Range;

/// Parameters of URLs that sign or authorize, in lower case.
const PARAMETERS: [&str; 15] = [
    "sig",
    "signature",
    "x-amz-signature",
    "x-amz-credential",
    "x-amz-security-token",
    "awsaccesskeyid",
    "x-goog-signature",
    "x-goog-credential",
    "googleaccessid",
    "token",
    "access_token",
    "sas",
    "password",
    "secret",
    "key",
];

/// What the name of a key says when its value is a secret.
const SECRET_KEYS: [&str; 6] = [
    "secret",
    "password",
    "passwd",
    "token",
    "credential",
    "access_key",
];

/// Names that say so as a whole.
const SECRET_NAMES: [&str; 9] = [
    "api_key",
    "api-key",
    "apikey",
    "authorization",
    "bearer",
    "pwd",
    "sas",
    "sig",
    "signature",
];

/// How long a word of letters and digits is that may be a key.
const KEY_LENGTH: usize = 20;

/// Whether a URL carries a user name, a password or a signature.
pub fn has_secret(url: &str) -> bool {
    !secrets_of_urls(url).is_empty()
}

/// The text with `***` for each secret in its URLs.
pub fn without_secrets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut end = 0;
    for secret in secrets_of_urls(text) {
        shown.push_str(&text[end..secret.start]);
        shown.push_str("***");
        end = secret.end;
    }
    shown.push_str(&text[end..]);
    shown
}

/// The text of a job file with a `*` for each byte of what may be a secret, so that every place
/// in it stays where it is.
pub fn starred(text: &str) -> String {
    let mut secrets = secrets_of_urls(text);
    secrets.extend(secret_values(text));
    secrets.extend(long_words(text));
    secrets.sort_by_key(|secret| (secret.start, secret.end));
    let mut shown = String::with_capacity(text.len());
    let mut end = 0;
    for secret in secrets {
        let start = secret.start.max(end);
        shown.push_str(&text[end..start]);
        end = secret.end.max(end);
        shown.extend(std::iter::repeat_n('*', end - start));
    }
    shown.push_str(&text[end..]);
    shown
}

/// Where user names with passwords and signatures are, in the order of the text.
fn secrets_of_urls(text: &str) -> Vec<Range<usize>> {
    let mut secrets = Vec::new();
    for (scheme, mark) in text.match_indices("://") {
        let start = scheme + mark.len();
        let length = text[start..].find(ends_url).unwrap_or(text.len() - start);
        let url = &text[start..start + length];
        if let Some(length) = user_info(url) {
            secrets.push(start..start + length);
        }
        secrets.extend(signatures(url).map(|place| start + place.start..start + place.end));
    }
    secrets
}

fn ends_url(character: char) -> bool {
    character.is_whitespace() || "\"'`<>()".contains(character)
}

/// How long the user's part of a URL without its scheme is. A secret may have slashes; then its
/// colon tells it from a path with an `@`.
fn user_info(url: &str) -> Option<usize> {
    let authority = url.split(['/', '?', '#']).next().unwrap_or_default();
    if let Some(at) = authority.rfind('@') {
        return Some(at);
    }
    let (_, port) = authority.split_once(':')?;
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
    (!is_port).then(|| url.rfind('@')).flatten()
}

/// Where the values of parameters are that sign or authorize.
fn signatures(url: &str) -> impl Iterator<Item = Range<usize>> {
    let parameters = url.match_indices(['?', '&']);
    parameters.filter_map(|(mark, _)| {
        let rest = &url[mark + 1..];
        let parameter = rest.split(['&', '#']).next().unwrap_or_default();
        let (name, value) = parameter.split_once('=')?;
        let is_secret = PARAMETERS.contains(&name.to_ascii_lowercase().as_str());
        let start = mark + 1 + name.len() + 1;
        (is_secret && !value.is_empty()).then(|| start..start + value.len())
    })
}

/// What is behind the first `=` or `:` of a line that has a name before it which says that it is secret: that of
/// a key, of one in braces, or of a parameter behind a quote that was forgotten.
fn secret_values(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut is_of_table = false;
    lines(text).filter_map(move |(start, line)| {
        if line.trim_start().starts_with('[') {
            is_of_table = line.contains("[tables.");
        }
        let mut signs = line.match_indices(['=', ':']);
        let (sign, _) = signs.find(|(sign, mark)| {
            // Others are of URLs and times.
            if *mark == ":" && !line[sign + 1..].starts_with(' ') {
                return false;
            }
            let name = name_before(&line[..*sign]);
            // That of a table names its columns.
            says_secret(&name) || (name == "key" && !is_of_table)
        })?;
        let end = start + line.len();
        (start + sign + 1 < end).then(|| start + sign + 1..end)
    })
}

/// The last word of a text, in lower case, where nothing but quotes and spaces come after it.
fn name_before(text: &str) -> String {
    let text = text.trim_end_matches([' ', '\t', '"', '\'']);
    let is_of_name = |character: char| character.is_alphanumeric() || "_-".contains(character);
    let start = text.rfind(|character| !is_of_name(character));
    let start = start.map_or(0, |at| {
        at + text[at..].chars().next().map_or(1, char::len_utf8)
    });
    text[start..].to_lowercase()
}

/// Whether a name is that of a secret.
fn says_secret(name: &str) -> bool {
    SECRET_KEYS.iter().any(|part| name.contains(part)) || SECRET_NAMES.contains(&name)
}

/// Words that look like keys: letters and digits mixed, and long.
fn long_words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let is_of_word =
        |character: char| character.is_ascii_alphanumeric() || "+/".contains(character);
    let mut words = Vec::new();
    let mut start = 0;
    for word in text.split(|character| !is_of_word(character)) {
        // Of a path each part is a word of its own, unless it looks like base64 all the same.
        let longest = word.split('/').map(str::len).max().unwrap_or_default();
        let has = |is: fn(&u8) -> bool| word.bytes().any(|byte| is(&byte));
        let is_mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
        if longest >= KEY_LENGTH && is_mixed {
            words.push(start..start + word.len());
        }
        start = start
            + word.len()
            + text[start + word.len()..]
                .chars()
                .next()
                .map_or(0, char::len_utf8);
    }
    words.into_iter()
}

/// The lines with where they start.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    text.split_inclusive('\n').map(move |line| {
        let place = start;
        start += line.len();
        (place, line.trim_end_matches(['\n', '\r']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_signatures_of_urls_are_starred() {
        let cases = [
            ("s3://AKIA:abc@bucket/x", "s3://***@bucket/x"),
            ("s3://AKIA:ab/c+d@bucket/x", "s3://***@bucket/x"),
            ("http://user@host:9000/x", "http://***@host:9000/x"),
            ("az://c/x?sv=1&sig=a%2Bb&se=2", "az://c/x?sv=1&sig=***&se=2"),
            (
                "GET `https://b.s3/x?X-Amz-Signature=ab12` failed",
                "GET `https://b.s3/x?X-Amz-Signature=***` failed",
            ),
            ("http://127.0.0.1:9000/b/a@c", "http://127.0.0.1:9000/b/a@c"),
            (
                "s3://bucket/orders/a@b.parquet",
                "s3://bucket/orders/a@b.parquet",
            ),
            ("mail a@b.org", "mail a@b.org"),
        ];
        for (text, shown) in cases {
            assert_eq!(without_secrets(text), shown);
            assert_eq!(has_secret(text), text != shown, "{text}");
        }
    }

    #[test]
    fn places_in_a_job_file_stay_where_they_are() {
        let text = "url = \"s3://k:ü@b/x\"\naws_secret_access_key = \"abc\nx = \"AKIAIOSFODNN7EXAMPLE1\"\n";
        let shown = starred(text);
        assert_eq!(
            shown,
            "url = \"s3://****@b/x\"\naws_secret_access_key =*****\nx = \"*********************\"\n"
        );
        assert_eq!(shown.len(), text.len());
        for line in [
            "output = \"az://c/x?sv=1\" &sig=abc\"",
            "storage = { access_key_id = \"abc\", secret = \"abc }",
            "password: abc",
            "api_key = \"abc\"",
            "output = { url = \"s3://b/o\", secret_access_key = \"abc\" }",
            "[storage]\nkey = \"abc\"",
        ] {
            let shown = starred(line);
            assert!(!shown.contains("abc"), "{shown}");
            assert_eq!(shown.len(), line.len());
        }
        let table = "[tables.stars]\nkey = [\"user_id\"]\n";
        assert_eq!(starred(table), table);
        let plain = "output = \"s3://lake/tierline/2026\"\n[sources.orders.columns]\n";
        assert_eq!(starred(plain), plain);
    }
}
