//! The engine and a real schema registry: the ids of everything released, what it refuses, and an outage.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use catalog::compat;
use contract::{RELEASED, Released};
use engine::core::io::Framed;
use engine::shell::registry::{Options, Registry, RegistryError, WireSchema};
use engine::shell::schemas::{Resolved, SchemaCache, Schemas};
use serde_json::{Value, json};
use tests::eventually;

const LIMIT: Duration = Duration::from_secs(120);
const UNKNOWN: u32 = 4711;
const CORPUS: &str = include_str!("../../../crates/catalog/src/tests/compat/corpus.jsonl");

#[test]
fn ids_come_from_the_registry_and_outlive_it() -> Result<()> {
    let mut server = tests::Registry::start()?;
    let registry = Registry::open(&server.url(), Options::default())?;
    let folder = tempfile::tempdir()?;
    let lock = folder.path().join(registry.lock_name());
    let subjects: Vec<String> = wire().map(|released| format!("{}-{}", released.topic, released.full_name)).collect();
    let schemas: Vec<WireSchema> = wire()
        .zip(&subjects)
        .map(|(released, subject)| WireSchema { subject, text: released.text, fingerprint: released.fingerprint })
        .collect();

    let refused = registry.ids(&schemas, &lock).unwrap_err();
    ensure!(
        matches!(&refused, RegistryError::Missing { subjects, .. } if subjects.len() == schemas.len()),
        "{refused}"
    );
    let ids = registered(&registry, &schemas, &lock)?;
    client_of_others(&server, &ids)?;
    refusals(&registry, &schemas[0])?;
    references(&server, &registry)?;
    outage(&mut server, registry, &schemas, &ids, &lock)
}

/// Whatever `schema register` lets through the registry takes, and whatever it refuses the registry refuses.
#[test]
fn a_registry_decides_as_we_do() -> Result<()> {
    let server = tests::Registry::start()?;
    let registry = Registry::open(&server.url(), Options::default())?;
    let (mut asked, mut refused, mut differ) = (0, 0, Vec::new());
    for (number, line) in CORPUS.lines().enumerate() {
        let pair: Value = serde_json::from_str(line)?;
        let text = |key: &str| match &pair[key] {
            Value::String(text) if text.trim_start().starts_with(['{', '[', '"']) => text.clone(),
            schema => schema.to_string(),
        };
        let (reader, writer) = (text("reader"), text("writer"));
        let (Ok(new), Ok(old)) = (compat::Schema::parse(&reader), compat::Schema::parse(&writer)) else { continue };
        let Ok(report) = compat::check(&new, &old) else { continue };
        let subject = format!("corpus-{number}");
        registry.register(&subject, &writer).with_context(|| line.to_owned())?;
        let taken = match registry.register(&subject, &reader) {
            Ok(_) => true,
            Err(RegistryError::Incompatible { .. }) => false,
            Err(error) => return Err(error).with_context(|| line.to_owned()),
        };
        (asked, refused) = (asked + 1, refused + usize::from(!taken));
        if taken != report.compatible {
            differ.push(format!("the registry {} {line}", if taken { "takes" } else { "refuses" }));
        }
    }
    println!("{asked} evolutions, {refused} refused");
    ensure!(asked >= 200 && refused >= 60, "only {asked} evolutions, {refused} refused");
    ensure!(differ.is_empty(), "{} of {asked} differ:\n{}", differ.len(), differ.join("\n"));
    Ok(())
}

/// Records on topics, each version after the one that it was checked against.
fn wire() -> impl Iterator<Item = &'static Released> {
    let mut released: Vec<_> =
        RELEASED.iter().filter(|released| !released.state && !released.topic.is_empty()).collect();
    let version = |released: &Released| -> Vec<u32> {
        let parts = released.version.split('.');
        parts.filter_map(|part| part.parse().ok()).collect()
    };
    released.sort_by_key(|released| (released.full_name, version(released)));
    released.into_iter()
}

fn registered(registry: &Registry, schemas: &[WireSchema], lock: &Path) -> Result<HashMap<u64, u32>> {
    let mut expected = HashMap::new();
    for schema in schemas {
        assert_eq!(registry.lookup(schema.subject, schema.text)?, None);
        let id = registry.register(schema.subject, schema.text)?;
        assert_eq!(registry.register(schema.subject, schema.text)?, id);
        assert_eq!(registry.lookup(schema.subject, schema.text)?, Some(id));
        expected.insert(schema.fingerprint, id);
    }
    assert_eq!(expected.len(), schemas.len());
    assert_eq!(registry.ids(schemas, lock)?, expected);
    for released in wire() {
        let id = expected[&released.fingerprint];
        let found = registry.fetch(id)?.context("registered")?;
        assert_eq!(found.record, released.record);
        assert_eq!(found.fingerprint, released.fingerprint, "{}", found.text);
    }
    Ok(expected)
}

