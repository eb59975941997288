//! One pair per line: JSON in, JSON out.

use serde::Serialize;
use serde_json::{Value, json};

use super::check::check;
use super::json::BYTES_MAX;
use super::report::{Incompatibility, Report};
use super::schema::Schema;

/// Two schemas of the greatest length, as texts in JSON.
const LINE_BYTES_MAX: usize = 4 * BYTES_MAX;

/// An answer line.
#[derive(Serialize)]
struct Answer {
    name: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    compatible: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<Incompatibility>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Answers one JSON line `{"name", "reader", "writer"}` with one line `{"name", "compatible", "errors"}`, or with
/// `{"name", "error"}` where the line, a schema or the comparison fails.
///
/// A schema is a JSON value or a text that holds one; a text that does not begin as JSON does is the name of a type.
pub fn answer(line: &str) -> String {
    if line.len() > LINE_BYTES_MAX {
        let why = format!("line: {} bytes, at most {LINE_BYTES_MAX} are read; compare smaller schemas", line.len());
        return json!({"name": null, "error": why}).to_string();
    }
    let (name, report) = match serde_json::from_str::<Value>(line) {
        Ok(pair) => (pair.get("name").cloned().unwrap_or(Value::Null), compare(&pair)),
        Err(error) => (Value::Null, Err(format!("line: not JSON: {error}; give one JSON object per line"))),
    };
    let answer = match report {
        Ok(Report { compatible, errors }) => {
            Answer { name, compatible: Some(compatible), errors: Some(errors), error: None }
        }
        Err(error) => Answer { name, compatible: None, errors: None, error: Some(error) },
    };
    // Texts, numbers and lists: nothing of this can fail to be JSON.
    serde_json::to_string(&answer).unwrap_or_default()
}

fn compare(pair: &Value) -> Result<Report, String> {
    let reader = schema(pair, "reader")?;
    let writer = schema(pair, "writer")?;
    check(&reader, &writer).map_err(|error| error.to_string())
}

fn schema(pair: &Value, side: &str) -> Result<Schema, String> {
    let given = pair.get(side).ok_or_else(|| format!("line: no \"{side}\"; give a schema"))?;
    let parsed = match given.as_str() {
        Some(text) if text.trim_start().starts_with(['{', '[', '"', '/']) => Schema::parse(text),
        _ => Schema::from_json(given),
    };
    parsed.map_err(|error| format!("{side}: {error}"))
}
