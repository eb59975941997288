//! Markdown as far as the rules need it: code spans, fences, links and headings.

use super::tree::{File, Tree};

/// A piece of a Markdown file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Text between two backticks.
    Span(&'t str),
    /// A line of a fenced block.
    Fenced(&'t str),
    /// Text outside of both.
    Prose(&'t str),
}

/// All Markdown files.
pub fn files(tree: &Tree) -> impl Iterator<Item = &File> {
    tree.below("", ".md")
}

/// The pieces of a file with their line numbers.
pub fn pieces(file: &File) -> Vec<(usize, Piece<'_>)> {
    let (mut found, mut fenced) = (Vec::new(), false);
    for (at, line) in file.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            found.push((at, Piece::Fenced(line)));
        } else {
            let parts = line.split('`').enumerate();
            found.extend(parts.map(|(n, part)| (at, if n % 2 == 1 { Piece::Span(part) } else { Piece::Prose(part) })));
        }
    }
    found
}

/// Targets of links and images with their line numbers.
pub fn links(file: &File) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (at, line) in file.lines() {
        fenced ^= line.trim_start().starts_with("```");
        // A link's text may be code; what is code itself may look like a link.
        let outside: String = line.split('`').enumerate().map(|(n, part)| if n % 2 == 1 { "" } else { part }).collect();
        if fenced {
            continue;
        }
        for (begin, end) in [("](", ')'), ("src=\"", '"'), ("href=\"", '"')] {
            let targets = outside.split(begin).skip(1).filter_map(|rest| rest.split(end).next());
            found.extend(targets.map(|target| (at, target.split(' ').next().unwrap_or_default().to_owned())));
        }
    }
    found
}

/// The anchors of a file's headings, as GitHub makes them.
pub fn anchors(file: &File) -> Vec<String> {
    let mut fenced = false;
    let mut found: Vec<String> = Vec::new();
    for line in file.text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let Some(heading) = line.strip_prefix('#').filter(|_| !fenced) else { continue };
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let same = found.iter().filter(|other| **other == anchor).count();
        found.push(if same == 0 { anchor } else { format!("{anchor}-{same}") });
    }
    found
}

/// A path relative to the folder of `file`, from the root; `None` when it leaves the checkout.
pub fn resolve(file: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            other => parts.push(other),
        }
    }
    Some(parts.join("/"))
}
