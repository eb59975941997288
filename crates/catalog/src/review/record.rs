//! One record: added, changed or removed; its verdicts, its findings, its version and the order of deployment.

use crate::map::Map;
use crate::review::diff::diff;
use crate::review::fix::{Scene, words};
use crate::review::issue::{Issue, Schemas, collect, rule};
use crate::review::model::{Bump, Change, ChangeKind, Fate, Finding, Fix, Level, Order, RecordReview, Use, Verdict};
use crate::review::say::{Say, held};
use crate::review::side::{Record, Side, Version, numbers};
use crate::review::uses::{listed, once, uses};
use crate::review::verdict::{Outcome, Rust, judge};
use crate::review::{patch, warnings};

/// The declared version is too low.
pub const VERSION_BUMP: &str = "version-bump";

/// Both contracts; without a topics.yaml of its own the old one is taken to have the new one's.
#[derive(Clone, Copy)]
pub struct Sides<'s> {
    pub before: &'s Side,
    pub after: &'s Side,
    pub map_before: Option<&'s Map>,
    pub map_after: Option<&'s Map>,
}

/// The uses of a record on one side.
pub fn used(map: Option<&Map>, record: &Record) -> Vec<Use> {
    map.map(|map| uses(map, record)).unwrap_or_default()
}

/// A record that both sides have; nothing when it is the same.
pub fn changed(
    sides: Sides<'_>,
    key: &str,
    old: &Record,
    new: &Record,
) -> Result<Option<(RecordReview, Vec<Finding>)>, String> {
    let at = |record: &Record, why: String| format!("{}: {why}", record.file);
    let base = Version::read(&old.text, old.state).map_err(|why| at(old, why))?;
    let now = Version::read(&new.text, new.state).map_err(|why| at(new, why))?;
    if base.json == now.json {
        return Ok(None);
    }
    let diff = diff((sides.before, &old.file, &base.avro), (sides.after, &new.file, &now.avro));
    let schemas = Schemas { old: &base.avro, new: &now.avro, diff: &diff };
    let scene = Scene { before: sides.before, after: sides.after, old, new, schemas };
    let (verdicts, mut issues) = compare(sides, key, &base, &now, old.state, schemas)?;
    issues.extend(warnings::silent(schemas, &base.version, &issues));
    let (uses_before, uses_after) = (used(sides.map_before, old), used(sides.map_after, new));
    let order = order(&issues, &uses_before, old.state);
    let say = Say { before: &uses_before, after: &uses_after, state: old.state, order };
    let mut findings: Vec<Finding> = issues.iter().map(|issue| finding(scene, key, issue, &say)).collect();
    findings.extend(warnings::warnings(scene, key, &issues, &say));
    let breaks = findings.iter().any(|finding| finding.level == Level::Error);
    let shape = diff.iter().any(|change| change.kind != ChangeKind::Doc);
    let required = match (breaks, shape) {
        (true, _) => Bump::Major,
        (false, true) => Bump::Minor,
        (false, false) if diff.is_empty() => Bump::None,
        (false, false) => Bump::Patch,
    };
    let declared = declared(&base.version, &now.version);
    let enough = if breaks && shape { Bump::Minor } else { required };
    findings.extend(version(scene, key, (&base.version, &now.version), declared, (required, enough)));
    let (file, line) = sides.after.line(&new.file, &new.full, None);
    let review = RecordReview {
        record: key.to_owned(),
        fate: Fate::Changed,
        file,
        line,
        version_before: Some(base.version.clone()),
        version_after: Some(now.version.clone()),
        bump_required: required,
        bump_declared: declared,
        order,
        deployment: say.deployment(),
        uses: uses_after.clone(),
        diff: diff.into_iter().filter(|change| change.kind != ChangeKind::Doc || !shape).collect(),
        verdicts,
    };
    Ok(Some((review, findings)))
}

