//! Why a text is no schema.

/// A text that is no schema: which part of it, why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{object}: {why}; {hint}")]
pub struct ParseError {
    /// The part, from the outside in: `record "a.B", field "c"`.
    pub object: String,
    pub why: String,
    /// The next step.
    pub hint: &'static str,
}

impl ParseError {
    pub(super) fn new(object: impl Into<String>, why: impl Into<String>, hint: &'static str) -> ParseError {
        ParseError { object: object.into(), why: why.into(), hint }
    }
}

/// JSON as an error shows it: its beginning, if it is long.
pub fn shown(json: &serde_json::Value) -> String {
    const CHARS_MAX: usize = 80;
    let text = json.to_string();
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
