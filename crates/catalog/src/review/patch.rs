//! Mechanical repairs as unified diffs.

use std::ops::Range;

use serde_json::Value;

use crate::review::avro::{Avro, Body, Ty};
use crate::review::source::Source;

/// Lines around a change, as `diff -u` has them.
const CONTEXT: usize = 3;

/// A unified diff that puts `replacement` in the place of a range of bytes.
pub fn replace(source: &Source, range: Range<usize>, replacement: &str) -> Option<String> {
    let text = &source.text;
    let mut after = text.get(..range.start)?.to_owned();
    after.push_str(replacement);
    after.push_str(text.get(range.end..)?);
    let first = text.get(..range.start)?.matches('\n').count();
    let last = first + text.get(range.clone())?.matches('\n').count();
    let grown = replacement.matches('\n').count();
    let (old, new): (Vec<&str>, Vec<&str>) = (text.lines().collect(), after.lines().collect());
    let begin = first.saturating_sub(CONTEXT);
    let end = (last + 1 + CONTEXT).min(old.len());
    let tail = old.get(last + 1..end)?;
    let added = new.get(first..=first + grown)?;
    let (count_old, count_new) = (end - begin, first - begin + added.len() + tail.len());
    let path = &source.path;
    let mut out = format!("--- a/{path}\n+++ b/{path}\n@@ -{0},{count_old} +{0},{count_new} @@\n", begin + 1);
    let mut lines = |sign: char, lines: &[&str]| lines.iter().for_each(|line| out.push_str(&format!("{sign}{line}\n")));
    lines(' ', old.get(begin..first)?);
    lines('-', old.get(first..=last)?);
    lines('+', added);
    lines(' ', tail);
    Some(out)
}

/// Adds a key at the end of a field's object.
pub fn add_key(source: &Source, object: &Range<usize>, key: &str, value: &str) -> Option<String> {
    let inside = source.slice(object).strip_suffix('}')?;
    let end = object.start + inside.trim_end().len();
    replace(source, end..end, &format!(", \"{key}\": {value}"))
}

/// Adds an item at the end of a list.
pub fn add_item(source: &Source, list: &Range<usize>, item: &str) -> Option<String> {
    let inside = source.slice(list).strip_suffix(']')?;
    let end = list.start + inside.trim_end().len();
    let comma = if inside.trim() == "[" { "" } else { ", " };
    replace(source, end..end, &format!("{comma}\"{item}\""))
}

/// Puts a field back behind another one, on a line of its own.
pub fn add_field(source: &Source, behind: &Range<usize>, field: &str) -> Option<String> {
    let line = source.text.get(..behind.start)?.rsplit('\n').next()?;
    let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
    replace(source, behind.end..behind.end, &format!(",\n{indent}{field}"))
}

/// A default that says "nothing", where the type has one.
pub fn nothing(avro: &Avro, ty: &Ty) -> Option<Value> {
    Some(match ty {
        Ty::Plain(plain) => match plain.name.as_str() {
            "null" => Value::Null,
            "boolean" => Value::Bool(false),
            "int" | "long" => 0.into(),
            "float" | "double" => 0.0.into(),
            "string" => "".into(),
            _ => return None,
        },
        Ty::Array(_) => Value::Array(Vec::new()),
        Ty::Map(_) => Value::Object(serde_json::Map::new()),
        Ty::Union(branches) => nothing(avro, branches.first()?)?,
        Ty::Named(full) => match &avro.named.get(full)?.body {
            Body::Enum { default: Some(default), .. } => default.as_str().into(),
            _ => return None,
        },
    })
}
