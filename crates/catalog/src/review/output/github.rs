//! Annotations of GitHub's workflow commands.

use crate::review::{Level, Review};

/// One line for each finding (GitHub documentation, "Workflow commands for GitHub Actions").
pub fn github(review: &Review) -> String {
    let mut out = String::new();
    for finding in &review.findings {
        let command = match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "notice",
        };
        let message = format!("{}\nwhy: {}\nfix: {}", finding.what, finding.why, finding.fix.words);
        out.push_str(&format!(
            "::{command} file={},line={},title={}::{}\n",
            property(&finding.file),
            finding.line,
            property(finding.rule),
            data(&message)
        ));
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
