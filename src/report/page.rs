//! The figures of a report as one HTML file that asks for nothing else.
//!
//! | part | file |
//! |---|---|
//! | structure | `assets/page.html`, with a place such as `{{style}}` for each other part |
//! | style and behaviour | `assets/page.css`, `assets/page.js` |
//! | words | `assets/words.json` |
//! | charts | `assets/echarts.min.js`: see `assets/README.md` |
//! | figures | JSON in a `<script type="application/json">` |
//!
//! Texts of data and of the job are in the JSON alone, and the script sets them as text, never as HTML.

use crate::ground::{Diagnostic, Problems};

use super::figures::Figures;
use super::words::WORDS;

const TEMPLATE: &str = include_str!("assets/page.html");
const STYLE: &str = include_str!("assets/page.css");
const SCRIPT: &str = include_str!("assets/page.js");
const CHARTS: &str = include_str!("assets/echarts.min.js");

/// The page of some figures.
///
/// # Errors
/// Figures that are no JSON: a bug.
pub(crate) fn page(figures: &Figures) -> Result<String, Problems> {
    let json = serde_json::to_string(figures)
        .map_err(|error| Problems(vec![Diagnostic::new(error.to_string())]))?;
    let parts = [
        ("{{language}}", figures.language),
        ("{{title}}", &figures.snapshot_date.to_string()),
        ("{{style}}", STYLE),
        ("{{words}}", &within_script(WORDS)),
        ("{{figures}}", &within_script(&json)),
        ("{{charts}}", CHARTS),
        ("{{script}}", SCRIPT),
    ];
    Ok(filled(TEMPLATE, &parts))
}

/// A template with its places filled from the first to the last: what a part says is never looked at for
/// places of its own.
pub(super) fn filled(template: &str, parts: &[(&str, &str)]) -> String {
    let mut page = String::new();
    let mut rest = template;
    for (place, part) in parts {
        if let Some((before, after)) = rest.split_once(place) {
            page.push_str(before);
            page.push_str(part);
            rest = after;
        }
    }
    page.push_str(rest);
    page
}

/// JSON that ends no script, whatever its texts: these characters are in its texts alone.
fn within_script(json: &str) -> String {
    let escapes = [
        ('<', "\\u003c"),
        ('>', "\\u003e"),
        ('&', "\\u0026"),
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
    ];
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        match escapes.iter().find(|(found, _)| *found == character) {
            Some((_, escape)) => safe.push_str(escape),
            None => safe.push(character),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_end_no_script_and_stay_what_they_are() {
        let text = "</script><img src=x onerror=alert(1)>\u{2028}&amp;'\"";
        let json = serde_json::json!({ "label": text }).to_string();
        let safe = within_script(&json);
        assert!(!safe.contains(['<', '>', '&', '\u{2028}']), "{safe}");
        let read: serde_json::Value = serde_json::from_str(&safe).unwrap();
        assert_eq!(read["label"], text);
    }

    #[test]
    fn every_place_of_the_template_is_filled_in_order() {
        let parts = [("{{a}}", "{{b}}"), ("{{b}}", "2")];
        assert_eq!(filled("<{{a}}|{{b}}>", &parts), "<{{b}}|2>");
        let places = regex::Regex::new(r"\{\{\w+\}\}").unwrap();
        let places: Vec<&str> = places
            .find_iter(TEMPLATE)
            .map(|found| found.as_str())
            .collect();
        let known = [
            "{{language}}",
            "{{title}}",
            "{{style}}",
            "{{words}}",
            "{{figures}}",
            "{{charts}}",
            "{{script}}",
        ];
        assert_eq!(places, known);
    }
}
