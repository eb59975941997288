//! The registry: whether it answers, holds what this build writes, and gives the ids that are remembered.

use std::path::Path;

use engine::shell::registry::{RegistryError, WireSchema};

use super::Check;
use super::flow::named;
use crate::ids::{subject, wire};
use crate::options::Place;
use crate::registry::{failed, open};
use crate::text::several;

const CHECK: &str = "registry";

/// One line when all is well.
pub fn registry(place: &Place, data: &Path) -> Vec<Check> {
    let Some(url) = &place.registry else {
        return vec![Check::ok(CHECK, "none is named: ids are those of schemas/released/local.lock.json")];
    };
    let registry = match open(url, place) {
        Ok(registry) => registry,
        Err(error) => return vec![Check::unknown(CHECK, &error)],
    };
    let subjects: Vec<(String, &contract::Released)> = wire().map(|released| (subject(released), released)).collect();
    let mut found = Vec::new();
    for (subject, released) in &subjects {
        match registry.lookup(subject, released.text) {
            Ok(id) => found.push(id),
            Err(error @ RegistryError::Unreachable { .. }) => return vec![Check::unknown(CHECK, &failed(error))],
            Err(error) => {
                let next = "is --registry the base of a Confluent-compatible API?";
                return vec![Check::fail(CHECK, error.to_string(), next)];
            }
        }
    }
    let wanted: Vec<WireSchema<'_>> = subjects
        .iter()
        .map(|(subject, released)| WireSchema { subject, text: released.text, fingerprint: released.fingerprint })
        .collect();
    let remembered = registry.remembered(&wanted, &data.join(registry.lock_name()));
    let names = subjects.iter().map(|(subject, released)| format!("{subject} {}", released.version));
    compare(registry.url(), &names.collect::<Vec<_>>(), &found, &remembered)
}

/// What the registry has against what this build needs and what the lock file remembers.
pub fn compare(url: &str, names: &[String], found: &[Option<u32>], remembered: &[Option<u32>]) -> Vec<Check> {
    let mut checks = Vec::new();
    let missing = names.iter().zip(found).filter(|(_, id)| id.is_none()).map(|(name, _)| name.as_str());
    let missing: Vec<&str> = missing.collect();
    if !missing.is_empty() {
        let of = several(names.len(), "schema");
        let what = format!("\"{url}\" lacks {} of {of}: {}", missing.len(), named(&missing));
        checks.push(Check::fail(CHECK, what, "`orderflow schema register` registers what was released"));
    }
    for ((name, id), old) in names.iter().zip(found).zip(remembered) {
        if let (Some(id), Some(old)) = (id, old)
            && id != old
        {
            let what = format!("\"{url}\" gives schema {name} id {id}, the lock file remembers {old}");
            let next = "was the registry set up anew? Records with old ids cannot be read: restore its _schemas topic";
            checks.push(Check::fail(CHECK, what, next));
        }
    }
    if checks.is_empty() {
        let locked = remembered.iter().flatten().count();
        let lock = match locked {
            0 => "no lock file remembers its ids here yet".to_owned(),
            _ => format!("{} as the lock file remembers", several(locked, "id")),
        };
        checks.push(Check::ok(CHECK, format!("\"{url}\" has all {}; {lock}", several(names.len(), "schema"))));
    }
    checks
}
