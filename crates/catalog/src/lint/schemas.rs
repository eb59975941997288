//! Schemas: whole, used, apart from each other, and fit for Rust.

use std::collections::BTreeSet;

use crate::avsc::is_snake;
use crate::generate::camel;
use crate::lint::Lint;
use crate::lint::near::did_you_mean;
use crate::schema::{META, STATE_DIR};
use crate::{Definition, Problem, Rule, Shape, Type};

/// Names that generated code uses itself.
const TAKEN: [&str; 35] = [
    "Box",
    "Canonical",
    "Change",
    "Codec",
    "CodecError",
    "Cow",
    "Decoded",
    "Default",
    "Deserialize",
    "Deserializer",
    "Effects",
    "Encoded",
    "Err",
    "Event",
    "Handled",
    "Hasher",
    "In",
    "None",
    "Ok",
    "Option",
    "Out",
    "Record",
    "Released",
    "Reply",
    "Result",
    "Serialize",
    "Some",
    "Split",
    "State",
    "StateRead",
    "Stored",
    "String",
    "TopicSpec",
    "Topology",
    "Wake",
];

impl Lint<'_> {
    pub(super) fn schemas(&mut self) {
        let schemas = self.schemas;
        for it in schemas.all() {
            self.names(it);
            self.references(it);
            self.defaults(it);
            if it.top {
                self.used(it);
            }
            if it.is_wire() && (it.is_state() || it.fields()[0].ty.named() != Some(META)) {
                let what = format!("record \"{}\": meta is not {META}", it.full);
                self.in_field(Rule::MetaFirst, it, &it.fields()[0], what);
            }
            if let Some(late) = it.fields().iter().skip(1).find(|field| field.name == "meta") {
                let what = format!("record \"{}\": meta is not the first field", it.full);
                self.in_field(Rule::MetaFirst, it, late, what);
            }
        }
        match schemas.get(META) {
            Some(meta) => self.meta(meta),
            None => {
                let what = format!("record \"{META}\" is missing");
                self.problems.push(Problem::new(Rule::MetaFields, "schemas/meta.avsc", what).at(1, 1));
            }
        }
    }

    fn names(&mut self, it: &Definition) {
        let markers = self.map.processors.0.iter().map(|(name, _)| camel(name));
        if TAKEN.contains(&it.name.as_str()) || markers.into_iter().any(|marker| marker == it.name) {
            self.in_type(Rule::NameTaken, it, format!("\"{}\" is a word of the generated code", it.name));
        }
        let mut same = self.schemas.all().filter(|other| other.name == it.name && other.is_state() == it.is_state());
        if let Some(other) = same.find(|other| other.full < it.full) {
            let what = format!("\"{}\" and \"{}\" of {} have one name in Rust", it.full, other.full, other.file);
            self.in_type(Rule::NameTaken, it, what);
        }
        if let Shape::Enum { symbols, .. } = &it.shape {
            let variants: BTreeSet<String> = symbols.iter().map(|symbol| camel(symbol)).collect();
            if variants.len() < symbols.len() {
                let what = format!("enum \"{}\": two symbols have one name in Rust", it.full);
                self.in_type(Rule::NameTaken, it, what);
            }
        }
        let mut names: Vec<&str> = it.fields().iter().map(|field| field.name.as_str()).collect();
        let aliases = it.fields().iter().flat_map(|field| field.aliases.iter().map(move |alias| (field, alias)));
        for (field, alias) in aliases {
            if names.contains(&alias.as_str()) || !is_snake(alias) {
                let what = format!("record \"{}\": alias \"{alias}\"", it.full);
                self.in_field(Rule::NameTaken, it, field, what);
            }
            names.push(alias);
        }
    }

    fn references(&mut self, it: &Definition) {
        for field in it.fields() {
            let Some(full) = field.ty.named() else { continue };
            let where_ = format!("record \"{}\", field \"{}\"", it.full, field.name);
            let Some(named) = self.schemas.get(full) else {
                let known = self.schemas.all().map(|other| other.full.as_str());
                let what = format!("{where_}: type \"{full}\"{}", did_you_mean(full, known));
                self.in_field(Rule::ReferenceUnknown, it, field, what);
                continue;
            };
            let uuid = matches!(named.shape, Shape::Uuid);
            if named.is_state() != it.is_state() && !uuid {
                self.in_field(Rule::StateShared, it, field, format!("{where_}: type \"{full}\" of {}", named.file));
            }
            if uuid && !matches!(field.ty, Type::Named(_)) {
                let what = format!("{where_}: an optional or repeated uuid");
                self.in_field(Rule::TypeUnsupported, it, field, what);
            }
            if named.is_wire() {
                let what = format!("{where_}: record \"{full}\" travels by itself");
                self.in_field(Rule::TypeUnsupported, it, field, what);
            }
            let mut seen = BTreeSet::new();
            if self.reaches(full, &it.full, &mut seen) {
                self.in_field(Rule::TypeUnsupported, it, field, format!("{where_}: the record contains itself"));
            }
        }
    }

    /// Whether a definition contains another one, at any depth.
    fn reaches(&self, from: &str, to: &str, seen: &mut BTreeSet<String>) -> bool {
        if from == to {
            return true;
        }
        if !seen.insert(from.to_owned()) {
            return false;
        }
        let fields = self.schemas.get(from).into_iter().flat_map(|it| it.fields());
        fields.filter_map(|field| field.ty.named()).any(|next| self.reaches(next, to, seen))
    }

    fn used(&mut self, it: &Definition) {
        let used = if it.is_state() && !self.referred(it) {
            let states = self.map.processors.0.iter().filter_map(|(_, processor)| processor.state.as_ref());
            let mut paths =
                states.flat_map(|state| [&state.record].into_iter().chain(state.tables.0.iter().map(|it| &it.1)));
            paths.any(|path| self.schemas.file(&path.value).is_some_and(|found| found.full == it.full))
        } else {
            let listed = |record: &crate::map::Name| record.value == it.name;
            self.referred(it) || self.map.topics.0.iter().any(|(_, topic)| topic.records.iter().any(listed))
        };
        if !used {
            let what = format!("record \"{}\" is not used", it.full);
            self.in_type(Rule::SchemaUnused, it, what);
        }
        if it.file.matches('/').count() > if it.is_state() { 2 } else { 1 } {
            let what = format!("schemas stand in schemas/ and {STATE_DIR}, not deeper");
            self.in_type(Rule::SchemaUnused, it, what);
        }
    }

    fn referred(&self, it: &Definition) -> bool {
        let inside = |other: &&Definition| other.file != it.file;
        let mut fields = self.schemas.all().filter(inside).flat_map(|other| other.fields());
        let types: BTreeSet<&str> =
            self.schemas.all().filter(|other| other.file == it.file).map(|other| other.full.as_str()).collect();
        fields.any(|field| field.ty.named().is_some_and(|full| types.contains(full)))
    }

    fn meta(&mut self, meta: &Definition) {
        let uuid = |field: &crate::Field| {
            let named = field.ty.named().and_then(|full| self.schemas.get(full));
            matches!(field.ty, Type::Named(_)) && named.is_some_and(|named| matches!(named.shape, Shape::Uuid))
        };
        let fits = match meta.fields() {
            [event_id, ticket_id, cause, occurred_at, schema_version] => {
                let ids = [(event_id, "event_id"), (ticket_id, "ticket_id"), (cause, "cause")];
                ids.iter().all(|(field, name)| field.name == *name && uuid(field))
                    && (occurred_at.name.as_str(), &occurred_at.ty) == ("occurred_at", &Type::Long)
                    && (schema_version.name.as_str(), &schema_version.ty) == ("schema_version", &Type::String)
            }
            _ => false,
        };
        if !fits {
            self.in_type(Rule::MetaFields, meta, format!("record \"{META}\""));
        }
    }
}
