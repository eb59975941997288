//! The contract as documents: an event catalogue for people (Markdown, one HTML page) and AsyncAPI for tools.
//!
//! Architecture Invariant: the same catalog gives the same bytes; nothing here knows the time, the machine or a path.

mod asyncapi;
mod html;
mod markdown;
mod model;
mod node;
mod schema;
mod wire;

use crate::Catalog;

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Document {
    /// `catalogue.md`
    Markdown,
    /// `index.html`, whole in itself.
    Html,
    /// `asyncapi.yaml` and `asyncapi.json`, the same document twice.
    AsyncApi,
}

/// The documents as pairs of file name and text; `version` is that of the application they describe, `rules` are what its
/// clients have to do besides what is so in every flow: what each is about, and the rule.
pub fn export(
    catalog: &Catalog,
    wanted: &[Document],
    version: &str,
    rules: &[(&'static str, &str)],
) -> Vec<(&'static str, String)> {
    let model = model::model(catalog, rules);
    let mut files = Vec::new();
    if wanted.contains(&Document::Markdown) {
        files.push(("catalogue.md", markdown::markdown(catalog, &model, version)));
    }
    if wanted.contains(&Document::Html) {
        files.push(("index.html", html::html(catalog, &model, version)));
    }
    if wanted.contains(&Document::AsyncApi) {
        let document = asyncapi::asyncapi(catalog, &model, version);
        files.push(("asyncapi.yaml", document.yaml()));
        files.push(("asyncapi.json", document.json()));
    }
    files
}
