//! Generated files: the committed ones are what the generator gives, and the shapes that our schemas do not use yet
//! come out right.

use std::fs;

use crate::tests::{base, parsed, root};
use crate::{Catalog, check, generate};

/// Set it to write the file that is compared.
const UPDATE: &str = "UPDATE_GENERATED";

fn generated(path: &str) -> String {
    let files = generate(&parsed(base()));
    let file = files.into_iter().find(|(other, _)| other.ends_with(path));
    file.unwrap_or_else(|| panic!("{path} is not generated")).1
}

#[test]
fn the_committed_files_are_what_the_generator_gives() {
    let catalog = Catalog::load(root()).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(check(&catalog, root()), Ok(Vec::new()), "run `make contract`");
}

/// crates/contract decodes and encodes with this file in its tests.
#[test]
fn the_fixture_of_all_shapes_is_what_the_generator_gives() {
    let path = root().join("crates/contract/src/tests/shapes.rs");
    let expected = generated("shared.rs");
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&path, &expected).expect("writable");
    }
    assert_eq!(fs::read_to_string(path).ok(), Some(expected), "run the tests with {UPDATE}=1");
}

#[test]
fn a_processor_without_state_has_empty_enums() {
    insta::assert_snapshot!(generated("reader.rs"));
}

#[test]
fn a_processor_with_everything_uses_it() {
    insta::assert_snapshot!(generated("keeper.rs"));
}

#[test]
fn state_starts_from_its_defaults() {
    insta::assert_snapshot!(generated("state.rs"));
}

#[test]
fn a_released_schema_defines_each_type_where_it_is_used_first() {
    insta::assert_snapshot!(generated("schemas/released/Ask/1.0.0.avsc"));
}

#[test]
fn the_chart_knows_processors_and_topics() {
    insta::assert_snapshot!(generated("helm/orderflow/generated/contract.yaml"));
}

#[test]
fn writing_removes_what_is_not_generated_any_more() {
    let folder = std::env::temp_dir().join(format!("catalog-{}", std::process::id()));
    let old = folder.join("crates/contract/src/generated/old.rs");
    fs::create_dir_all(old.parent().expect("has a parent")).expect("writable");
    fs::write(&old, "").expect("writable");
    let catalog = parsed(base());
    let written = crate::write(&catalog, &folder).expect("writable");
    assert!(written.len() > 10 && !old.exists());
    assert_eq!(check(&catalog, &folder), Ok(Vec::new()));
    fs::remove_dir_all(folder).expect("removable");
}
