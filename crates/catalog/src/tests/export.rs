//! Documents of the base contract: everything is in them, links lead somewhere, nothing of them is markup by accident.

use std::collections::BTreeSet;

use crate::tests::{Files, base, edited, parsed};
use crate::{Document, export};

const ALL: [Document; 3] = [Document::Markdown, Document::Html, Document::AsyncApi];

/// The base contract with a second version of a record, and a text that would be markup.
fn evolved() -> Files {
    let released: Files = crate::generate(&parsed(base()))
        .into_iter()
        .map(|(path, text)| (path.to_string_lossy().into_owned(), text))
        .filter(|(path, _)| path.starts_with("schemas/released/"))
        .collect();
    let files = edited(base(), "schemas/ask.avsc", "\"version\": \"1.0.0\"", "\"version\": \"1.1.0\"");
    let field =
        "{\"name\": \"urgent\", \"type\": \"boolean\", \"doc\": \"Sooner | <b>better</b>.\", \"default\": false}, ";
    let files = edited(files, "schemas/ask.avsc", "{\"name\": \"again\"", &format!("{field}{{\"name\": \"again\""));
    let mut files = edited(files, "topics.yaml", "about: What is known.", "about: \"What <is> known & kept.\"");
    files.extend(released);
    files
}

fn document(name: &str) -> String {
    let files = export(&parsed(evolved()), &ALL, "1.2.3", &[("name", "A <thing> & its name.")]);
    files.into_iter().find(|(other, _)| *other == name).unwrap_or_else(|| panic!("no {name}")).1
}

#[test]
fn the_catalogue_in_markdown() {
    insta::assert_snapshot!(document("catalogue.md"));
}

#[test]
fn the_catalogue_in_html() {
    let page = document("index.html");
    // Style and script have files of their own to be reviewed in.
    let body = page.split("</head>").nth(1).and_then(|rest| rest.split("<script>").next());
    insta::assert_snapshot!(body.expect("a head and a script"));
}

#[test]
fn asyncapi_in_yaml() {
    insta::assert_snapshot!(document("asyncapi.yaml"));
}

#[test]
fn asyncapi_in_json_is_the_same_document() {
    let json: serde_json::Value = serde_json::from_str(&document("asyncapi.json")).expect("it is JSON");
    let yaml: serde_json::Value = serde_saphyr::from_str(&document("asyncapi.yaml")).expect("it is YAML");
    assert_eq!(json, yaml);
}

#[test]
fn the_page_is_whole_in_itself() {
    let page = document("index.html");
    for outside in ["src=", "<link", "@import", "url(http", "fetch("] {
        assert!(!page.contains(outside), "{outside}");
    }
    let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let known: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(known.len(), ids.len(), "an id stands twice: {ids:?}");
    for target in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(known.contains(target), "#{target} leads nowhere");
    }
    assert!(page.contains("What &lt;is&gt; known &amp; kept.") && !page.contains("<is>") && !page.contains("<b>"));
}

#[test]
fn links_in_markdown_lead_to_headings() {
    let page = document("catalogue.md");
    let anchor = |heading: &str| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        heading.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect::<String>()
    };
    let anchors: Vec<String> = page.lines().filter(|line| line.starts_with('#')).map(anchor).collect();
    assert_eq!(anchors.iter().collect::<BTreeSet<_>>().len(), anchors.len(), "an anchor stands twice: {anchors:?}");
    for target in page.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(anchors.iter().any(|known| known == target), "#{target} leads nowhere");
    }
}

#[test]
fn only_what_is_wanted_is_written() {
    let names = |wanted: &[Document]| {
        export(&parsed(base()), wanted, "1", &[]).into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(&ALL), "catalogue.md index.html asyncapi.yaml asyncapi.json");
    assert_eq!((names(&[Document::Html]), names(&[])), ("index.html".to_owned(), String::new()));
}
