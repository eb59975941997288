//! One change, one snapshot: what is said of each kind of change in schemas/.

use crate::review::{Level, text};
use crate::tests::review::{compared, shop};
use crate::tests::{Files, edited};

const FACT: &str = "schemas/signed_up.avsc";
const COMMAND: &str = "schemas/sign_up.avsc";
const REPLY: &str = "schemas/welcomed.avsc";
const STATE: &str = "schemas/state/customer.avsc";
const SHARED: &str = "schemas/address.avsc";

/// Reviews one edit, with a step of the version so that the version is not the finding.
fn edit(path: &str, version: &str, from: &str, to: &str) -> String {
    let files = edited(shop(), path, from, to);
    let files = if version.is_empty() { files } else { bumped(files, path, version) };
    text(&compared(&shop(), &files), false)
}

fn bumped(files: Files, path: &str, version: &str) -> Files {
    edited(files, path, "\"version\": \"1.0.0\"", &format!("\"version\": \"{version}\""))
}

macro_rules! snapshots {
    ($($name:ident: $said:expr;)*) => {
        $(#[test]
        fn $name() {
            insta::assert_snapshot!($said);
        })*
    };
}

const MAIL: &str = "{\"name\": \"customer_mail\", \"type\": \"string\"}";
const HOME: &str = "    {\"name\": \"home\"";

snapshots! {
    a_field_without_default: edit(FACT, "1.1.0", HOME, "    {\"name\": \"referrer\", \"type\": \"string\"},\n    {\"name\": \"home\"");
    a_field_with_default: edit(FACT, "1.1.0", HOME, "    {\"name\": \"referrer\", \"type\": \"string\", \"default\": \"\"},\n    {\"name\": \"home\"");
    a_record_without_default: edit(FACT, "1.1.0", HOME, "    {\"name\": \"work\", \"type\": \"shop.Address\"},\n    {\"name\": \"home\"");
    a_field_renamed_by_alias: edit(FACT, "1.1.0", "\"name\": \"customer_mail\"", "\"name\": \"mail\", \"aliases\": [\"customer_mail\"]");
    a_field_renamed_without_alias: edit(FACT, "1.1.0", "\"name\": \"customer_mail\"", "\"name\": \"mail\"");
    a_field_removed: edit(FACT, "1.1.0", &format!("    {MAIL},\n"), "");
    a_field_of_a_reply_removed: edit(REPLY, "1.1.0", ",\n    {\"name\": \"text\", \"type\": \"string\"}", "");
    a_field_with_default_removed: edit(FACT, "1.1.0", ",\n    {\"name\": \"tags\", \"type\": {\"type\": \"array\", \"items\": \"string\"}, \"default\": []}", "");
    a_type_changed: edit(FACT, "1.1.0", MAIL, "{\"name\": \"customer_mail\", \"type\": \"long\"}");
    a_number_widened: edit(FACT, "1.1.0", "\"credit_minor\", \"type\": \"int\"", "\"credit_minor\", \"type\": \"long\"");
    a_number_rounded: edit(FACT, "1.1.0", "\"credit_minor\", \"type\": \"int\"", "\"credit_minor\", \"type\": \"double\"");
    a_unit_changed: edit(FACT, "1.1.0", "timestamp-millis", "timestamp-micros");
    a_logical_type_dropped: edit(FACT, "1.1.0", "{\"type\": \"long\", \"logicalType\": \"timestamp-millis\"}", "\"long\"");
    a_default_changed: edit(FACT, "1.1.0", "\"default\": 0", "\"default\": 100");
    a_symbol_added: edit(FACT, "1.1.0", "\"GOLD\"]", "\"GOLD\", \"PLATINUM\"]");
    a_symbol_removed: edit(FACT, "1.1.0", ", \"GOLD\"]", "]");
    a_default_of_an_enum_changed: edit(FACT, "1.1.0", "\"default\": \"OTHER\"", "\"default\": \"BASIC\"");
    an_option_made_plain: edit(FACT, "1.1.0", "\"home\", \"type\": [\"null\", \"shop.Address\"], \"default\": null", "\"home\", \"type\": \"shop.Address\"");
    a_field_made_optional: edit(FACT, "1.1.0", MAIL, "{\"name\": \"customer_mail\", \"type\": [\"null\", \"string\"], \"default\": null}");
    a_namespace_changed: edit(COMMAND, "1.1.0", "\"namespace\": \"shop\"", "\"namespace\": \"shop.v1\"");
    words_changed: edit(FACT, "1.0.1", "A customer is in.", "Somebody is in.");
    words_changed_without_version: edit(FACT, "", "In minor units.", "In minor units of the currency.");
    state_without_default: edit(STATE, "1.1.0", "{\"name\": \"mail\"", "{\"name\": \"name\", \"type\": \"string\"},\n    {\"name\": \"mail\"");
    state_with_a_field_less: edit(STATE, "1.1.0", "{\"name\": \"mail\", \"type\": \"string\"},\n", "");
    a_shared_type_changed: edit(SHARED, "", "{\"name\": \"street\", \"type\": \"string\"}", "{\"name\": \"street\", \"type\": \"string\"},\n    {\"name\": \"city\", \"type\": \"string\"}");
    a_type_the_generator_refuses: edit(FACT, "1.1.0", MAIL, "{\"name\": \"customer_mail\", \"type\": \"bytes\"}");
    a_uuid_made_of_a_string: edit(FACT, "1.1.0", MAIL, "{\"name\": \"customer_mail\", \"type\": {\"type\": \"string\", \"logicalType\": \"uuid\"}}");
    a_file_that_is_not_json: edit(FACT, "", "\"fields\": [", "\"fields\": [[");
}

#[test]
fn a_record_removed() {
    let files: Files = shop().into_iter().filter(|(path, _)| path != REPLY).collect();
    let files = edited(files, "topics.yaml", "records: [Welcomed]", "records: []");
    insta::assert_snapshot!(text(&compared(&shop(), &files), false));
}

#[test]
fn a_record_added() {
    let mut files = edited(shop(), "topics.yaml", "records: [SignedUp]", "records: [SignedUp, Moved]");
    let (_, moved) = files.iter().find(|(path, _)| path == FACT).cloned().expect("there is one");
    let moved = moved.replace("SignedUp", "Moved").replace("\"Tier\"", "\"Kind\"");
    files.push(("schemas/moved.avsc".to_owned(), moved));
    insta::assert_snapshot!(text(&compared(&shop(), &files), false));
}

#[test]
fn a_break_that_an_earlier_version_had_is_not_told_again() {
    let broken = bumped(
        edited(shop(), FACT, HOME, "    {\"name\": \"referrer\", \"type\": \"string\"},\n    {\"name\": \"home\""),
        FACT,
        "2.0.0",
    );
    let broken = super::with_releases(broken);
    let later = edited(broken.clone(), FACT, "\"version\": \"2.0.0\"", "\"version\": \"2.1.0\"");
    let later = edited(later, FACT, "\"default\": 0", "\"default\": 1");
    let review = compared(&broken, &later);
    assert_eq!(review.verdict, Some(Level::Warning), "{}", text(&review, false));
    insta::assert_snapshot!(text(&review, false));
}
