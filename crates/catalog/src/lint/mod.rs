//! What must hold between topics.yaml and schemas/, one file per side.

mod defaults;
mod processors;
mod schemas;
mod topics;

use crate::map::{MAP_FILE, Map, Name, TopicDecl};
use crate::schema::Schemas;
use crate::{Problem, Rule};

/// Checks every rule and adds what it finds.
pub fn run(map: &Map, schemas: &Schemas, yaml: &str, problems: &mut Vec<Problem>) {
    let mut lint = Lint { map, schemas, yaml, problems };
    lint.schemas();
    lint.topics();
    lint.processors();
}

struct Lint<'c> {
    map: &'c Map,
    schemas: &'c Schemas,
    yaml: &'c str,
    problems: &'c mut Vec<Problem>,
}

impl<'c> Lint<'c> {
    /// A finding about a topic or a processor, at the line that begins it.
    fn on(&mut self, rule: Rule, name: &str, what: impl Into<String>) {
        let head = format!("{name}:");
        let line = self.yaml.lines().position(|line| line.starts_with("  ") && line.trim() == head);
        let problem = Problem::new(rule, MAP_FILE, what);
        self.problems.push(match line {
            Some(line) => problem.at(line as u64 + 1, 3),
            None => problem,
        });
    }

    /// A finding about a name in a list of topics.yaml, at its place.
    fn at(&mut self, rule: Rule, name: &Name, what: impl Into<String>) {
        let place = &name.referenced;
        self.problems.push(Problem::new(rule, MAP_FILE, what).at(place.line(), place.column()));
    }

    /// A finding about a schema file.
    fn in_file(&mut self, rule: Rule, file: &str, what: impl Into<String>) {
        self.problems.push(Problem::new(rule, file, what));
    }

    fn topic(&self, name: &str) -> Option<&'c TopicDecl> {
        self.map.topics.0.iter().find(|(other, _)| other == name).map(|(_, topic)| topic)
    }
}

/// Lower case words with hyphens between them.
fn is_kebab(name: &str) -> bool {
    crate::avsc::is_snake(&name.replace('-', "_")) && !name.contains('_')
}
