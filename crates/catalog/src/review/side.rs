//! A contract as it was or as it is: its records in every version, topics.yaml, and where things stand.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::map::{self, MAP_FILE, Map};
use crate::review::avro::{Avro, short};
use crate::review::source::{Source, TypePlace};
use crate::schema::{STATE_DIR, Schemas};
use crate::{Problem, RELEASED_DIR, compat};

/// File contents by path; paths begin with `schemas/`.
pub type Files = [(String, String)];

/// One schema of a record.
#[derive(Debug)]
pub struct Version {
    /// `1.0.0`
    pub version: String,
    /// Self-contained.
    pub json: Value,
    pub avro: Avro,
    pub java: Result<compat::Schema, String>,
    /// As the generator takes it, or why it does not.
    pub rust: Result<Schemas, String>,
}

impl Version {
    /// Reads self-contained Avro JSON; `state` decides how strings are read.
    pub fn read(text: &str, state: bool) -> Result<Version, String> {
        let json: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let mut problems = Vec::new();
        let file = if state { format!("{STATE_DIR}it.avsc") } else { "schemas/it.avsc".to_owned() };
        let schemas = Schemas::parse([(file.as_str(), text)].into_iter(), &mut problems);
        let names = schemas.all().flat_map(|it| it.fields()).filter_map(|field| field.ty.named());
        let unknown = names.into_iter().find(|name| schemas.get(name).is_none()).map(str::to_owned);
        let rust = match (problems.first(), unknown) {
            (Some(problem), _) => Err(problem.what.clone()),
            (None, Some(name)) => Err(format!("{} has no Rust type", short(&name))),
            (None, None) => Ok(schemas),
        };
        Ok(Version {
            version: json.get("version").and_then(Value::as_str).unwrap_or_default().to_owned(),
            avro: Avro::read(&json),
            java: compat::Schema::from_json(&json).map_err(|error| error.to_string()),
            rust,
            json,
        })
    }
}

/// A record of a contract.
#[derive(Debug)]
pub struct Record {
    pub name: String,
    pub full: String,
    /// The file that is about it.
    pub file: String,
    pub state: bool,
    /// Self-contained Avro JSON.
    pub text: String,
}

/// A contract.
#[derive(Debug)]
pub struct Side {
    pub sources: Vec<Source>,
    /// By `PlaceOrder` or `state/Item`.
    pub records: BTreeMap<String, Record>,
    pub yaml: Option<String>,
    pub map: Option<Map>,
    /// Released schemas: record, path and text.
    pub released: Vec<(String, String, String)>,
    /// What keeps a file from being read.
    pub problems: Vec<Problem>,
}

impl Side {
    /// A contract from topics.yaml and the files below schemas/.
    pub fn contract(yaml: &str, files: &Files) -> Side {
        let mut problems = Vec::new();
        let current = || files.iter().filter(|(path, _)| !path.starts_with(RELEASED_DIR) && path.ends_with(".avsc"));
        let schemas = Schemas::parse(current().map(|(path, text)| (path.as_str(), text.as_str())), &mut problems);
        let mut records = BTreeMap::new();
        for it in schemas.all().filter(|it| it.is_wire() || (it.top && it.is_state())) {
            let text = schemas.whole(it);
            let (name, full, state) = (it.name.clone(), it.full.clone(), it.is_state());
            records.insert(key(&name, state), Record { name, full, file: it.file.clone(), state, text });
        }
        let sources = current().map(|(path, text)| Source::read(path, text)).collect();
        let map = map::parse(yaml).map_err(|problem| problems.push(problem)).ok();
        let yaml = Some(yaml.to_owned());
        Side { sources, records, yaml, map, released: released(files), problems }
    }

