//! What must hold between topics.yaml and schemas/, one file per side.

mod defaults;
mod flow;
mod near;
mod processors;
mod schemas;
mod topics;

use serde_saphyr::{Location, Spanned};

use crate::map::{MAP_FILE, Map, TopicDecl};
use crate::schema::Schemas;
use crate::{Definition, Field, Problem, Rule};

/// Checks every rule and adds what it finds.
pub fn run(map: &Map, schemas: &Schemas, problems: &mut Vec<Problem>) {
    let mut lint = Lint { map, schemas, problems };
    lint.schemas();
    lint.topics();
    lint.processors();
    lint.flow();
}

struct Lint<'c> {
    map: &'c Map,
    schemas: &'c Schemas,
    problems: &'c mut Vec<Problem>,
}

impl<'c> Lint<'c> {
    /// A finding at a place of topics.yaml.
    fn yaml(&mut self, rule: Rule, place: &Location, what: impl Into<String>) {
        self.problems.push(Problem::new(rule, MAP_FILE, what).at(place.line(), place.column()));
    }

    /// A finding about a topic, at its name.
    fn on_topic(&mut self, rule: Rule, name: &str, what: impl Into<String>) {
        let place = self.map.topics.place(name).unwrap_or(Location::UNKNOWN);
        self.yaml(rule, &place, what);
    }

    /// A finding about a processor, at its name.
    fn on_processor(&mut self, rule: Rule, name: &str, what: impl Into<String>) {
        let place = self.map.processors.place(name).unwrap_or(Location::UNKNOWN);
        self.yaml(rule, &place, what);
    }

    /// A finding about a name or a number of topics.yaml, where it stands.
    fn at<T>(&mut self, rule: Rule, value: &Spanned<T>, what: impl Into<String>) {
        self.yaml(rule, &value.referenced, what);
    }

    /// A finding about a type in a schema file, at its name.
    fn in_type(&mut self, rule: Rule, it: &Definition, what: impl Into<String>) {
        self.problems.push(Problem::new(rule, &it.file, what).at(it.place.0, it.place.1));
    }

    /// A finding about a field, at its name.
    fn in_field(&mut self, rule: Rule, it: &Definition, field: &Field, what: impl Into<String>) {
        self.problems.push(Problem::new(rule, &it.file, what).at(field.place.0, field.place.1));
    }

    fn topic(&self, name: &str) -> Option<&'c TopicDecl> {
        self.map.topics.0.iter().find(|(other, _)| other == name).map(|(_, topic)| topic)
    }

    fn topic_names(&self) -> impl Iterator<Item = &'c str> {
        self.map.topics.0.iter().map(|(name, _)| name.as_str())
    }
}

/// Lower case words with hyphens between them.
fn is_kebab(name: &str) -> bool {
    crate::avsc::is_snake(&name.replace('-', "_")) && !name.contains('_')
}
