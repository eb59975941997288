//! JUnit XML: a test case for each changed record and for topics.yaml; errors are failures.

use crate::review::{Finding, Level, Review};

/// The review as JUnit XML, in the form that CI systems have in common.
pub fn junit(review: &Review) -> String {
    let mut cases: Vec<(String, String, Vec<&Finding>)> = review
        .records
        .iter()
        .map(|record| (record.record.clone(), record.file.clone(), review.of(&record.record).collect()))
        .collect();
    let rest = review.findings.iter().filter(|finding| finding.records.is_empty()).collect();
    cases.push(("topics and lint".to_owned(), "topics.yaml".to_owned(), rest));
    let failed = |findings: &[&Finding]| findings.iter().any(|finding| finding.level == Level::Error);
    let failures = cases.iter().filter(|(.., findings)| failed(findings)).count();
    let counts = format!("tests=\"{}\" failures=\"{failures}\" errors=\"0\"", cases.len());
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite name=\"schema review\" {counts} skipped=\"0\" time=\"0\">\n"
    );
    for (name, file, findings) in &cases {
        let (name, file) = (escape(name), escape(file));
        out.push_str(&format!("    <testcase classname=\"schema review\" name=\"{name}\" file=\"{file}\" time=\"0\""));
        if findings.is_empty() {
            out.push_str("/>\n");
            continue;
        }
        out.push_str(">\n");
        let (errors, others): (Vec<&Finding>, Vec<&Finding>) =
            findings.iter().copied().partition(|finding| finding.level == Level::Error);
        if let Some(first) = errors.first() {
            let message = escape(&first.what);
            let said: Vec<String> = errors.iter().map(|it| said(it)).collect();
            out.push_str(&format!(
                "      <failure type=\"{}\" message=\"{message}\">{}</failure>\n",
                first.rule,
                said.concat()
            ));
        }
        if !others.is_empty() {
            let said: Vec<String> = others.iter().map(|it| said(it)).collect();
            out.push_str(&format!("      <system-out>{}</system-out>\n", said.concat()));
        }
        out.push_str("    </testcase>\n");
    }
    out + "  </testsuite>\n</testsuites>\n"
}

fn said(finding: &Finding) -> String {
    escape(&format!(
        "{}:{}{}: {}[{}]: {}\n  why: {}\n  fix: {}\n",
        finding.file,
        finding.line,
        if finding.before { " (old)" } else { "" },
        finding.level.as_str(),
        finding.rule,
        finding.what,
        finding.why,
        finding.fix.words
    ))
}

/// XML text and attribute values; what XML 1.0 has no character for becomes a question mark.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.push('?'),
            c => out.push(c),
        }
    }
    out
}
