//! JSON as Java's schema parser reads it: comments are allowed, more text after the schema is not.

use std::borrow::Cow;

use serde_json::{Deserializer, Value};

use super::error::ParseError;

/// The longest text that is read, in bytes.
pub const BYTES_MAX: usize = 4 << 20;

/// The one JSON value of a text.
pub fn read(text: &str) -> Result<Value, ParseError> {
    let bad = |why: String, hint| ParseError::new("schema", why, hint);
    if text.len() > BYTES_MAX {
        let why = format!("{} bytes of text, at most {BYTES_MAX} are read", text.len());
        return Err(bad(why, "split the schema into smaller ones"));
    }
    let plain = without_comments(text);
    let mut values = Deserializer::from_str(&plain).into_iter::<Value>();
    let value = match values.next() {
        Some(Ok(value)) => value,
        Some(Err(error)) => return Err(bad(format!("not JSON that can be read: {error}"), "correct the JSON")),
        None => return Err(bad("the text is empty".to_owned(), "give a schema as JSON, such as \"string\"")),
    };
    // A comment counts as more text, as in Java. A comment is as long as what replaces it.
    let more = text.get(values.byte_offset()..).unwrap_or_default().trim_matches(|c| c <= ' ');
    if !more.is_empty() {
        return Err(bad("more text follows after its end".to_owned(), "give one schema and nothing else"));
    }
    Ok(value)
}

/// The same text with spaces in the place of comments.
fn without_comments(text: &str) -> Cow<'_, str> {
    if !text.contains("//") && !text.contains("/*") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (end, keep) = match first {
            '"' => (string_end(rest), true),
            '/' if rest.starts_with("//") => (rest.find(['\n', '\r']).unwrap_or(rest.len()), false),
            '/' if rest.starts_with("/*") => match rest[2..].find("*/") {
                Some(at) => (at + 4, false),
                None => (rest.len(), true),
            },
            _ => (first.len_utf8(), true),
        };
        let (piece, after) = rest.split_at(end);
        if keep {
            out.push_str(piece);
        } else {
            out.extend(std::iter::repeat_n(' ', piece.len()));
        }
        rest = after;
    }
    Cow::Owned(out)
}

/// Where the string that begins here ends, its quotes included.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    text.len()
}
