//! Findings as text for people, JSON for programs and workflow commands for GitHub.

use crate::{Level, Problem};

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    Text,
    Json,
    /// Annotations of a pull request (GitHub, "Workflow commands for GitHub Actions").
    Github,
}

/// All findings, and in text what they come to; ends with a line break.
pub fn report(problems: &[Problem], how: Report) -> String {
    match how {
        Report::Text => text(problems),
        Report::Json => json(problems),
        Report::Github => problems.iter().map(annotation).collect(),
    }
}

fn text(problems: &[Problem]) -> String {
    let count = |level| problems.iter().filter(|problem| problem.rule.level() == level).count();
    let mut out: String = problems.iter().map(|problem| format!("{problem}\n\n")).collect();
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    out.push_str(&format!("{errors} error{}, {warnings} warning{}\n", plural(errors), plural(warnings)));
    out
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// A finding as programs read it.
#[derive(serde::Serialize)]
struct Finding<'p> {
    file: &'p str,
    line: u64,
    column: u64,
    level: &'static str,
    rule: &'static str,
    what: &'p str,
    why: &'static str,
    hint: &'static str,
}

/// A finding a line, so that a change of one is a change of one line.
fn json(problems: &[Problem]) -> String {
    let line = |it: &Problem| {
        let finding = Finding {
            file: &it.file,
            line: it.line,
            column: it.column,
            level: it.rule.level().as_str(),
            rule: it.rule.code(),
            what: &it.what,
            why: it.rule.why(),
            hint: it.rule.hint(),
        };
        serde_json::to_string(&finding).map(|line| format!("\n  {line}")).unwrap_or_default()
    };
    let lines: Vec<String> = problems.iter().map(line).collect();
    let end = if lines.is_empty() { "" } else { "\n" };
    format!("[{}{end}]\n", lines.join(","))
}

fn annotation(it: &Problem) -> String {
    let message = format!("{}\nwhy: {}\nhint: {}", it.what, it.rule.why(), it.rule.hint());
    format!(
        "::{} file={},line={},col={},title={}::{}\n",
        it.rule.level().as_str(),
        property(&it.file),
        it.line,
        it.column,
        property(it.rule.code()),
        data(&message)
    )
}

/// As GitHub's toolkit escapes the text of a command (actions/toolkit, core/src/command.ts).
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