/// The Python example asks the registry for the ids and schemas that we use.
fn client_of_others(server: &tests::Registry, ids: &HashMap<u64, u32>) -> Result<()> {
    const PROGRAM: &str = "import client; schemas = client.Schemas(); \
        number, _ = schemas.to_write('order-commands.v1', 'PlaceOrder'); \
        print(number, schemas.to_read(number)['name'])";
    let done = tests::python_example(&["-c", PROGRAM], &[("REGISTRY", &server.url())])?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let wanted = wire().find(|released| released.record == "PlaceOrder").context("released")?;
    let wanted = format!("{} {}", ids[&wanted.fingerprint], wanted.full_name);
    ensure!(said.trim() == wanted, "{said}, not {wanted}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

fn refusals(registry: &Registry, known: &WireSchema) -> Result<()> {
    assert_eq!(registry.fetch(UNKNOWN)?, None);
    let mut changed: Value = serde_json::from_str(known.text)?;
    let field = json!({ "name": "without_a_default", "type": "string" });
    changed["fields"].as_array_mut().context("fields")?.push(field);
    let changed = changed.to_string();
    assert_eq!(registry.lookup(known.subject, &changed)?, None);
    let refused = registry.register(known.subject, &changed).unwrap_err();
    ensure!(matches!(&refused, RegistryError::Incompatible { message, .. } if !message.is_empty()), "{refused:?}");
    ensure!(refused.to_string().contains(known.subject), "{refused}");
    println!("{refused}");
    let refused = registry.register("no-schema", "{").unwrap_err();
    ensure!(matches!(&refused, RegistryError::Refused { .. }), "{refused:?}");
    Ok(())
}

/// Others register with references; what we get stands alone.
fn references(server: &tests::Registry, registry: &Registry) -> Result<()> {
    let inner = json!({ "type": "record", "name": "x.Inner", "fields": [{ "name": "n", "type": "long" }] });
    let outer = json!({ "type": "record", "name": "x.Outer", "fields": [
        { "name": "one", "type": "Inner" }, { "name": "two", "type": "x.Inner" },
    ] });
    registry.register("x.Inner", &inner.to_string())?;
    let body = json!({
        "schema": outer.to_string(),
        "references": [{ "name": "x.Inner", "subject": "x.Inner", "version": 1 }],
    });
    let (status, answer) = server.call("POST", "/subjects/x.Outer/versions", Some(&body))?;
    ensure!(status == 200, "{answer}");
    let id = answer["id"].as_u64().context("no id")?.try_into()?;
    let found = registry.fetch(id)?.context("registered")?;
    assert_eq!(found.record, "Outer");
    let text: Value = serde_json::from_str(&found.text)?;
    assert_eq!(text["fields"][0]["type"]["fields"][0]["name"], "n");
    assert_eq!(text["fields"][1]["type"], "x.Inner");
    Ok(())
}

fn outage(
    server: &mut tests::Registry,
    registry: Registry,
    schemas: &[WireSchema],
    ids: &HashMap<u64, u32>,
    lock: &Path,
) -> Result<()> {
    server.stop()?;
    assert_eq!(&registry.ids(schemas, lock)?, ids);
    let known = ids[&schemas[0].fingerprint];
    for id in [known, UNKNOWN] {
        let error = registry.fetch(id).unwrap_err();
        ensure!(matches!(error, RegistryError::Unreachable { .. }), "{error:?}");
    }
    let error = registry.ids(schemas, &lock.with_extension("none")).unwrap_err();
    ensure!(matches!(error, RegistryError::LockIncomplete { .. }), "{error:?}");

    let framed = |id: u32| [&[0][..], &id.to_be_bytes()].concat();
    let wanted = Schemas::new([], true);
    for id in [known, UNKNOWN] {
        let mut cache = SchemaCache::default();
        ensure!(matches!(cache.resolve(&wanted, Some(&framed(id))), Resolved::Pending(_)), "{id}");
    }
    let resolver = registry.resolver(wanted.clone())?;
    ensure!(!wanted.is_answered(known) && !wanted.is_answered(UNKNOWN), "answered by nobody");
    server.restart()?;
    eventually("the resolver's answers", LIMIT, || {
        Ok((wanted.is_answered(known) && wanted.is_answered(UNKNOWN)).then_some(()))
    })?;
    resolver.stop();
    let (mut cache, mut other) = (SchemaCache::default(), SchemaCache::default());
    let answer = cache.resolve(&wanted, Some(&framed(known)));
    ensure!(
        matches!(answer, Resolved::Framed(Framed::Known(schema)) if schema.fingerprint == schemas[0].fingerprint),
        "{answer:?}"
    );
    let answer = other.resolve(&wanted, Some(&framed(UNKNOWN)));
    ensure!(matches!(answer, Resolved::Framed(Framed::Unknown(UNKNOWN))), "{answer:?}");
    let again = Registry::open(&server.url(), Options::default())?;
    assert_eq!(&again.ids(schemas, lock)?, ids, "ids outlive a restart");
    Ok(())
}
