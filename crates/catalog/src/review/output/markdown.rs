//! For a comment on a pull request, as GitHub renders it.

use crate::review::output::{counted, versions};
use crate::review::{Finding, Level, RecordReview, Review};

/// GitHub refuses comments that are longer than 65,536 characters.
const BYTES_MAX: usize = 60_000;

/// The review as Markdown. What does not fit into a comment is left out from the end, and said so.
pub fn markdown(review: &Review) -> String {
    let mut out = String::from("<!-- orderflow schema review -->\n## Schema review\n\n");
    if review.records.is_empty() && review.findings.is_empty() {
        out.push_str(&format!("Nothing changed against {}.\n", code(&review.against)));
        return out;
    }
    let verdict = match review.verdict {
        Some(Level::Error) => "❌ **Breaking**",
        Some(Level::Warning) => "⚠️ **Compatible, with warnings**",
        _ => "✅ **Compatible**",
    };
    let counted = counted(review);
    let counted = if counted.is_empty() { String::new() } else { format!(": {counted}") };
    out.push_str(&format!("{verdict}{counted}. Compared with {}.\n\n", code(&review.against)));
    out.push_str(&summary(review));
    let mut left_out = 0;
    for section in review.records.iter().map(|record| self::record(review, record)).chain(rest(review)) {
        if out.len() + section.len() > BYTES_MAX {
            left_out += 1;
        } else {
            out.push_str(&section);
        }
    }
    if left_out > 0 {
        out.push_str(&format!(
            "\n_{left_out} more sections are left out, because a comment has a limit; `orderflow schema review` prints \
             all of them._\n"
        ));
    }
    out
}

fn summary(review: &Review) -> String {
    if review.records.is_empty() {
        return String::new();
    }
    let mut out = String::from("| | record | version | needs | who breaks | deploy |\n|---|---|---|---|---|---|\n");
    for record in &review.records {
        let worst = review.of(&record.record).map(|finding| finding.level).max();
        let mut breaks: Vec<&str> = Vec::new();
        for name in review.of(&record.record).filter(|it| it.level == Level::Error).flat_map(|it| &it.breaks) {
            if !breaks.contains(&name.as_str()) {
                breaks.push(name);
            }
        }
        out.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} |\n",
            sign(worst),
            code(&record.record),
            match record.fate {
                crate::review::Fate::Changed => versions(record),
                fate => format!("{} {}", versions(record), fate.as_str()),
            },
            if record.verdicts.is_empty() { "–" } else { record.bump_required.as_str() },
            if breaks.is_empty() { "nobody".to_owned() } else { breaks.join(", ") },
            record.order.as_str()
        ));
    }
    out + "\n"
}

fn sign(level: Option<Level>) -> &'static str {
    match level {
        Some(Level::Error) => "❌",
        Some(Level::Warning) => "⚠️",
        Some(Level::Note) => "ℹ️",
        None => "✅",
    }
}

fn record(review: &Review, record: &RecordReview) -> String {
    let mut out = format!("### {} {}\n\n", code(&record.record), versions(record));
    if !record.diff.is_empty() {
        out.push_str("```diff\n");
        for change in &record.diff {
            let sign = if change.sign == '~' { '!' } else { change.sign };
            let name = if change.path.is_empty() { String::new() } else { format!("{}: ", change.path) };
            let old = if change.before { ", old" } else { "" };
            out.push_str(&format!("{sign} {name}{}   # {}:{}{old}\n", change.what, change.file, change.line));
        }
        out.push_str("```\n\n");
    }
    for finding in review.of(&record.record) {
        if finding.records.first() == Some(&record.record) {
            out.push_str(&self::finding(finding));
        } else {
            let first = finding.records.first().map_or("", String::as_str);
            out.push_str(&format!("- {} {} as for {}\n", sign(Some(finding.level)), code(&finding.field), code(first)));
        }
    }
    out.push_str(&format!("**Deploy:** {}.\n\n", escape(&record.deployment)));
    out + &details(record)
}

