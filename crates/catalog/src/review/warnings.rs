//! What everybody can read and somebody may still trip over.

use crate::review::agree::units;
use crate::review::avro::{Body, Plain, Ty};
use crate::review::fix::{Scene, words};
use crate::review::issue::{Issue, Schemas, rule, without_default};
use crate::review::model::{Change, ChangeKind, Finding, Fix, Level};
use crate::review::say::{Say, held};
use crate::review::uses::once;
use crate::review::verdict::{Trail, by_names};

/// The warnings about a changed record.
pub fn warnings(scene: Scene<'_>, key: &str, issues: &[Issue], say: &Say<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for change in scene.schemas.diff {
        let told =
            |rules: &[&str]| issues.iter().any(|it| rules.contains(&it.rule) && it.trail.path.join(".") == change.path);
        let found = match change.kind {
            ChangeKind::DefaultChanged if change.what.starts_with("default none ") || told(&[rule::TYPE_CHANGED]) => {
                continue;
            }
            ChangeKind::DefaultChanged => default(change),
            ChangeKind::LogicalChanged if told(&SILENT) => continue,
            ChangeKind::LogicalChanged => logical(change),
            ChangeKind::TypeChanged => match wider(change) {
                Some(found) => found,
                None => continue,
            },
            ChangeKind::SymbolAdded if !without_default(scene.schemas.old, &change.owner) => {
                symbol_added(scene, change)
            }
            ChangeKind::SymbolRemoved if !without_default(scene.schemas.new, &change.owner) => {
                symbol_removed(scene, change, say)
            }
            ChangeKind::EnumDefault if change.what.starts_with("default none ") => continue,
            ChangeKind::EnumDefault => enum_default(change),
            ChangeKind::Alias => alias(change),
            ChangeKind::Namespace => name_space(change),
            _ => continue,
        };
        let (rule, level, what, why, fix) = found;
        let (file, line) = located(scene, change);
        out.push(Finding {
            rule,
            level,
            file,
            line,
            before: false,
            records: vec![key.to_owned()],
            field: change.path.clone(),
            what,
            why,
            breaks: once(say.after.iter().flat_map(|it| it.readers.iter().chain(&it.readers_outside))),
            versions: Vec::new(),
            java: None,
            fix,
        });
    }
    out
}

/// Rules that say more about a logical type than a warning.
const SILENT: [&str; 3] = [rule::UNIT_CHANGED, rule::SCALE_CHANGED, rule::TYPE_CHANGED];

