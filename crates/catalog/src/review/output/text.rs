//! For a terminal.

use crate::review::output::{counted, versions};
use crate::review::{Change, Finding, Level, RecordReview, Review, Verdict};

/// Colours, or none.
struct Paint(bool);

impl Paint {
    fn on(&self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn level(&self, level: Level, text: &str) -> String {
        let code = match level {
            Level::Error => "1;31",
            Level::Warning => "1;33",
            Level::Note => "1;36",
        };
        self.on(code, text)
    }
}

/// The review as text; in colour when the caller writes to a terminal.
pub fn text(review: &Review, colour: bool) -> String {
    let paint = Paint(colour);
    let mut out = String::new();
    for record in &review.records {
        out.push_str(&self::record(record, &paint));
        for finding in review.of(&record.record) {
            // What several records share is told at the first of them.
            if finding.records.first() == Some(&record.record) {
                out.push_str(&self::finding(finding, &paint));
            } else {
                let first = finding.records.first().map_or("", String::as_str);
                out.push_str(&format!(
                    "  {}: {}, as told at {first}\n",
                    paint.level(finding.level, &format!("{}[{}]", finding.level.as_str(), finding.rule)),
                    finding.field
                ));
            }
        }
        out.push('\n');
    }
    let rest: Vec<&Finding> = review.findings.iter().filter(|finding| finding.records.is_empty()).collect();
    if !rest.is_empty() {
        out.push_str(&paint.on("1", "topics.yaml and lint"));
        out.push('\n');
        rest.iter().for_each(|finding| out.push_str(&self::finding(finding, &paint)));
        out.push('\n');
    }
    out + &summary(review, &paint)
}

fn summary(review: &Review, paint: &Paint) -> String {
    if review.records.is_empty() && review.findings.is_empty() {
        return format!("nothing changed against {}\n", review.against);
    }
    let counted = counted(review);
    let changed = match review.records.len() {
        0 => String::new(),
        1 => "; 1 record".to_owned(),
        count => format!("; {count} records"),
    };
    let verdict = match review.verdict {
        Some(Level::Error) => paint.level(Level::Error, "breaking"),
        Some(Level::Warning) => paint.level(Level::Warning, "compatible, with warnings"),
        _ => paint.on("1;32", "compatible"),
    };
    let counted = if counted.is_empty() { String::new() } else { format!(": {counted}") };
    format!("{verdict}{counted}{changed} against {}\n", review.against)
}

fn record(record: &RecordReview, paint: &Paint) -> String {
    let mut out = format!(
        "{} {} {}  {}:{}\n",
        paint.on("1", &record.record),
        versions(record),
        record.fate.as_str(),
        record.file,
        record.line
    );
    for change in &record.diff {
        out.push_str(&self::change(change, paint));
    }
    for place in &record.uses {
        let side = |names: &[String], outside: &[String]| {
            let outside = outside.iter().map(|name| format!("{name} (outside)"));
            let all: Vec<String> = names.iter().cloned().chain(outside).collect();
            if all.is_empty() { "nobody".to_owned() } else { all.join(", ") }
        };
        let (readers, writers) =
            (side(&place.readers, &place.readers_outside), side(&place.writers, &place.writers_outside));
        out.push_str(&format!(
            "  {} (kept {}): written by {writers}; read by {readers}\n",
            place.place, place.retained
        ));
    }
    for verdict in &record.verdicts {
        out.push_str(&self::verdict(verdict, paint));
    }
    if !record.verdicts.is_empty() {
        out.push_str(&format!(
            "  version: {} declared, {} required\n",
            record.bump_declared.as_str(),
            record.bump_required.as_str()
        ));
    }
    out + &format!("  deploy: {}\n", record.deployment)
}

fn change(change: &Change, paint: &Paint) -> String {
    let code = match change.sign {
        '+' => "32",
        '-' => "31",
        _ => "33",
    };
    let name = if change.path.is_empty() { String::new() } else { format!("{}: ", change.path) };
    let old = if change.before { ", old" } else { "" };
    let line = paint.on(code, &format!("{} {name}{}", change.sign, change.what));
    format!("  {line}  ({}:{}{old})\n", change.file, change.line)
}

fn verdict(verdict: &Verdict, paint: &Paint) -> String {
    let yes = |it: bool| if it { paint.on("32", "yes") } else { paint.on("31", "no") };
    let java = yes(verdict.java);
    let rust = verdict.rust.map_or_else(|| "not tried".to_owned(), yes);
    let said = if verdict.rust_said.is_empty() { String::new() } else { format!(" ({})", verdict.rust_said) };
    let who = match verdict.backward {
        true => format!("new readers, data of {}", verdict.writer),
        false => format!("readers of {}, new data", verdict.reader),
    };
    format!("  {who}: Java {java}, Rust {rust}{said}\n")
}

fn finding(finding: &Finding, paint: &Paint) -> String {
    let head = paint.level(finding.level, &format!("{}[{}]", finding.level.as_str(), finding.rule));
    let old = if finding.before { " (old)" } else { "" };
    let mut out = format!("  {head}: {}\n    --> {}:{}{old}\n", finding.what, finding.file, finding.line);
    out.push_str(&format!("    why: {}\n", finding.why));
    if let Some(java) = &finding.java {
        out.push_str(&format!("    java: {} at {}: {}\n", java.kind, java.path, java.message));
    }
    out.push_str(&format!("    fix: {}\n", finding.fix.words));
    for line in finding.fix.patch.iter().flat_map(|patch| patch.lines()) {
        let line = match line.chars().next() {
            Some('+') => paint.on("32", line),
            Some('-') => paint.on("31", line),
            _ => line.to_owned(),
        };
        out.push_str(&format!("      {line}\n"));
    }
    out
}