/// The new schema against every version that is still there, both ways.
fn compare(
    sides: Sides<'_>,
    key: &str,
    base: &Version,
    now: &Version,
    state: bool,
    schemas: Schemas<'_>,
) -> Result<(Vec<Verdict>, Vec<Issue>), String> {
    let (mut verdicts, mut issues) = (Vec::new(), Vec::new());
    let mut others: Vec<Version> = Vec::new();
    for (_, path, text) in sides.after.released.iter().chain(&sides.before.released).filter(|(it, ..)| it == key) {
        let version = Version::read(text, state).map_err(|why| format!("{path}: {why}"))?;
        let known = [base, now].into_iter().chain(&others).any(|known| known.json == version.json);
        // What is released under this number is not what the file says: the version is told so elsewhere.
        if !known {
            others.push(version);
        }
    }
    for (version, own) in others.iter().map(|it| (it, false)).chain([(base, true)]) {
        // A registry may have another schema under the number of a release.
        let twice = own && others.iter().any(|other| other.version == version.version);
        let label = if twice { format!("{} as compared", version.version) } else { version.version.clone() };
        for backward in [true, false] {
            let (reader, writer) = if backward { (now, version) } else { (version, now) };
            let outcome = judge(reader, writer);
            // What was broken before is not this change's fault.
            let earlier = (!own).then(|| if backward { judge(base, version) } else { judge(version, base) });
            let known = earlier.as_ref().is_some_and(|earlier| !clean(earlier));
            if !known {
                collect(schemas, &outcome, &reader.avro, backward, &label, &mut issues);
            }
            verdicts.push(verdict(&outcome, &label, backward, known));
        }
    }
    Ok((verdicts, issues))
}

fn clean(outcome: &Outcome) -> bool {
    outcome.java.is_empty() && outcome.unknown.is_none() && !matches!(outcome.rust, Rust::Failed(..))
}

fn verdict(outcome: &Outcome, version: &str, backward: bool, known: bool) -> Verdict {
    let (new, old) = ("new".to_owned(), version.to_owned());
    let (reader, writer) = if backward { (new, old) } else { (old, new) };
    let (rust, mut rust_said) = match &outcome.rust {
        Rust::Right => (Some(true), String::new()),
        Rust::Untried => (None, "not tried".to_owned()),
        Rust::NoReader(why) => (None, format!("no reader: {why}")),
        Rust::Failed(unread, wrong) => {
            let unread = unread.iter().map(|it| format!("{}: {}", it.path.join("."), it.why));
            let wrong = wrong.iter().map(|it| match &it.units {
                Some((from, to)) => format!("{}: {from} read as {to}", it.path.join(".")),
                None => format!("{}: {} read as {}", it.path.join("."), it.written, it.read),
            });
            (Some(false), unread.chain(wrong).collect::<Vec<_>>().join("; "))
        }
    };
    if known {
        rust_said = format!("as before this change{}{rust_said}", if rust_said.is_empty() { "" } else { ": " });
    }
    let java = outcome.java.is_empty() && outcome.unknown.is_none();
    Verdict { reader, writer, backward, java, java_errors: outcome.java.clone(), rust, rust_said }
}

/// What the order of deployment can avoid.
fn order(issues: &[Issue], before: &[Use], state: bool) -> Order {
    let backward = issues.iter().any(|issue| !issue.data.is_empty());
    let forward = issues.iter().any(|issue| !issue.readers.is_empty());
    let outside = before.iter().any(|it| !it.readers_outside.is_empty());
    match (backward, forward) {
        (false, false) => Order::Any,
        (false, true) if outside => Order::NewTopic,
        (false, true) => Order::ReadersFirst,
        (true, false) if !state && before.iter().all(|it| it.retained != "for ever") => Order::WritersFirst,
        (true, _) => Order::NewTopic,
    }
}

