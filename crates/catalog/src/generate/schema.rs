//! Schema files to Rust modules: which definition goes where.

use std::collections::BTreeSet;

use crate::catalog::Topic;
use crate::generate::name::quoted;
use crate::generate::wire::{definition, imports};
use crate::schema::META;
use crate::{Catalog, Definition};

/// Types that several records use: they have files of their own.
pub fn shared(catalog: &Catalog) -> Option<String> {
    let meta = catalog.schemas.get(META).map_or("", |meta| &meta.file);
    let apart = |it: &&Definition| !it.is_state() && !in_wire_file(catalog, it) && it.file != meta;
    let found: Vec<&Definition> = catalog.schemas.all().filter(apart).collect();
    (!found.is_empty()).then(|| module(catalog, "Types that several records share.", &found))
}

/// What processors remember.
pub fn state(catalog: &Catalog) -> String {
    let found: Vec<&Definition> = catalog.schemas.all().filter(|it| it.is_state()).collect();
    module(catalog, "What processors remember.", &found)
}

/// The records of one topic, with the types inside them.
pub fn topic(catalog: &Catalog, topic: &Topic) -> String {
    let mut found = Vec::new();
    for record in &topic.records {
        if let Some(record) = catalog.schemas.wire(record) {
            found.push(record);
            found.extend(catalog.schemas.all().filter(|it| it.file == record.file && !it.top));
        }
    }
    let about = format!("Topic {}: {}", quoted(&topic.name).replace('"', "`"), topic.about);
    module(catalog, &about, &found)
}

fn in_wire_file(catalog: &Catalog, it: &Definition) -> bool {
    catalog.schemas.all().any(|top| top.is_wire() && top.file == it.file)
}

fn module(catalog: &Catalog, about: &str, found: &[&Definition]) -> String {
    let body: String = found.iter().map(|it| definition(catalog, it)).collect();
    let mut foreign = BTreeSet::new();
    for ty in found.iter().flat_map(|it| it.body()).filter_map(|field| field.ty.named()) {
        if let Some(named) = catalog.schemas.get(ty)
            && found.iter().all(|it| it.full != named.full)
            && body.contains(&named.name)
        {
            foreign.insert(named.name.clone());
        }
    }
    format!("//! {about}\n\n{}{body}", imports(&body, &foreign))
}