fn details(record: &RecordReview) -> String {
    if record.verdicts.is_empty() && record.uses.is_empty() {
        return String::new();
    }
    let mut out = String::from("<details><summary>Who reads and writes it, and each verdict</summary>\n\n");
    if !record.uses.is_empty() {
        out.push_str("| where | kept | written by | read by |\n|---|---|---|---|\n");
        for place in &record.uses {
            let side = |names: &[String], outside: &[String]| {
                let outside = outside.iter().map(|name| format!("{name} (outside)"));
                let all: Vec<String> = names.iter().cloned().chain(outside).collect();
                if all.is_empty() { "nobody".to_owned() } else { all.join(", ") }
            };
            out.push_str(&format!(
                "| {} | {} | {} | {} |\n",
                code(&place.place),
                place.retained,
                side(&place.writers, &place.writers_outside),
                side(&place.readers, &place.readers_outside)
            ));
        }
        out.push('\n');
    }
    if !record.verdicts.is_empty() {
        out.push_str("| who reads | what | Java, registry | Rust |\n|---|---|---|---|\n");
        for verdict in &record.verdicts {
            let yes = |it: bool| if it { "✅" } else { "❌" };
            let java = match verdict.java_errors.first() {
                Some(error) => format!("❌ {} at {}", code(&error.kind), code(&error.path)),
                None => yes(verdict.java).to_owned(),
            };
            let rust = verdict.rust.map_or("not tried", yes);
            out.push_str(&format!(
                "| {} | data of {} | {java} | {rust} {} |\n",
                verdict.reader,
                verdict.writer,
                escape(&verdict.rust_said)
            ));
        }
        out.push('\n');
    }
    out + "</details>\n\n"
}

fn finding(finding: &Finding) -> String {
    let old = if finding.before { " (old)" } else { "" };
    let mut out = format!(
        "{} **{}** {}\n{}{old}\n\n",
        sign(Some(finding.level)),
        escape(&finding.what),
        code(finding.rule),
        code(&format!("{}:{}", finding.file, finding.line))
    );
    out.push_str(&format!("- Why: {}\n", escape(&finding.why)));
    if let Some(java) = &finding.java {
        let message = if java.message.is_empty() { String::new() } else { format!(": {}", escape(&java.message)) };
        out.push_str(&format!("- Java: {} at {}{message}\n", code(&java.kind), code(&java.path)));
    }
    out.push_str(&format!("- Fix: {}\n", escape(&finding.fix.words)));
    if let Some(patch) = &finding.fix.patch {
        out.push_str(&format!("\n<details><summary>Patch</summary>\n\n```diff\n{patch}```\n\n</details>\n"));
    }
    out + "\n"
}

fn rest(review: &Review) -> Option<String> {
    let found: Vec<String> = review.findings.iter().filter(|it| it.records.is_empty()).map(finding).collect();
    (!found.is_empty()).then(|| format!("### Topics and lint\n\n{}", found.concat()))
}

/// Inline code; a backtick inside would end it.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace('|', "\\|"))
}

/// Text without accidental markup.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_code = false;
    // One that nothing closes is a letter, or what follows would be taken for code, markup and all.
    let closed = text.matches('`').count().is_multiple_of(2);
    for c in text.chars() {
        match c {
            '`' if closed => in_code = !in_code,
            '`' | '\\' | '_' | '*' | '<' | '>' | '|' | '[' | ']' | '#' if !in_code => out.push('\\'),
            '\n' => {
                out.push(' ');
                continue;
            }
            _ => {}
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn no_text_becomes_markup() {
        assert_eq!(escape("`a_b` and <b>"), "`a_b` and \\<b\\>");
        assert_eq!(escape("`<details><h1>x|y"), "\\`\\<details\\>\\<h1\\>x\\|y");
        assert_eq!(escape("\\<b"), "\\\\\\<b");
    }
}
