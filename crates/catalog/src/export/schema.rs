//! One released version of a record as rows of a table, with what differs from the version before.

use serde_json::Value;

use crate::Release;

/// A field as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub name: String,
    pub ty: String,
    /// As JSON; empty when there is none.
    pub default: String,
    pub doc: String,
    /// Since the version before: empty, "new" or "changed".
    pub mark: &'static str,
}

/// A type that is defined inside of a record.
#[derive(Debug, Clone)]
pub struct Inner {
    pub name: String,
    pub doc: String,
    /// Of a record.
    pub rows: Vec<Row>,
    /// Of an enum.
    pub symbols: Vec<String>,
    pub default: String,
}

#[derive(Debug, Clone)]
pub struct Version {
    pub version: String,
    pub fingerprint: String,
    pub rows: Vec<Row>,
    pub inner: Vec<Inner>,
    /// Fields that the version before had.
    pub removed: Vec<String>,
}

/// Every released version of a record, the newest first.
pub fn versions<'r>(releases: impl Iterator<Item = &'r Release>) -> Vec<Version> {
    let mut versions: Vec<Version> = Vec::new();
    let mut releases: Vec<&Release> = releases.collect();
    releases.sort_by_key(|release| number(&release.version));
    for release in releases {
        let json: Value = serde_json::from_str(&release.text).unwrap_or_default();
        let mut version = version(&json, release);
        if let Some(before) = versions.last() {
            compare(&mut version, before);
        }
        versions.push(version);
    }
    versions.reverse();
    versions
}

/// 1.10.0 follows 1.9.0.
fn number(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or_default()).collect()
}

fn version(json: &Value, release: &Release) -> Version {
    let mut inner = Vec::new();
    let rows = rows(json, &mut inner);
    Version {
        version: release.version.clone(),
        fingerprint: format!("{:016x}", release.fingerprint),
        rows,
        inner,
        removed: Vec::new(),
    }
}

fn compare(version: &mut Version, before: &Version) {
    mark(&mut version.rows, &before.rows);
    for inner in &mut version.inner {
        if let Some(other) = before.inner.iter().find(|other| other.name == inner.name) {
            mark(&mut inner.rows, &other.rows);
        }
    }
    let gone = before.rows.iter().filter(|other| version.rows.iter().all(|row| row.name != other.name));
    version.removed = gone.map(|row| row.name.clone()).collect();
}

fn mark(rows: &mut [Row], before: &[Row]) {
    for row in rows {
        row.mark = match before.iter().find(|other| other.name == row.name) {
            None => "new",
            Some(other) if (&other.ty, &other.default) != (&row.ty, &row.default) => "changed",
            Some(_) => "",
        };
    }
}

/// The fields of a record; the types defined in it are added to `inner`.
pub fn rows(json: &Value, inner: &mut Vec<Inner>) -> Vec<Row> {
    let fields = json.get("fields").and_then(Value::as_array).into_iter().flatten();
    let row = |field: &Value| Row {
        name: text(field, "name"),
        ty: type_text(field.get("type").unwrap_or(&Value::Null), inner),
        default: field.get("default").map(Value::to_string).unwrap_or_default(),
        doc: text(field, "doc"),
        mark: "",
    };
    fields.map(row).collect()
}

/// A type in words; types defined on the way are added to `inner`, apart from Meta's, which have a place of their own.
fn type_text(json: &Value, inner: &mut Vec<Inner>) -> String {
    match json {
        Value::String(name) => short(name).to_owned(),
        Value::Array(branches) => {
            let others: Vec<String> = branches
                .iter()
                .filter(|branch| branch.as_str() != Some("null"))
                .map(|branch| type_text(branch, inner))
                .collect();
            let or_null = if others.len() < branches.len() { " or null" } else { "" };
            format!("{}{or_null}", others.join(" or "))
        }
        Value::Object(_) => {
            let name = text(json, "name");
            match (text(json, "type").as_str(), text(json, "logicalType").as_str()) {
                ("array", _) => {
                    format!("array of {}", type_text(json.get("items").unwrap_or(&Value::Null), inner))
                }
                ("record", _) if short(&name) == "Meta" => "Meta".to_owned(),
                ("record", _) => {
                    let at = inner.len();
                    let doc = text(json, "doc");
                    let own = short(&name).to_owned();
                    inner.push(Inner { name: own, doc, rows: Vec::new(), symbols: Vec::new(), default: String::new() });
                    let found = rows(json, inner);
                    inner[at].rows = found;
                    short(&name).to_owned()
                }
                ("enum", _) => {
                    let symbols = json.get("symbols").and_then(Value::as_array).into_iter().flatten();
                    inner.push(Inner {
                        name: short(&name).to_owned(),
                        doc: text(json, "doc"),
                        rows: Vec::new(),
                        symbols: symbols.filter_map(Value::as_str).map(str::to_owned).collect(),
                        default: text(json, "default"),
                    });
                    short(&name).to_owned()
                }
                ("fixed", "uuid") => "Uuid".to_owned(),
                (kind, "") => kind.to_owned(),
                (kind, logical) => format!("{kind}, {logical}"),
            }
        }
        _ => String::new(),
    }
}

fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn text(json: &Value, key: &str) -> String {
    json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}
