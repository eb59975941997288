//! Compatibility of schemas: what Avro for Java answered to a corpus, laws, and what must not bring the program down.

#[expect(dead_code, reason = "this test has no Java; tests/tests/all/compat.rs puts the same pairs to it")]
#[path = "../../examples/compat/duel/mod.rs"]
mod duel;

use serde_json::{Value, json};

use crate::compat::{self, BYTES_MAX, CheckError, Kind, Schema, answer, check};
use duel::random::Random;

const CORPUS: &str = include_str!("compat/corpus.jsonl");
/// Written by `tests/servers/avro.sh run <corpus.jsonl >answers.jsonl`; the tests crate asks Java anew.
const ANSWERS: &str = include_str!("compat/answers.jsonl");

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn schema(json: &Value) -> Schema {
    Schema::from_json(json).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(json: &Value) -> String {
    Schema::from_json(json).expect_err("this is no schema").to_string()
}

#[test]
fn the_corpus_is_answered_as_java_answers() {
    let mut wrong = Vec::new();
    let mut names = std::collections::HashSet::new();
    assert_eq!(CORPUS.lines().count(), ANSWERS.lines().count());
    for (line, java) in CORPUS.lines().zip(ANSWERS.lines()) {
        let ours = answer(line);
        if !duel::agree(&parsed(&ours), &parsed(java)) {
            wrong.push(format!("{line}\n  ours {ours}\n  java {java}"));
        }
        assert!(names.insert(parsed(line)["name"].to_string()), "two of one name: {line}");
    }
    assert!(names.len() >= 220, "only {} evolutions", names.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), names.len(), wrong.join("\n"));
}

#[test]
fn every_schema_reads_itself() {
    let seed = 1;
    let (mut read, mut ambiguous) = (0, 0);
    for line in duel::pairs(seed, 5_000) {
        let pair = parsed(&line);
        for json in [&pair["reader"], &pair["writer"]] {
            let Ok(schema) = Schema::from_json(json) else { continue };
            match check(&schema, &schema) {
                Ok(report) => {
                    assert!(report.compatible && report.errors.is_empty(), "{json}: {report:?}");
                    read += 1;
                }
                // A field with an alias that is another field's name: Java throws, too.
                Err(CheckError::Ambiguous { .. }) => ambiguous += 1,
                Err(error) => panic!("{json}: {error}"),
            }
        }
    }
    assert!(read > 8_000 && ambiguous < 200, "{read} read themselves, {ambiguous} are ambiguous");
}

#[test]
fn pairs_are_the_same_for_the_same_seed() {
    assert!(duel::pairs(7, 100).eq(duel::pairs(7, 100)));
    assert!(!duel::pairs(7, 100).eq(duel::pairs(8, 100)));
}

#[test]
fn mutated_text_is_refused_and_not_more() {
    const PIECES: [&str; 16] =
        ["{", "}", "[", "]", "\"", ":", ",", "null", "\\", "\u{0}", "é", "9", "-", "//", "/*", "\"type\""];
    let mut random = Random::new(1);
    let (mut taken, mut not) = (0, 0);
    for line in CORPUS.lines() {
        let text = parsed(line)["reader"].to_string();
        for _ in 0..20 {
            let mut chars: Vec<char> = text.chars().collect();
            for _ in 0..1 + random.below(3) {
                let at = random.below(chars.len());
                let until = (at + random.below(4)).min(chars.len());
                chars.splice(at..until, random.of(&PIECES).chars());
            }
            match Schema::parse(&chars.into_iter().collect::<String>()) {
                Ok(schema) => {
                    let _verdict = check(&schema, &schema);
                    taken += 1;
                }
                Err(error) => {
                    assert!(!error.object.is_empty() && !error.why.is_empty() && !error.hint.is_empty());
                    not += 1;
                }
            }
        }
    }
    assert!(taken > 100 && not > 1_000, "{taken} taken, {not} refused");
}

#[test]
fn mutated_values_are_refused_and_not_more() {
    let values = [json!(null), json!(-1), json!(""), json!([]), json!({}), json!("int"), json!(1e300), json!("a.b.c")];
    let mut random = Random::new(2);
    for line in CORPUS.lines() {
        let whole = parsed(line)["writer"].clone();
        for _ in 0..10 {
            let mut json = whole.clone();
            // Down a random way, and something else at its end.
            let mut place = String::new();
            while random.percent(80) {
                let key = match json.pointer(&place) {
                    Some(Value::Array(list)) if !list.is_empty() => random.below(list.len()).to_string(),
                    Some(Value::Object(object)) if !object.is_empty() => {
                        object.keys().nth(random.below(object.len())).cloned().unwrap_or_default()
                    }
                    _ => break,
                };
                place = format!("{place}/{key}");
            }
            if let Some(found) = json.pointer_mut(&place) {
                *found = random.of(&values).clone();
            }
            let _verdict = answer(&json!({"name": 1, "reader": json, "writer": whole}).to_string());
        }
    }
}

