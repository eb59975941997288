//! Tests of the catalog: a small correct contract, and what happens when it is changed.

mod access;
mod compat;
mod export;
mod generate;
mod lint;
mod plan;
mod registration;
mod released;
mod review;
mod topic;

use std::path::Path;

use crate::{Catalog, Problem};

/// A contract as pairs of path and text, topics.yaml first.
type Files = Vec<(String, String)>;

/// The contract in `base/`: correct, with every shape of field.
fn base() -> Files {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    vec![
        file("topics.yaml", include_str!("base/topics.yaml")),
        file("schemas/meta.avsc", include_str!("base/meta.avsc")),
        file("schemas/shapes.avsc", include_str!("base/shapes.avsc")),
        file("schemas/ask.avsc", include_str!("base/ask.avsc")),
        file("schemas/thing.avsc", include_str!("base/thing.avsc")),
        file("schemas/answer.avsc", include_str!("base/answer.avsc")),
        file("schemas/state/kept.avsc", include_str!("base/kept.avsc")),
        file("schemas/state/part.avsc", include_str!("base/part.avsc")),
    ]
}

/// The catalog unless an error was found, and every finding.
fn judged(files: Files) -> (Option<Catalog>, Vec<Problem>) {
    let mut files = files.into_iter();
    let (_, yaml) = files.next().expect("topics.yaml comes first");
    Catalog::judge(&yaml, files)
}

fn parse(files: Files) -> Result<Catalog, Vec<Problem>> {
    let mut files = files.into_iter();
    let (_, yaml) = files.next().expect("topics.yaml comes first");
    Catalog::parse(&yaml, files)
}

/// The correct contract, which must parse.
fn parsed(files: Files) -> Catalog {
    parse(files).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// Replaces a text in a file; it must be there.
fn edited(mut files: Files, path: &str, from: &str, to: &str) -> Files {
    let file = files.iter_mut().find(|(other, _)| other == path).unwrap_or_else(|| panic!("no file {path}"));
    assert!(file.1.contains(from), "{path} has no {from}");
    file.1 = file.1.replacen(from, to, 1);
    files
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
