//! A registry that answers, refuses, hangs or is none at all.

mod ids;
mod resolver;
mod stub;
mod subjects;

use std::time::Duration;

use serde_json::json;
use stub::{Answer, Stub};

use super::{Options, Registry, RegistryError};

fn open(stub: &Stub) -> Registry {
    Registry::open(&stub.url, Options::default()).unwrap()
}

fn said(status: u16, code: u32, message: &str) -> Answer {
    Answer::Json(status, json!({ "error_code": code, "message": message }).to_string())
}

fn schema(text: &str) -> Answer {
    Answer::Json(200, json!({ "schema": text }).to_string())
}

fn record(name: &str) -> String {
    json!({ "type": "record", "namespace": "a", "name": name, "fields": [{ "name": "n", "type": "long" }] }).to_string()
}

/// The reason why a fetch was not answered.
fn unreachable(answer: impl Fn(&str) -> Answer + Send + 'static) -> String {
    let stub = Stub::start(answer);
    match open(&stub).fetch(7) {
        Err(RegistryError::Unreachable { registry, object, reason }) => {
            assert_eq!((registry, object.as_str()), (stub.url.clone(), "schema id 7"));
            reason
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_schema_has_its_name_and_the_fingerprint_of_the_specification() {
    // A pair of Avro's own test data (lang/java, share/test/data/schema-tests.txt).
    let text =
        r#"{"name":"PigValue","type":"record","fields":[{"name":"value","type":["null","int","long","PigValue"]}]}"#;
    let stub = Stub::start(move |_| schema(text));
    let found = open(&stub).fetch(7).unwrap().unwrap();
    assert_eq!((found.record.as_str(), &*found.text), ("PigValue", text));
    assert_eq!(found.fingerprint, (-1759257747318642341_i64) as u64);
    assert!(stub.requests()[0].starts_with("GET /schemas/ids/7?"), "{:?}", stub.requests());
}

#[test]
fn only_the_registrys_own_404_means_that_there_is_no_such_id() {
    for code in [40401, 40402, 40403] {
        let stub = Stub::start(move |_| said(404, code, "Schema not found"));
        let registry = open(&stub);
        assert_eq!(registry.fetch(7), Ok(None));
        assert_eq!(registry.lookup("s", "{}"), Ok(None));
    }
    let proxy = unreachable(|_| Answer::Raw("HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found"));
    assert_eq!(proxy, "404 Not Found, but not from a registry: is the URL's path right?");
    // What Confluent's server says to a path that it does not have.
    let path = unreachable(|_| said(404, 404, "HTTP 404 Not Found"));
    assert!(path.ends_with("is the URL's path right?"), "{path}");
}

#[test]
fn an_unknown_id_is_asked_for_again() {
    let turn = std::sync::atomic::AtomicU32::new(0);
    let stub = Stub::start(move |_| match turn.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => said(404, 40403, "Schema not found"),
        _ => schema(&record("Late")),
    });
    let registry = open(&stub);
    assert_eq!(registry.fetch(7), Ok(None));
    assert_eq!(registry.fetch(7).unwrap().unwrap().record, "Late");
}

#[test]
fn whatever_is_no_answer_is_unreachable_and_says_why() {
    let own = unreachable(|_| said(500, 50001, "Error in the backend data store"));
    assert_eq!(own, "500 Internal Server Error: Error in the backend data store (error code 50001)");
    assert_eq!(unreachable(|_| Answer::Raw("HTTP/1.1 503 Service Unavailable\r\n\r\n")), "503 Service Unavailable");
    let denied = unreachable(|_| said(401, 40101, "Unauthorized"));
    assert_eq!(denied, "401 Unauthorized: Unauthorized (error code 40101)");
    let page = unreachable(|_| Answer::Raw("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>"));
    assert!(page.starts_with("its answer is not that of a schema registry: "), "{page}");
    assert_eq!(unreachable(|_| Answer::Json(200, "{}".to_owned())), "Could not get raw schema from response");
    assert!(!unreachable(|_| Answer::Raw("SSH-2.0-OpenSSH_9.9\r\n")).is_empty());
    assert!(!unreachable(|_| Answer::Raw("")).is_empty());
}

#[test]
fn a_registry_that_hangs_or_is_not_there_is_unreachable() {
    let stub = Stub::start(|_| Answer::Hang);
    let options = Options { timeout: Duration::from_millis(200), ..Options::default() };
    let error = Registry::open(&stub.url, options).unwrap().fetch(7).unwrap_err();
    assert!(error.to_string().contains("no answer within 200ms"), "{error}");

    // Port 1 (tcpmux) has no user, and the kernel gives it to none of the other tests.
    let registry = Registry::open("http://127.0.0.1:1", Options::default()).unwrap();
    let error = registry.fetch(7).unwrap_err().to_string();
    assert!(error.contains("no connection: ") && error.contains("refused"), "{error}");
}

#[test]
fn a_call_is_possible_inside_a_runtime() {
    let stub = Stub::start(|_| said(404, 40403, "Schema not found"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { assert_eq!(open(&stub).fetch(7), Ok(None)) });
}

#[test]
fn user_and_password_are_sent_and_never_shown() {
    let stub = Stub::start(|_| said(500, 50001, "no"));
    let url = stub.url.replace("http://", "http://me:p%40ss%2Fw@");
    let registry = Registry::open(&url, Options::default()).unwrap();
    let error = registry.fetch(7).unwrap_err();
    // "me:p@ss/w"
    assert!(stub.requests()[0].contains("authorization: Basic bWU6cEBzcy93"), "{:?}", stub.requests());
    let options = Options { user: Some("you".to_owned()), password: Some("secret".to_owned()), ..Options::default() };
    let shown = format!("{registry:?} {error} {error:?} {} {options:?}", registry.url());
    let registry = Registry::open(&url, options).unwrap();
    let error = registry.fetch(7).unwrap_err();
    // "you:secret"
    assert!(stub.requests()[1].contains("authorization: Basic eW91OnNlY3JldA=="), "{:?}", stub.requests());
    let shown = format!("{shown} {registry:?} {error} {error:?}");
    for secret in ["p%40ss", "p@ss", "me:", "secret", "you"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn a_url_that_is_none_is_refused_without_its_password() {
    for url in [
        "http://me:pass/word@host:8081",
        "http://me:1/pass@host:8081",
        "http://me:1#pass@host:8081",
        "http://me:1?pass@host:8081",
        "ftp://me:pass@host",
        "me:pass@host",
        "http://:pass@host",
        "http://host?pass",
        "host:8081",
        "",
    ] {
        let error = Registry::open(url, Options::default()).unwrap_err();
        assert!(matches!(error, RegistryError::Url { .. }), "{url}: {error}");
        assert!(!url.contains('@') || !error.to_string().contains("pass@"), "{url}: {error}");
        assert!(!url.contains('@') || !format!("{error:?}").contains("me:"), "{url}: {error:?}");
    }
}

#[test]
fn a_refused_registration_says_what_the_registry_says() {
    let stub = Stub::start(|_| said(409, 409, "Schema being registered is incompatible: field n"));
    let error = open(&stub).register("orders.v1-a.Order", "{}").unwrap_err();
    let shown = error.to_string();
    assert!(matches!(error, RegistryError::Incompatible { .. }), "{error:?}");
    assert!(shown.contains("\"orders.v1-a.Order\"") && shown.contains("incompatible: field n"), "{shown}");

    let stub = Stub::start(|_| said(422, 42201, "Invalid Avro schema"));
    let error = open(&stub).register("s", "{").unwrap_err();
    assert!(matches!(&error, RegistryError::Refused { message, .. } if message == "Invalid Avro schema"), "{error:?}");
}

#[test]
fn registering_and_looking_up_are_two_calls() {
    let stub = Stub::start(|_| Answer::Json(200, r#"{"id": 12}"#.to_owned()));
    let registry = open(&stub);
    assert_eq!(registry.register("a b/c", "{}"), Ok(12));
    assert_eq!(registry.lookup("a b/c", "{}"), Ok(Some(12)));
    let requests = stub.requests();
    assert!(requests[0].starts_with("POST /subjects/a%20b%2Fc/versions HTTP"), "{requests:?}");
    assert!(requests[1].starts_with("POST /subjects/a%20b%2Fc?deleted=false HTTP"), "{requests:?}");
    assert!(requests.iter().all(|request| request.ends_with(r#"{"schema":"{}"}"#)), "{requests:?}");
}

#[test]
fn references_are_put_where_they_are_used_first() {
    let order = json!({ "type": "record", "name": "Order", "namespace": "a", "fields": [
        { "name": "meta", "type": "Meta" },
        { "name": "lines", "type": { "type": "array", "items": "b.Line" } },
        { "name": "kind", "type": ["null", "b.Kind"], "default": null },
    ] });
    let line = json!({ "type": "record", "name": "b.Line", "fields": [
        { "name": "meta", "type": "a.Meta" },
        { "name": "kind", "type": { "type": "enum", "name": "Kind", "symbols": ["X"] } },
    ] });
    let meta = json!({ "type": "record", "name": "a.Meta", "fields": [
        { "name": "at", "type": { "type": "long", "logicalType": "timestamp-millis" } },
    ] });
    let reference = |name: &str| json!({ "name": name, "subject": name, "version": 3 });
    let whole = super::avro::writer(&order.to_string(), &[line.to_string(), meta.to_string()]).unwrap();
    let stub = Stub::start(move |request| {
        let path = request.split(' ').nth(1).unwrap();
        let (json, references) = match path {
            "/subjects/b.Line/versions/3" => (&line, vec![reference("a.Meta")]),
            "/subjects/a.Meta/versions/3" => (&meta, vec![]),
            _ => (&order, vec![reference("b.Line"), reference("a.Meta")]),
        };
        Answer::Json(200, json!({ "id": 1, "schema": json.to_string(), "references": references }).to_string())
    });
    let found = open(&stub).fetch(7).unwrap().unwrap();
    assert_eq!(stub.requests().len(), 3, "each reference is asked for once");
    assert_eq!((found.record.as_str(), found.fingerprint), ("Order", whole.fingerprint));
    // Parsed with what it refers to, but not by our own hand.
    let texts = [
        r#"{"type":"record","name":"b.Line","fields":[{"name":"meta","type":"a.Meta"},{"name":"kind","type":"Kind"}]}"#,
        r#"{"type":"enum","name":"b.Kind","symbols":["X"]}"#,
        r#"{"type":"record","name":"a.Meta","fields":[{"name":"at","type":"long"}]}"#,
    ];
    let main = r#"{"type":"record","name":"a.Order","fields":[{"name":"meta","type":"a.Meta"},
        {"name":"lines","type":{"type":"array","items":"b.Line"}},{"name":"kind","type":["null","b.Kind"]}]}"#;
    let reference = serde_avro_fast::Schema::from_schemata(main, texts).unwrap();
    assert_eq!(found.fingerprint, u64::from_le_bytes(*reference.rabin_fingerprint()));
    let parsed: serde_avro_fast::Schema = found.text.parse().unwrap();
    assert_eq!(parsed.rabin_fingerprint(), reference.rabin_fingerprint(), "the text stands alone: {}", found.text);
}

#[test]
fn what_is_no_avro_record_is_unusable_and_says_why() {
    let why = |answer: fn(&str) -> Answer| {
        let stub = Stub::start(answer);
        match open(&stub).fetch(7) {
            Err(RegistryError::Unusable { id: 7, reason, .. }) => reason,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(why(|_| schema("\"string\"")), "an Avro schema, but of no record");
    assert!(why(|_| schema("<xml/>")).starts_with("no Avro schema: "));
    assert!(why(|_| schema(r#"{"type":"record","name":"A","fields":[{"name":"b","type":"B"}]}"#)).contains('B'));
    assert_eq!(
        why(|_| Answer::Json(200, r#"{"schemaType":"PROTOBUF","schema":"syntax = \"proto3\";"}"#.to_owned())),
        "its type is Protobuf, not Avro"
    );
    let gone = why(|request| match request.contains("/subjects/") {
        true => said(404, 40402, "Version not found"),
        false => {
            Answer::Json(200, r#"{"schema":"{}","references":[{"name":"B","subject":"s","version":2}]}"#.to_owned())
        }
    });
    assert_eq!(gone, "the registry has no reference \"B\" (subject \"s\", version 2)");
    let endless = why(|request| {
        let version =
            request.bytes().filter(u8::is_ascii_digit).fold(0u32, |sum, digit| sum.wrapping_mul(31) ^ u32::from(digit));
        let references = json!([{ "name": "B", "subject": format!("s{version}"), "version": version }]);
        Answer::Json(200, json!({ "id": 1, "schema": "{}", "references": references }).to_string())
    });
    assert_eq!(endless, "more than 64 references");
}