    /// A contract of schemas that are whole in themselves: record, where it comes from, and text.
    pub fn texts<'t>(texts: impl Iterator<Item = (&'t str, &'t str, &'t str)>) -> Result<Side, String> {
        let (mut sources, mut records) = (Vec::new(), BTreeMap::new());
        for (record, file, text) in texts {
            let json: Value = serde_json::from_str(text).map_err(|error| format!("{file}: {error}"))?;
            let (name, state) = record.strip_prefix("state/").map_or((record, false), |name| (name, true));
            let full = Avro::read(&json).root;
            sources.push(Source::read(file, text));
            let (file, text) = (file.to_owned(), text.to_owned());
            records.insert(record.to_owned(), Record { name: name.to_owned(), full, file, state, text });
        }
        Ok(Side { sources, records, yaml: None, map: None, released: Vec::new(), problems: Vec::new() })
    }

    /// The newest release of each record.
    pub fn newest(files: &Files) -> Result<Side, String> {
        let mut newest: BTreeMap<String, (Vec<u32>, String, String)> = BTreeMap::new();
        for (record, path, text) in released(files) {
            let version = numbers(&version_of(&path));
            if newest.get(&record).is_none_or(|(known, ..)| *known < version) {
                newest.insert(record, (version, path, text));
            }
        }
        Side::texts(newest.iter().map(|(record, (_, path, text))| (record.as_str(), path.as_str(), text.as_str())))
    }

    /// Where a type stands; the record's own file is asked first.
    pub fn place(&self, file: &str, full: &str) -> Option<(&Source, &TypePlace)> {
        let own = self.sources.iter().filter(|source| source.path == file);
        let found = own.chain(&self.sources).find(|source| source.types.contains_key(full))?;
        found.types.get(full).map(|place| (found, place))
    }

    /// File and line of a field of a type, of the type itself where there is no such field.
    pub fn line(&self, file: &str, full: &str, field: Option<&str>) -> (String, u64) {
        let Some((source, place)) = self.place(file, full) else { return (file.to_owned(), 1) };
        let at = field.and_then(|field| place.field(field)).map_or(place.name.start, |range| range.start);
        (source.path.clone(), source.line(at))
    }

    /// The line of topics.yaml that begins a topic or a processor, or of one of its keys; 1 if it is not there.
    pub fn map_line(&self, section: &str, name: &str, key: Option<&str>) -> u64 {
        let lines = || self.yaml.as_deref().unwrap_or_default().lines().enumerate();
        let head = |line: &str, name: &str| line.trim_start().split(':').next() == Some(name) && line.contains(':');
        let indent = |line: &str| line.len() - line.trim_start().len();
        let Some((top, _)) = lines().find(|(_, line)| indent(line) == 0 && head(line, section)) else { return 1 };
        if name.is_empty() {
            let inside = |(_, line): &(usize, &str)| indent(line) == 2 && key.is_some_and(|key| head(line, key));
            return lines().skip(top + 1).find(inside).map_or(top, |(at, _)| at) as u64 + 1;
        }
        let found = lines().skip(top + 1).find(|(_, line)| indent(line) == 2 && head(line, name));
        let Some((begin, _)) = found else { return top as u64 + 1 };
        let block = lines().skip(begin + 1).take_while(|(_, line)| indent(line) > 2 || line.trim().is_empty());
        let inside = key.and_then(|key| block.into_iter().find(|(_, line)| head(line, key)));
        inside.map_or(begin, |(at, _)| at) as u64 + 1
    }

    /// Where topics.yaml is.
    pub fn map_file() -> &'static str {
        MAP_FILE
    }
}

/// The name under which a record is released.
pub fn key(name: &str, state: bool) -> String {
    if state { format!("state/{name}") } else { name.to_owned() }
}

/// Released schemas as record, path and text, older versions first.
pub fn released(files: &Files) -> Vec<(String, String, String)> {
    let mut out: Vec<(String, String, String)> = Vec::new();
    for (path, text) in files {
        let below = path.strip_prefix(RELEASED_DIR).and_then(|path| path.strip_suffix(".avsc"));
        if let Some((record, _)) = below.and_then(|below| below.rsplit_once('/')) {
            out.push((record.to_owned(), path.clone(), text.clone()));
        }
    }
    out.sort_by_key(|(record, path, _)| (record.clone(), numbers(&version_of(path))));
    out
}

/// The version in the path of a released schema.
pub fn version_of(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.strip_suffix(".avsc").unwrap_or(name).to_owned()
}

/// A version as numbers, to compare.
pub fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or_default()).collect()
}