fn finding(scene: Scene<'_>, key: &str, issue: &Issue, say: &Say<'_>) -> Finding {
    // Silently wrong is worse than not at all: no order of deployment mends it.
    let orderly = issue.data.is_empty()
        && say.order == Order::ReadersFirst
        && !matches!(issue.rule, rule::UNIT_CHANGED | rule::SCALE_CHANGED | rule::UNKNOWN);
    let (side, file) = if issue.before { (scene.before, &scene.old.file) } else { (scene.after, &scene.new.file) };
    let (file, line) = side.line(file, &issue.trail.owner, issue.trail.field.as_deref());
    let (what, why) = say.issue(scene, issue);
    let read = say.after.iter().flat_map(|it| it.readers.iter().chain(&it.readers_outside));
    let reading = say.before.iter().flat_map(|it| it.readers.iter().chain(&it.readers_outside));
    let new = read.filter(|_| !issue.data.is_empty());
    let old = reading.filter(|_| !issue.readers.is_empty());
    Finding {
        rule: issue.rule,
        level: if orderly { Level::Warning } else { Level::Error },
        file,
        line,
        before: issue.before,
        records: vec![key.to_owned()],
        field: issue.trail.path.join("."),
        what,
        why,
        breaks: once(new.chain(old)),
        versions: once(issue.data.iter().chain(&issue.readers)),
        java: issue.java.clone(),
        fix: scene.fix(issue, orderly),
    }
}

/// The step between two versions; none when it goes backwards.
pub fn declared(before: &str, after: &str) -> Bump {
    let (before, after) = (numbers(before), numbers(after));
    if after <= before {
        return Bump::None;
    }
    match before.iter().zip(&after).position(|(one, other)| one != other) {
        Some(0) => Bump::Major,
        Some(1) => Bump::Minor,
        _ => Bump::Patch,
    }
}

/// The next version by a step.
pub fn next(version: &str, bump: Bump) -> String {
    let numbers = numbers(version);
    let part = |at: usize| numbers.get(at).copied().unwrap_or_default();
    match bump {
        Bump::None => version.to_owned(),
        Bump::Patch => format!("{}.{}.{}", part(0), part(1), part(2).saturating_add(1)),
        Bump::Minor => format!("{}.{}.0", part(0), part(1).saturating_add(1)),
        Bump::Major => format!("{}.0.0", part(0).saturating_add(1)),
    }
}

/// `enough` is the step that is left when the errors are mended.
fn version(
    scene: Scene<'_>,
    key: &str,
    (before, after): (&str, &str),
    declared: Bump,
    (required, enough): (Bump, Bump),
) -> Option<Finding> {
    // What breaks is an error of its own; it is mended, or the version is not what stands in the way.
    if declared >= enough {
        return None;
    }
    let wanted = next(before, enough);
    let place = scene.after.place(&scene.new.file, &scene.new.full);
    let range = place.and_then(|(source, place)| Some((source, place.version.clone()?)));
    let line = range.as_ref().map_or(1, |(source, range)| source.line(range.start));
    let patch = range.and_then(|(source, range)| patch::replace(source, range, &format!("\"{wanted}\"")));
    let words = match required == enough {
        true => format!("set \"version\" to \"{wanted}\""),
        false => format!(
            "mend the errors and set \"version\" to \"{wanted}\"; \"{}\" is for a break that is meant, on a new major \
             version of the topic",
            next(before, required)
        ),
    };
    let even = if required == enough { "" } else { " even when the errors are mended" };
    let declares = if after == before {
        format!("the version is still {after}")
    } else {
        format!("{before} → {after} is a {} step", declared.as_str())
    };
    Some(Finding {
        rule: VERSION_BUMP,
        level: Level::Error,
        file: scene.new.file.clone(),
        line,
        before: false,
        records: vec![key.to_owned()],
        field: String::new(),
        what: format!("{declares}; the change of \"{key}\" needs a {} step{even}", enough.as_str()),
        why: "a version stands for one schema for ever, and says what its readers have to expect".to_owned(),
        breaks: Vec::new(),
        versions: vec![before.to_owned()],
        java: None,
        fix: Fix { words, patch },
    })
}

