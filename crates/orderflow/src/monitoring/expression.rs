//! Expressions for Prometheus that name metrics by their place in the list.

use engine::shell::metrics::{Kind, Metric};

/// Puts names in the place of `$Name`, a metric of the list, and `selector` in the place of `%`. Anything else stays:
/// Grafana's own variables begin with a small letter.
pub(super) fn expand(template: &str, selector: &str) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let end = after.find(|it: char| !it.is_ascii_alphanumeric()).unwrap_or(after.len());
        let (word, behind) = after.split_at(end);
        match Metric::ALL.iter().find(|metric| format!("{metric:?}") == word) {
            Some(metric) => {
                out.push_str(metric.name());
                if matches!(metric.kind(), Kind::Histogram(_)) {
                    out.push_str("_bucket");
                }
            }
            None => out.extend(["$", word]),
        }
        rest = behind;
    }
    out.push_str(rest);
    out.replace('%', selector)
}

#[cfg(test)]
mod tests {
    use super::{Metric, expand};

    #[test]
    fn metrics_get_their_names_and_variables_stay() {
        let got = expand("rate($Commits%[$__rate_interval]) / $CommitSeconds%", r#"{processor="$processor"}"#);
        let (commits, seconds) = (Metric::Commits.name(), Metric::CommitSeconds.name());
        let of = r#"{processor="$processor"}"#;
        assert_eq!(got, format!("rate({commits}{of}[$__rate_interval]) / {seconds}_bucket{of}"));
    }
}
