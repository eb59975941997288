//! A review in the forms that people and machines read.

mod github;
mod junit;
mod markdown;
mod text;

pub use github::github;
pub use junit::junit;
pub use markdown::markdown;
pub use text::text;

use crate::review::Review;

/// The review as JSON; docs/SCHEMA_REVIEW.md says what is in it.
pub fn json(review: &Review) -> String {
    // Texts, numbers and lists: nothing of this can fail to be JSON.
    serde_json::to_string_pretty(review).unwrap_or_default() + "\n"
}

/// `1 error, 2 warnings`; nothing for nothing.
fn counted(review: &Review) -> String {
    use crate::review::Level;
    let parts: Vec<String> = [Level::Error, Level::Warning, Level::Note]
        .into_iter()
        .map(|level| (level.as_str(), review.count(level)))
        .filter(|(_, count)| *count > 0)
        .map(|(word, count)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
        .collect();
    parts.join(", ")
}

/// Old and new version as people write it.
fn versions(record: &crate::review::RecordReview) -> String {
    match (&record.version_before, &record.version_after) {
        (Some(before), Some(after)) if before == after => before.clone(),
        (Some(before), Some(after)) => format!("{before} → {after}"),
        (Some(only), None) | (None, Some(only)) => only.clone(),
        (None, None) => String::new(),
    }
}
