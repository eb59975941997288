//! Every reject code has a page, every page a code, and both say the same.

use flow::Code;

use super::tree::Tree;

const FOLDER: &str = "docs/rejects/";
const PARTS: &[&str] = &["## What it means", "## Example", "## Why it is not retried", "## What to do"];

/// Pages and codes match one to one; the page shows the hint that the dead letter's finder is given.
pub fn codes_have_pages(tree: &Tree) -> Vec<String> {
    let codes: Vec<(&str, &str)> = Code::ALL.iter().map(|code| (code.as_str(), code.hint())).collect();
    compare(tree, &codes)
}

fn compare(tree: &Tree, codes: &[(&str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    for (code, hint) in codes {
        if hint.trim().is_empty() {
            found.push(format!("code \"{code}\" has no hint"));
        }
        let path = format!("{FOLDER}{code}.md");
        let Some(page) = tree.get(&path) else {
            found.push(format!("there is no {path}"));
            continue;
        };
        let text = page.text.split_whitespace().collect::<Vec<_>>().join(" ");
        if !page.text.starts_with(&format!("# {code}\n")) {
            found.push(page.at(1, format_args!("does not begin with \"# {code}\"")));
        }
        if !text.contains(&format!("Hint: {hint}.")) {
            found.push(page.at(1, format_args!("does not say \"Hint: {hint}.\"")));
        }
        let missing = PARTS.iter().filter(|part| !page.text.contains(&format!("\n{part}\n")));
        found.extend(missing.map(|part| page.at(1, format_args!("has no \"{part}\""))));
    }
    for page in tree.below(FOLDER, ".md") {
        let name = page.path.trim_start_matches(FOLDER).trim_end_matches(".md");
        if !codes.iter().any(|(code, _)| *code == name) {
            found.push(page.at(1, "no code has this name"));
        }
    }
    found
}

#[test]
fn a_page_and_a_code_that_differ_are_found() {
    let parts = PARTS.join("\n\n");
    let page = format!("# late\n\nHint: send it\nearlier.\n\n{parts}\n");
    let tree = Tree::planted(&[("docs/rejects/late.md", &page)]);
    assert_eq!(compare(&tree, &[("late", "send it earlier")]), Vec::<String>::new());
    let wrong: [&[(&str, &str)]; 4] =
        [&[("late", "")], &[("late", "send it later")], &[("late", "send it earlier"), ("odd", "even")], &[]];
    for codes in wrong {
        assert_ne!(compare(&tree, codes), Vec::<String>::new(), "{codes:?}");
    }
    let short = Tree::planted(&[("docs/rejects/late.md", "# late\n\nHint: send it earlier.\n")]);
    assert_eq!(compare(&short, &[("late", "send it earlier")]).len(), PARTS.len());
}
