//! Listings of S3 in which one invalid key does not cost all others: the client's own parser gives up
//! the whole page. So keys that it cannot represent are replaced in the page, by their
//! [stand-ins](super::invalid_names), before it reads it.

use async_trait::async_trait;
use bytes::Bytes;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};

use super::invalid_names::stand_in;

/// Connects as usual.
#[derive(Debug, Default)]
pub(super) struct InvalidKeys {
    usual: ReqwestConnector,
}

impl HttpConnector for InvalidKeys {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let usual = self.usual.connect(options)?;
        Ok(HttpClient::new(Replacing(usual)))
    }
}

#[derive(Debug)]
struct Replacing(HttpClient);

#[async_trait]
impl HttpService for Replacing {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let query = request.uri().query().unwrap_or_default();
        let is_listing = query.split('&').any(|part| part == "list-type=2");
        let response = self.0.execute(request).await?;
        if !is_listing || !response.status().is_success() {
            return Ok(response);
        }
        let (mut parts, body) = response.into_parts();
        let page = replaced(body.bytes().await?);
        parts.headers.remove("content-length");
        Ok(HttpResponse::from_parts(parts, page.into()))
    }
}

/// A page of a listing without invalid keys.
fn replaced(page: Bytes) -> Bytes {
    let Ok(text) = std::str::from_utf8(&page) else {
        return page;
    };
    let keys = replaced_in(text, "Key", true);
    let prefixes = replaced_in(keys.as_deref().unwrap_or(text), "Prefix", false);
    prefixes.or(keys).map_or(page.clone(), Bytes::from)
}

/// The page with other texts in elements of this name, if any of them is invalid. What a listing was
/// asked for, the `Prefix` of the page itself, is one that the client could ask for.
fn replaced_in(page: &str, element: &str, is_object: bool) -> Option<String> {
    let (begin, end) = (format!("<{element}>"), format!("</{element}>"));
    let mut new = String::new();
    let mut rest = page;
    let mut is_changed = false;
    while let Some((before, after)) = rest.split_once(&begin) {
        let Some((text, behind)) = after.split_once(&end) else {
            break;
        };
        let name = unescaped(text);
        let stand_in = stand_in(&name).map(|path| match is_object {
            true => path.to_string(),
            false => format!("{path}/"),
        });
        is_changed |= stand_in.is_some();
        let text = stand_in.map_or_else(|| text.to_owned(), |name| escaped(&name));
        new.extend([before, &begin, &text, &end]);
        rest = behind;
    }
    new.push_str(rest);
    is_changed.then_some(new)
}

fn escaped(name: &str) -> String {
    name.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The text of an element.
fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let reference = after.split_once(';');
        let known = reference.and_then(|(name, behind)| Some((referred(name)?, behind)));
        let (character, behind) = known.unwrap_or(('&', after));
        plain.push(character);
        rest = behind;
    }
    plain.push_str(rest);
    plain
}

/// `amp`, `#9`, `#x1F`.
fn referred(name: &str) -> Option<char> {
    let number = |digits: &str, radix| {
        let number = u32::from_str_radix(digits, radix).ok()?;
        char::from_u32(number)
    };
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        name => {
            let name = name.strip_prefix('#')?;
            match name.strip_prefix(['x', 'X']) {
                Some(digits) => number(digits, 16),
                None => number(name, 10),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use object_store::path::Path;

    use super::super::invalid_names::original_name;
    use super::*;

    fn keys(page: &str, element: &str) -> Vec<String> {
        let begin = format!("<{element}>");
        let keys = page.split(&begin).skip(1);
        let keys = keys.map(|key| unescaped(key.split('<').next().unwrap()));
        keys.collect()
    }

    #[test]
    fn odd_keys_of_a_page_are_replaced_and_others_stay() {
        let page = "<ListBucketResult><Prefix>raw/</Prefix>\
            <Contents><Key>raw/a&amp;b//c</Key><Size>1</Size></Contents>\
            <Contents><Key>raw/d&amp;e</Key><Size>2</Size></Contents>\
            <Contents><Key>raw/f&#x9;g&#1;</Key><Size>3</Size></Contents>\
            <CommonPrefixes><Prefix>raw//</Prefix></CommonPrefixes>\
            <CommonPrefixes><Prefix>raw/h/</Prefix></CommonPrefixes></ListBucketResult>";
        let new = replaced(Bytes::from(page));
        let new = std::str::from_utf8(&new).unwrap();
        let listed = keys(new, "Key");
        let odd = listed
            .iter()
            .map(|key| original_name(&Path::parse(key).unwrap()));
        assert_eq!(
            odd.collect::<Vec<_>>(),
            [
                Some("raw/a&b//c".to_owned()),
                None,
                Some("raw/f\\tg\\u{1}".to_owned())
            ]
        );
        assert_eq!(listed[1], "raw/d&e");
        let prefixes = keys(new, "Prefix");
        assert_eq!([&prefixes[0], &prefixes[2]], ["raw/", "raw/h/"]);
        let odd = original_name(&Path::parse(&prefixes[1]).unwrap());
        assert_eq!(odd.as_deref(), Some("raw//"));
        assert!(new.contains("<Size>3</Size>"));
    }

    #[test]
    fn page_without_odd_keys_stays_as_it_is() {
        let page = Bytes::from("<Contents><Key>raw/d&amp;e%2F ü#1</Key></Contents>");
        assert_eq!(replaced(page.clone()), page);
    }
}
