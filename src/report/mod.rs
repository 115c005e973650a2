//! The report: what is published of a date, as a page that people look at.
//!
//! 1. [`request`]: which date, since when, in which language.
//! 2. [`figures`]: everything that the page shows as one value, read as the publication recorded it.
//!    [`history`], [`moves`], [`warned`], [`to_do`] and [`quality`] are its parts;
//!    [`published`] opens the tables for them.
//! 3. [`page`]: the figures as JSON within one HTML file, which has its style, its script, its words
//!    and the chart library in it, and asks for nothing else.
//! 4. [`site`]: the pages beside the tables, and an index over them, which has the metrics of [`headlines`].

mod figures;
mod headlines;
mod history;
mod moves;
mod page;
mod published;
mod quality;
mod request;
mod site;
mod to_do;
mod warned;
mod words;

pub(crate) use figures::Figures;
pub(crate) use page::page;
pub(crate) use request::{NightNotes, ReportRequest};
pub(crate) use site::{keep_pages, put_page};