/// A record that only the new side has.
pub fn added(sides: Sides<'_>, key: &str, new: &Record) -> (RecordReview, Vec<Finding>) {
    let uses = used(sides.map_after, new);
    let (file, line) = sides.after.line(&new.file, &new.full, None);
    let version = Version::read(&new.text, new.state).map(|version| version.version).unwrap_or_default();
    let there = |it: &&Use| sides.map_before.is_some_and(|map| map.topics.0.iter().any(|(name, _)| *name == it.place));
    let known: Vec<&Use> = uses.iter().filter(there).filter(|it| !it.readers.is_empty()).collect();
    let mut findings = Vec::new();
    if !known.is_empty() && sides.before.map.is_some() {
        let readers = once(known.iter().flat_map(|it| &it.readers));
        let places = once(known.iter().map(|it| &it.place));
        findings.push(Finding {
            rule: "record-added",
            level: Level::Warning,
            file: file.clone(),
            line,
            before: false,
            records: vec![key.to_owned()],
            field: String::new(),
            what: format!("record \"{key}\" is new on {}", listed(&places)),
            why: format!("{} as deployed put it aside as a dead letter", listed(&readers)),
            breaks: readers.clone(),
            versions: Vec::new(),
            java: None,
            fix: words(format!("deploy {} before whoever writes it", listed(&readers))),
        });
    }
    let order = if findings.is_empty() { Order::Any } else { Order::ReadersFirst };
    let say = Say { before: &uses, after: &uses, state: new.state, order };
    let deployment = if new.state { "any order".to_owned() } else { say.deployment() };
    let review = alone(key, Fate::Added, (file, line), (None, Some(version)), deployment, order, &uses);
    (review, findings)
}

/// A record that only the old side has.
pub fn removed(sides: Sides<'_>, key: &str, old: &Record) -> (RecordReview, Vec<Finding>) {
    let uses = used(sides.map_before, old);
    let (file, line) = sides.before.line(&old.file, &old.full, None);
    let version = Version::read(&old.text, old.state).map(|version| version.version).unwrap_or_default();
    let still = |it: &&Use| match it.place.strip_prefix("state of ") {
        Some(name) => sides.map_after.is_some_and(|map| map.processors.0.iter().any(|(other, _)| other == name)),
        None => sides.map_after.is_some_and(|map| map.topics.0.iter().any(|(other, _)| *other == it.place)),
    };
    let left: Vec<&Use> = uses.iter().filter(still).collect();
    let readers = once(left.iter().flat_map(|it| it.readers.iter().chain(&it.readers_outside)));
    let holds: Vec<String> = left.iter().map(|it| held(it)).collect();
    let level = if left.is_empty() { Level::Warning } else { Level::Error };
    let why = match left.is_empty() {
        true => "nothing carries it any more".to_owned(),
        false => format!("{} cannot read what {} still holds", listed(&readers), listed(&holds)),
    };
    let finding = Finding {
        rule: "record-removed",
        level,
        file: file.clone(),
        line,
        before: true,
        records: vec![key.to_owned()],
        field: String::new(),
        what: format!("record \"{key}\" is removed"),
        why,
        breaks: readers,
        versions: vec![version.clone()],
        java: None,
        fix: words("stop writing it, and remove the schema when nothing of it is retained".into()),
    };
    let deployment = "stop the writers first; the readers when nothing of it is retained".to_owned();
    let order = if left.is_empty() { Order::Any } else { Order::WritersFirst };
    let review = alone(key, Fate::Removed, (file, line), (Some(version), None), deployment, order, &uses);
    (review, vec![finding])
}

fn alone(
    key: &str,
    fate: Fate,
    (file, line): (String, u64),
    (version_before, version_after): (Option<String>, Option<String>),
    deployment: String,
    order: Order,
    uses: &[Use],
) -> RecordReview {
    let bump = if fate == Fate::Removed { Bump::Major } else { Bump::None };
    RecordReview {
        record: key.to_owned(),
        fate,
        file,
        line,
        version_before,
        version_after,
        bump_required: bump,
        bump_declared: Bump::None,
        order,
        deployment,
        uses: uses.to_vec(),
        diff: Vec::<Change>::new(),
        verdicts: Vec::new(),
    }
}