#[test]
fn what_is_too_much_is_refused() {
    let deep = format!("{}\"int\"{}", "{\"type\":\"array\",\"items\":".repeat(100_000), "}".repeat(100_000));
    assert!(Schema::parse(&deep).expect_err("too deep").why.contains("recursion limit"));
    let long = format!("\"{}\"", "x".repeat(BYTES_MAX));
    assert!(Schema::parse(&long).expect_err("too long").why.contains("bytes"));
    let many = |count: usize, field: &dyn Fn(usize) -> Value| -> Value {
        let record = |at: usize| json!({"type": "record", "name": format!("R{at}"), "fields": field(at)});
        Value::Array((0..count).map(record).collect())
    };
    // Each record refers to the next one, which is read later.
    let forward = many(
        5_000,
        &|at| json!([{"name": "f", "type": if at == 4_999 { "int".into() } else { format!("R{}", at + 1) }}]),
    );
    assert!(refused(&forward).contains("references to later types"));
    // Each refers to the one before: this is a schema, but comparing the last ones comes to the first ones.
    let previous = |at: usize| if at == 0 { "int".to_owned() } else { format!("R{}", at - 1) };
    let chain = |count: usize| schema(&many(count, &|at| json!([{"name": "f", "type": previous(at)}])));
    assert!(check(&chain(50), &chain(50)).is_ok_and(|report| report.compatible));
    assert!(matches!(check(&chain(5_000), &chain(5_000)), Err(CheckError::TooMuch { .. })));
    let mut whole = many(5_000, &|at| json!([{"name": "f", "type": previous(at)}]));
    let last = json!({"type": "record", "name": "Last", "fields": [{"name": "f", "type": "R4999"}]});
    whole.as_array_mut().expect("a union").insert(0, json!("null"));
    whole.as_array_mut().expect("a union").push(last.clone());
    let holder = json!({"type": "record", "name": "Holder", "fields": [
        {"name": "first", "type": "Last"}, {"name": "all", "type": whole}
    ]});
    let error = check(&schema(&holder), &schema(&holder));
    assert!(matches!(error, Err(CheckError::TooMuch { what: "types in types", .. })), "{error:?}");
}

#[test]
fn what_grows_beyond_measure_is_refused() {
    // Record n holds record n-1 twice: 2^40 values of a default, 2^40 errors.
    let nested = |inner: &str, default: bool| {
        (1..=40).fold(json!({"type": "record", "name": "R0", "fields": [{"name": "x", "type": inner}]}), |inner, at| {
            let mut left = json!({"name": "l", "type": inner});
            let mut right = json!({"name": "r", "type": format!("R{}", at - 1)});
            if default {
                left["default"] = json!({});
                right["default"] = json!({});
            }
            json!({"type": "record", "name": format!("R{at}"), "fields": [left, right]})
        })
    };
    let error = check(&schema(&nested("int", false)), &schema(&nested("string", false)));
    assert!(matches!(error, Err(CheckError::TooMuch { .. })), "{error:?}");
    assert!(
        check(&schema(&nested("int", false)), &schema(&nested("int", false))).is_ok_and(|report| report.compatible)
    );
    let mut defaults = nested("null", true);
    let mut innermost = &mut defaults;
    while innermost["name"] != "R0" {
        innermost = &mut innermost["fields"][0]["type"];
    }
    innermost["fields"][0]["default"] = json!(null);
    assert!(refused(&defaults).contains("too many other defaults"));
}

#[test]
fn an_answer_is_one_line_of_json() {
    assert_eq!(
        answer(r#"{"name":"n","reader":"int","writer":"\"long\""}"#),
        r#"{"name":"n","compatible":false,"errors":[{"type":"TYPE_MISMATCH","path":"/","message":"reader type: INT not compatible with writer type: LONG"}]}"#
    );
    assert_eq!(answer(r#"{"name":7,"reader":"long","writer":"int"}"#), r#"{"name":7,"compatible":true,"errors":[]}"#);
    for (line, error) in [
        ("", "line: not JSON"),
        ("7", "line: no \"reader\"; give a schema"),
        (r#"{"name":"n","reader":"int"}"#, "line: no \"writer\"; give a schema"),
        (
            r#"{"name":"n","reader":"int","writer":"Gone"}"#,
            "writer: reference \"Gone\": there is no such type; define it",
        ),
    ] {
        let said = parsed(&answer(line));
        assert!(said["error"].as_str().is_some_and(|said| said.starts_with(error)), "{line}: {said}");
    }
}

#[test]
fn an_error_says_what_why_and_what_to_do() {
    let wrong = json!({"type": "record", "name": "Order", "namespace": "shop", "fields": [
        {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [
            {"name": "count", "type": "int", "default": "many"}
        ]}}}
    ]});
    assert_eq!(
        refused(&wrong),
        "record \"shop.Order\", field \"lines\", record \"shop.Line\", field \"count\": the default \"many\" is not of the \
         field's type; give a default of that type, for a union one of any branch, or none"
    );
}

#[test]
fn kinds_are_named_as_java_names_them() {
    let named = serde_json::to_value([Kind::ReaderFieldMissingDefaultValue, Kind::FixedSizeMismatch]);
    assert_eq!(named.expect("names"), json!(["READER_FIELD_MISSING_DEFAULT_VALUE", "FIXED_SIZE_MISMATCH"]));
}

/// Counted with JDK 17: `Character.isLetter` and `isDigit` of every UTF-16 unit but surrogates.
#[test]
fn letters_and_digits_are_as_many_as_in_java() {
    let units = || (0..=u32::from(u16::MAX)).filter_map(char::from_u32);
    assert_eq!(units().filter(|c| crate::compat::is_letter(*c)).count(), 48_909);
    assert_eq!(units().filter(|c| crate::compat::is_digit(*c)).count(), 370);
    assert!(!crate::compat::is_letter('𝒳') && crate::compat::is_letter('é') && !crate::compat::is_letter('Ⅷ'));
}
