//! Rust as far as the rules need it: code without comments, texts and tests, and the paths that it names.

use std::ops::Range;

/// The code with comments, texts and characters blanked; every line keeps its number.
pub fn bare(source: &str) -> String {
    let bytes: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = skip(&bytes, at);
        if end == at {
            out.push(bytes[at]);
            at += 1;
            continue;
        }
        out.extend(bytes[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    out
}

/// Where the comment, text or character that begins here ends; `at` itself when none does.
fn skip(code: &[char], at: usize) -> usize {
    let next = |ahead: usize| code.get(at + ahead).copied();
    match code[at] {
        '/' if next(1) == Some('/') => line_end(code, at),
        '/' if next(1) == Some('*') => comment_end(code, at),
        '"' => text_end(code, at + 1),
        'r' if !(at > 0 && is_word(code[at - 1])) => raw_end(code, at).unwrap_or(at),
        '\'' if next(1) == Some('\\') => char_end(code, at + 2),
        '\'' if next(2) == Some('\'') => at + 3,
        _ => at,
    }
}

fn line_end(code: &[char], at: usize) -> usize {
    (at..code.len()).find(|at| code[*at] == '\n').unwrap_or(code.len())
}

fn comment_end(code: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at + 1 < code.len() {
        match (code[at], code[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    code.len()
}

fn text_end(code: &[char], mut at: usize) -> usize {
    while at < code.len() && code[at] != '"' {
        at += if code[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(code.len())
}

fn char_end(code: &[char], at: usize) -> usize {
    (at + 1..code.len()).find(|at| code[*at] == '\'').map_or(code.len(), |end| end + 1)
}

/// `r"…"`, `r#"…"#` and so on.
fn raw_end(code: &[char], at: usize) -> Option<usize> {
    let hashes = code[at + 1..].iter().take_while(|c| **c == '#').count();
    let begin = at + 1 + hashes;
    if code.get(begin) != Some(&'"') {
        return None;
    }
    let closes =
        |end: &usize| code[*end] == '"' && code[end + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
    Some((begin + 1..code.len()).find(closes).map_or(code.len(), |end| end + 1 + hashes))
}

/// Bare code without what is compiled for tests only.
pub fn without_tests(source: &str) -> String {
    let mut code = bare(source);
    while let Some(span) = first_test(&code) {
        let blank: String = code[span.clone()].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        code.replace_range(span, &blank);
    }
    code
}

/// Lines of what is compiled for tests only.
pub fn lines_of_tests(source: &str) -> usize {
    let (mut code, mut lines) = (bare(source), 0);
    while let Some(span) = first_test(&code) {
        lines += code[span.clone()].lines().count();
        code.replace_range(span, "");
    }
    lines
}

/// The first item under `#[cfg(test)]` in bare code.
fn first_test(code: &str) -> Option<Range<usize>> {
    let begin = code.find("#[cfg(test)]")?;
    let rest = &code[begin..];
    let end = match rest.find(['{', ';']) {
        Some(open) if rest[open..].starts_with('{') => block_end(rest, open),
        Some(semicolon) => semicolon + 1,
        None => rest.len(),
    };
    Some(begin..begin + end)
}

fn block_end(code: &str, open: usize) -> usize {
    let mut depth = 0;
    for (at, c) in code[open..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return open + at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// Whether a character may stand in a name.
pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Lines of bare code that name a path such as `std::time` or a crate such as `sled`, also inside `use std::{…}`.
pub fn lines_naming(code: &str, path: &str) -> Vec<usize> {
    let line = |at: usize| code[..at].matches('\n').count() + 1;
    let mut found: Vec<usize> =
        code.match_indices(path).filter(|(at, _)| names(code, *at, path)).map(|(at, _)| line(at)).collect();
    for (at, _) in code.match_indices("use ").filter(|(at, _)| !code[..*at].ends_with(is_word)) {
        let tree = code[at + 4..].split(';').next().unwrap_or_default();
        let below = format!("{path}::");
        if paths(tree).iter().any(|used| used == path || used.starts_with(&below)) {
            found.push(line(at));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn names(code: &str, at: usize, path: &str) -> bool {
    let (before, after) = (&code[..at], &code[at + path.len()..]);
    // A crate's name is a word like any other: it counts where a path follows.
    let ends = if path.contains("::") { !after.starts_with(is_word) } else { after.starts_with("::") };
    ends && !before.ends_with(|c| is_word(c) || c == ':')
}

/// Every path of a use tree: `a::{b, c::d}` is `a::b` and `a::c::d`.
pub fn paths(tree: &str) -> Vec<String> {
    // `a as b` names a.
    let renamed = tree.split(" as ").enumerate();
    let plain: String =
        renamed.map(|(at, part)| if at == 0 { part } else { part.trim_start_matches(is_word) }).collect();
    let tree: String = plain.split_whitespace().collect();
    let mut out = Vec::new();
    expand("", &tree, &mut out);
    out
}

fn expand(prefix: &str, tree: &str, out: &mut Vec<String>) {
    let Some((head, rest)) = tree.split_once('{') else {
        out.push(format!("{prefix}{tree}"));
        return;
    };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let (mut depth, mut begin) = (0, 0);
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if begin < at {
                    expand(&format!("{prefix}{head}"), &inner[begin..at], out);
                }
                begin = at + 1;
            }
            _ => {}
        }
    }
}

#[test]
fn code_is_read_without_comments_texts_and_tests() {
    let source = "let a = \"sled::x\"; // sled::y\n\
                  let b = 'x'; let c: &'a str = r#\"std::fs\"#; /* a /* b */ sled::z */ d\n\
                  #[cfg(test)]\nmod tests { fn f() { std::fs::x(); } }\nuse std::{fs, io::{self, Read}};\n";
    let code = without_tests(source);
    assert_eq!(code.lines().count(), source.lines().count());
    assert_eq!(lines_of_tests(source), 2);
    assert!(code.contains("let b =") && code.contains("&'a str") && code.contains(" d\n"), "{code}");
    assert_eq!(lines_naming(&code, "sled"), Vec::<usize>::new());
    assert_eq!(lines_naming(&code, "std::fs"), [5]);
    assert_eq!(lines_naming(&code, "std::io"), [5]);
    assert_eq!(lines_naming(&bare(source), "std::fs"), [4, 5]);
    assert_eq!(lines_naming("operand::x(); rand::y(); rand; x.rand", "rand"), [1]);
    assert_eq!(paths("a::{b as z, c::{d, e}, }"), ["a::b", "a::c::d", "a::c::e"]);
}
