//! Releases against what a registry holds.

use crate::registration::{Held, LEVEL, SubjectPlan, newest, plan, subjects};
use crate::tests::{base, edited, parsed};
use crate::{Catalog, Release};

const ASK: &str = "schemas/ask.avsc";

/// The base with a second version of Ask, which has another field.
fn grown(field: &str) -> Catalog {
    let first = parsed(base());
    let mut files = edited(base(), ASK, "\"version\": \"1.0.0\"", "\"version\": \"1.1.0\"");
    files = edited(files, ASK, "\"fields\": [", "\"fields\": [\n");
    let (_, text) = files.iter_mut().find(|(path, _)| path == ASK).expect("it is there");
    let end = text.rfind("]\n}").or_else(|| text.rfind("]}")).expect("the fields end");
    text.insert_str(end, &format!(", {field}"));
    let mut catalog = parsed(files);
    let old: Vec<Release> = first.releases.into_iter().filter(|release| release.record == "Ask").collect();
    catalog.releases.splice(0..0, old);
    catalog
}

fn held(release: &Release) -> Held {
    Held { version: release.id, id: 40 + release.id, text: release.text.clone() }
}

fn ask(catalog: &Catalog, held: &[Held], level: Option<&str>) -> SubjectPlan {
    let all = subjects(catalog);
    let subject = all.iter().find(|subject| subject.name.ends_with(".Ask")).expect("Ask is on a topic");
    plan(subject, held, level)
}

#[test]
fn every_version_is_registered_once_and_the_level_is_set() {
    let catalog = grown(r#"{"name": "more", "type": "long", "default": 0}"#);
    let releases: Vec<&Release> = catalog.releases.iter().filter(|release| release.record == "Ask").collect();
    let fresh = ask(&catalog, &[], None);
    assert_eq!(fresh.missing, ["1.0.0", "1.1.0"]);
    assert_eq!((fresh.level.as_deref(), fresh.is_done()), (Some("none of its own"), false));
    let half = ask(&catalog, &[held(releases[0])], Some("BACKWARD"));
    assert_eq!(
        (half.registered.as_slice(), half.missing.as_slice()),
        (&["1.0.0".to_owned()][..], &["1.1.0".to_owned()][..])
    );
    assert_eq!(half.level.as_deref(), Some("BACKWARD"));
    let all = [held(releases[0]), held(releases[1])];
    assert!(ask(&catalog, &all, Some(LEVEL)).is_done());
}

#[test]
fn what_nobody_released_is_told() {
    let catalog = parsed(base());
    let ours = catalog.releases.iter().find(|release| release.record == "Ask").expect("it is released");
    let stranger = Held { version: 9, id: 99, text: ours.text.replace("again", "stranger") };
    let found = ask(&catalog, &[held(ours), stranger], Some(LEVEL));
    assert_eq!(found.foreign.iter().map(|it| (it.version, it.id)).collect::<Vec<_>>(), [(9, 99)]);
    assert!(!found.is_done());
    let garbage = Held { version: 3, id: 4, text: "no schema".to_owned() };
    assert_eq!(ask(&catalog, &[garbage], Some(LEVEL)).foreign.len(), 1);
}

#[test]
fn a_version_that_cannot_read_what_is_there_is_refused() {
    let catalog = grown(r#"{"name": "more", "type": "long"}"#);
    let releases: Vec<&Release> = catalog.releases.iter().filter(|release| release.record == "Ask").collect();
    let found = ask(&catalog, &[held(releases[0])], Some(LEVEL));
    let [refused] = &found.refused[..] else { panic!("{found:#?}") };
    assert_eq!((refused.release.as_str(), refused.against.contains("(id 4")), ("1.1.0", true));
    assert!(refused.why.starts_with("READER_FIELD_MISSING_DEFAULT_VALUE at /fields/"), "{}", refused.why);
    // Where nothing is registered yet, the second would break the first.
    assert_eq!(ask(&catalog, &[], None).refused[0].against, "1.0.0");
}

#[test]
fn a_review_is_not_made_with_what_nobody_released() {
    let catalog = parsed(base());
    let files: Vec<(String, String)> =
        catalog.releases.iter().map(|release| (release.path(), release.text.clone())).collect();
    let (yaml, ours) = (&base()[0].1, catalog.releases.iter().find(|it| it.record == "Ask").expect("it is there"));
    // As a registry keeps it: without what Avro does not know.
    let kept = ours.text.replace("\"version\": \"1.0.0\",", "");
    assert_ne!(kept, ours.text);
    let all = |text: String| {
        let name = subjects(&catalog).into_iter().find(|it| it.name.ends_with(".Ask")).expect("Ask is on a topic").name;
        let stranger = Held { version: 1, id: 2, text: "\"string\"".to_owned() };
        [(name, vec![Held { version: 3, id: 7, text }]), ("somebody-else".to_owned(), vec![stranger])]
    };
    let found = newest(yaml, &files, &all(kept.clone())).expect("all of it is released");
    let [only] = &found[..] else { panic!("{found:#?}") };
    assert_eq!((only.record.as_str(), only.text.as_str()), ("Ask", ours.text.as_str()));
    assert!(only.from.ends_with("Ask version 3"), "{}", only.from);
    let stranger = newest(yaml, &files, &all(kept.replace("again", "stranger"))).expect_err("nobody released it");
    assert!(stranger[0].contains("version 3 (id 7)"), "{stranger:?}");
}