type Found = (&'static str, Level, String, String, Fix);

/// Where it is in the new files: a removed symbol at what is left of its enum.
fn located(scene: Scene<'_>, change: &Change) -> (String, u64) {
    if !change.before {
        return (change.file.clone(), change.line);
    }
    scene.after.line(&scene.new.file, &change.owner, None)
}

fn default(change: &Change) -> Found {
    (
        "default-changed",
        Level::Warning,
        format!("field \"{}\": {}", change.path, change.what),
        "data without the field are read with another value from now on: a replay gives other results".into(),
        words("keep the default, unless every reader is meant to see old data with other eyes".into()),
    )
}

/// A logical type of which only the meaning changes.
fn logical(change: &Change) -> Found {
    (
        "logical-type-changed",
        Level::Warning,
        format!("field \"{}\": {}", change.path, change.what),
        "the bytes stay the same, their meaning does not: readers that go by the logical type get another type".into(),
        words("say in \"doc\" what the value meant before, or add a field under another name".into()),
    )
}

/// Units and scales that changed where no reader could be tried: the generator knows no decimals, and a reader that
/// stops at one field says nothing of the next.
pub fn silent(schemas: Schemas<'_>, version: &str, issues: &[Issue]) -> Vec<Issue> {
    let mut out = Vec::new();
    for change in schemas.diff.iter().filter(|change| change.kind == ChangeKind::LogicalChanged) {
        let path: Vec<String> = change.path.split('.').map(str::to_owned).collect();
        let at = |avro| plain_at(avro, &by_names(avro, &path));
        let (Some(old), Some(new)) = (at(schemas.old), at(schemas.new)) else { continue };
        let decimals = [&old, &new].iter().all(|it| it.logical.as_deref() == Some("decimal"));
        let rule = match (units(&old, &new), decimals && old.scale != new.scale) {
            (Some(_), _) => rule::UNIT_CHANGED,
            (None, true) => rule::SCALE_CHANGED,
            (None, false) => continue,
        };
        if issues.iter().any(|it| it.trail.path == path) {
            continue;
        }
        let versions = vec![version.to_owned()];
        out.push(Issue {
            rule,
            trail: by_names(schemas.new, &path),
            before: false,
            data: versions.clone(),
            readers: versions,
            java: None,
            said: "the same bytes mean another number".to_owned(),
        });
    }
    out
}

fn plain_at(avro: &crate::review::avro::Avro, trail: &Trail) -> Option<Plain> {
    let field = trail.field.as_ref()?;
    let member = avro.members(&trail.owner).iter().find(|member| member.name == *field)?;
    plain(avro, &member.ty)
}

fn plain(avro: &crate::review::avro::Avro, ty: &Ty) -> Option<Plain> {
    match ty {
        Ty::Plain(plain) => (plain.name != "null").then(|| plain.clone()),
        Ty::Array(inner) | Ty::Map(inner) => plain(avro, inner),
        Ty::Union(branches) => branches.iter().find_map(|branch| plain(avro, branch)),
        Ty::Named(full) => match &avro.named.get(full)?.body {
            Body::Fixed { plain, .. } => Some(plain.clone()),
            _ => None,
        },
    }
}

/// Whole numbers that become floating ones; the rest nobody trips over.
fn wider(change: &Change) -> Option<Found> {
    let ends = |from: &str, to: &str| change.what.contains(&format!("{from} is now ")) && change.what.ends_with(to);
    if !(ends("long", "double") || ends("long", "float") || ends("int", "float")) {
        return None;
    }
    Some((
        "precision-lost",
        Level::Warning,
        format!("field \"{}\": {}", change.path, change.what),
        "a float has 24 bits and a double 53: larger whole numbers are rounded when old data are read".into(),
        words("keep whole numbers whole: the old type, or long".into()),
    ))
}

fn enum_of(scene: Scene<'_>, full: &str) -> String {
    match scene.schemas.new.named.get(full).map(|named| &named.body) {
        Some(Body::Enum { default: Some(default), .. }) => default.clone(),
        _ => "its default".to_owned(),
    }
}

fn symbol_added(scene: Scene<'_>, change: &Change) -> Found {
    let default = match scene.schemas.old.named.get(&change.owner).map(|named| &named.body) {
        Some(Body::Enum { default: Some(default), .. }) => default.clone(),
        _ => "the default".to_owned(),
    };
    (
        "symbol-added",
        Level::Warning,
        format!("field \"{}\": {} is new", change.path, change.what),
        format!("readers as deployed read it as {default}; Java and the registry accept it"),
        words("deploy the readers that know it before the writers that use it".into()),
    )
}

fn symbol_removed(scene: Scene<'_>, change: &Change, say: &Say<'_>) -> Found {
    let default = enum_of(scene, &change.owner);
    let holds: Vec<String> = say.before.iter().map(held).collect();
    let why = format!(
        "data in {} may have it, and new readers take it for {default}; Java and the registry accept it",
        crate::review::uses::listed(&holds)
    );
    (
        "symbol-removed",
        Level::Warning,
        format!("field \"{}\": {} is removed", change.path, change.what),
        why,
        Fix {
            words: "put it back, and only stop writing it; a reader may need it for as long as data are kept".into(),
            patch: scene.symbols_back(&change.owner),
        },
    )
}

fn enum_default(change: &Change) -> Found {
    (
        "enum-default-changed",
        Level::Warning,
        format!("field \"{}\": {}", change.path, change.what),
        "symbols that a reader does not know are read as another one from now on".into(),
        words("keep the default".into()),
    )
}

fn alias(change: &Change) -> Found {
    (
        "alias-removed",
        Level::Warning,
        format!("field \"{}\": {}", change.path, change.what),
        "data that have the field under its old name are not read any more once nothing else covers them".into(),
        words("keep the alias as long as data under the old name are retained".into()),
    )
}

fn name_space(change: &Change) -> Found {
    (
        "namespace-changed",
        Level::Warning,
        change.what.clone(),
        "Avro compares short names, so data stay readable; a registry's subject and generated names in other \
         languages go by the full name"
            .into(),
        words("keep the namespace, or register the new subject before anybody writes".into()),
    )
}
