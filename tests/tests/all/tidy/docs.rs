//! Rules of the documents: what they name exists.

use super::markdown::{Piece, anchors, files, links, pieces, resolve};
use super::tree::{File, Tree};

/// Every decision has its number once, the numbers have no gap, and each page has the same parts.
pub fn decisions_are_numbered(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    let mut pages: Vec<&File> = tree.below("docs/adr/", ".md").collect();
    pages.sort_by(|a, b| a.path.cmp(&b.path));
    for (at, file) in pages.iter().enumerate() {
        let name = file.path.trim_start_matches("docs/adr/");
        let wanted = format!("{:04}", at + 1);
        if name.split('-').next() != Some(&wanted) {
            found.push(file.at(1, format_args!("the next number is {wanted}")));
        }
        if !file.text.starts_with(&format!("# {wanted}: ")) {
            found.push(file.at(1, format_args!("does not begin with \"# {wanted}: \"")));
        }
        for part in ["\nStatus: ", "\n## Context\n", "\n## Decision\n", "\n## Consequences\n"] {
            if !file.text.contains(part) {
                found.push(file.at(1, format_args!("has no \"{}\"", part.trim())));
            }
        }
    }
    found
}

/// Every `make` verb that a document names is in the Makefile.
pub fn make_verbs_exist(tree: &Tree) -> Vec<String> {
    let makefile = tree.get("Makefile").map_or("", |file| file.text.as_str());
    let target = |line: &str| line.split_once(':').map(|(name, _)| name.to_owned());
    let verbs: Vec<String> =
        makefile.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase())).filter_map(target).collect();
    let mut found = Vec::new();
    for file in files(tree) {
        for (at, piece) in pieces(file) {
            let (Piece::Span(text) | Piece::Fenced(text)) = piece else { continue };
            let commands = text.split("&&").map(|command| command.trim().trim_start_matches("$ "));
            let named = commands.filter_map(|command| command.strip_prefix("make ")?.split_whitespace().next());
            let missing = named.filter(|verb| {
                verb.starts_with(|c: char| c.is_ascii_lowercase()) && !verbs.iter().any(|known| known == verb)
            });
            found.extend(missing.map(|verb| file.at(at, format_args!("`make {verb}` is not in the Makefile"))));
        }
    }
    found
}

/// Every link to a file, and to a heading in it, resolves.
pub fn links_resolve(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for file in files(tree) {
        for (at, target) in links(file) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            if let Some(why) = broken(tree, file, &target) {
                found.push(file.at(at, format_args!("link \"{target}\": {why}")));
            }
        }
    }
    found
}

fn broken(tree: &Tree, file: &File, target: &str) -> Option<String> {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if path.is_empty() { Some(file.path.clone()) } else { resolve(&file.path, path) };
    let path = match path {
        Some(path) if tree.has(&path) => path,
        Some(path) => return Some(format!("there is no {path}")),
        None => return Some("leaves the checkout".to_owned()),
    };
    let known =
        anchor.is_empty() || tree.get(&path).is_some_and(|page| anchors(page).iter().any(|known| known == anchor));
    (!known).then(|| format!("{path} has no such heading"))
}

/// Every path in a code span exists: below a folder of the checkout, or `core/…` and `shell/…` of the engine.
pub fn paths_exist(tree: &Tree) -> Vec<String> {
    const FOLDERS: &[&str] = &["crates", "docs", "tests", "processors", "schemas", "helm", "bench", ".ci"];
    let mut found = Vec::new();
    for file in files(tree) {
        for (at, piece) in pieces(file) {
            let Piece::Span(path) = piece else { continue };
            // `<name>` and `*` stand for any; a space makes it a command.
            let any = path.contains(['<', '*', '…', '{', ' ', '(']);
            let Some((first, _)) = path.split_once('/').filter(|_| !any) else { continue };
            let there = match first {
                "core" | "shell" => tree.has(&format!("crates/engine/src/{path}")),
                folder => !FOLDERS.contains(&folder) || tree.has(path),
            };
            if !there {
                found.push(file.at(at, format_args!("there is no `{path}`")));
            }
        }
    }
    found
}

/// Invariants are numbered without a gap, and each names at least one test that exists.
pub fn invariants_are_guarded(tree: &Tree) -> Vec<String> {
    const PAGE: &str = "docs/ARCHITECTURE.md";
    const MARK: &str = "Architecture Invariant ";
    let Some(file) = tree.get(PAGE) else { return vec![format!("there is no {PAGE}")] };
    let begins: Vec<usize> = file.lines().filter(|(_, line)| line.contains(MARK)).map(|(at, _)| at).collect();
    let lines: Vec<&str> = file.text.lines().collect();
    let mut found = Vec::new();
    for (number, begin) in begins.iter().enumerate() {
        if !lines[begin - 1].contains(&format!("{MARK}{}: ", number + 1)) {
            found.push(file.at(*begin, format_args!("the next invariant is number {}", number + 1)));
        }
        let end = begins.get(number + 1).map_or(lines.len(), |next| next - 1);
        let text = lines[begin - 1..end].join("\n");
        let guard = text.split_once("Guard:").map_or("", |(_, guard)| guard.split("\n\n").next().unwrap_or_default());
        let names: Vec<&str> = guard.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            found.push(file.at(*begin, format_args!("invariant {} names no test after \"Guard:\"", number + 1)));
        }
        let missing = names.into_iter().filter(|name| !is_guard(tree, name));
        found.extend(
            missing.map(|name| file.at(*begin, format_args!("invariant {}: there is no test `{name}`", number + 1))),
        );
    }
    if begins.is_empty() {
        found.push(format!("{PAGE} states no invariant"));
    }
    found
}

/// Every test that another page names after "Guard:" exists.
pub fn guards_exist(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for file in tree.below("docs/", ".md") {
        for paragraph in file.text.split("\n\n").filter(|paragraph| paragraph.starts_with("Guard:")) {
            let names = paragraph.split('`').skip(1).step_by(2);
            found.extend(
                names
                    .filter(|name| !is_guard(tree, name))
                    .map(|name| format!("{}: there is no test `{name}`", file.path)),
            );
        }
    }
    found
}

/// A test, a rule of this module, or an invariant that the simulator's oracle checks after every run.
fn is_guard(tree: &Tree, name: &str) -> bool {
    let function = format!("fn {name}(");
    let test = |file: &&File| {
        file.of_tests() || file.text.contains("#[test]") || file.path.starts_with("crates/sim/src/oracle/")
    };
    let rule = format!("\n    {name}: ");
    tree.below("", ".rs").filter(test).any(|file| file.text.contains(&function))
        || tree.below("tests/tests/all/tidy", ".rs").any(|file| file.text.contains(&rule))
}

/// The glossary has one meaning per word, in alphabetical order.
pub fn words_have_one_meaning(tree: &Tree) -> Vec<String> {
    let Some(file) = tree.get("docs/GLOSSARY.md") else { return vec!["there is no docs/GLOSSARY.md".to_owned()] };
    let word = |(at, line): (usize, &str)| Some((at, line.strip_prefix("**")?.split_once("**")?.0.to_lowercase()));
    let words: Vec<(usize, String)> = file.lines().filter_map(word).collect();
    let wrong = words.windows(2).filter(|pair| pair[0].1 >= pair[1].1);
    let mut found: Vec<String> =
        wrong.map(|pair| file.at(pair[1].0, format_args!("\"{}\" after \"{}\"", pair[1].1, pair[0].1))).collect();
    if words.is_empty() {
        found.push(file.at(1, "has no word at the beginning of a line"));
    }
    found
}
