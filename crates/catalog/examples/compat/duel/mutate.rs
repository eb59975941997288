//! Small changes of a schema, as a person would make them, and a few that make it none.

use serde_json::{Value, json};

use super::generate::{FIELDS, SYMBOLS, plain};
use super::random::Random;

/// Changes the schema in one place; false where it has no place for the change that was chosen.
pub fn mutate(schema: &mut Value, random: &mut Random) -> bool {
    match random.below(100) {
        0..=12 => with(schema, random, "/symbols", symbols),
        13..=21 => with(schema, random, "/size", |ty, random| {
            ty["size"] = json!(random.of(&[3, 4, 8, 16, 17]));
        }),
        22..=33 => rename(schema, random),
        34..=62 => with(schema, random, "/fields", fields),
        63..=84 => types(schema, random),
        85..=88 => with(schema, random, "/name", |ty, random| {
            ty["namespace"] = json!(random.of(&["shop", "stock", "else.where", ""]));
        }),
        89..=92 => with(schema, random, "/name", |ty, random| {
            ty["aliases"] = json!([random.of(&["Old", "shop.Order1", "Order2", ".Order1", "Status1", "Uuid1"])]);
        }),
        93..=97 => with(schema, random, "/type", |ty, random| {
            ty[*random.of(&["doc", "logicalType", "x-note"])] = json!(random.of(&["a", "decimal", "uuid", "date"]));
        }),
        _ => broken(schema, random),
    }
}

/// Changes one of the objects that have this part.
fn with(schema: &mut Value, random: &mut Random, part: &str, change: fn(&mut Value, &mut Random)) -> bool {
    let mut places = Vec::new();
    walk(schema, &mut String::new(), &mut |at, value| {
        if value.is_object() && value.pointer(part).is_some() {
            places.push(at.to_owned());
        }
    });
    if places.is_empty() {
        return false;
    }
    let place = random.of(&places).clone();
    if let Some(found) = schema.pointer_mut(&place) {
        change(found, random);
    }
    true
}

/// Every value of the JSON with its pointer.
fn walk(value: &Value, at: &mut String, seen: &mut impl FnMut(&str, &Value)) {
    seen(at, value);
    let length = at.len();
    let mut inner = |key: &str, value: &Value| {
        at.push('/');
        at.push_str(key);
        walk(value, at, seen);
        at.truncate(length);
    };
    match value {
        Value::Array(list) => list.iter().enumerate().for_each(|(key, value)| inner(&key.to_string(), value)),
        Value::Object(object) => object.iter().for_each(|(key, value)| inner(key, value)),
        _ => {}
    }
}

fn symbols(ty: &mut Value, random: &mut Random) {
    let symbol = *random.of(&SYMBOLS);
    let choice = random.below(4);
    let Some(list) = ty["symbols"].as_array_mut() else { return };
    let at = random.below(list.len().max(1));
    match choice {
        0 if list.len() > 1 => drop(list.remove(at)),
        0 | 1 if !list.contains(&json!(symbol)) => list.push(json!(symbol)),
        2 => list.reverse(),
        _ if random.percent(50) => drop(ty.as_object_mut().and_then(|ty| ty.remove("default"))),
        _ => ty["default"] = json!(symbol),
    }
}

fn fields(ty: &mut Value, random: &mut Random) {
    let choice = random.below(12);
    let name = *random.of(&FIELDS);
    let fresh = plain(random);
    let Some(list) = ty["fields"].as_array_mut() else { return };
    if list.is_empty() || choice < 4 {
        if !list.iter().any(|field| field["name"] == name) {
            let mut field = json!({"name": name, "type": fresh});
            match choice {
                0 => field = json!({"name": name, "type": ["null", "string"], "default": null}),
                1 => field = json!({"name": name, "type": "long", "default": 0}),
                2 => {
                    field = json!({"name": name, "type": {"type": "enum", "name": "Fresh", "symbols": ["A", "B"], "default": "A"}})
                }
                _ => {}
            }
            list.insert(random.below(list.len() + 1), field);
        }
        return;
    }
    let at = random.below(list.len());
    if !list[at].is_object() {
        return;
    }
    match choice {
        4 | 5 => drop(list.remove(at)),
        6 => list.reverse(),
        7 => list[at] = json!({"name": list[at]["name"], "type": list[at]["type"]}),
        8 => list[at]["default"] = random.of(&[json!(null), json!(0), json!("x"), json!({}), json!([])]).clone(),
        9 => list[at]["aliases"] = json!([name, format!("{name}_old")]),
        10 => list[at]["name"] = json!(format!("{name}_new")),
        _ => {
            let old = list[at]["name"].clone();
            list[at]["name"] = json!(format!("{name}_new"));
            list[at]["aliases"] = json!([old]);
        }
    }
}

/// Renames a type, wherever it is named; perhaps with an alias.
fn rename(schema: &mut Value, random: &mut Random) -> bool {
    let mut names = Vec::new();
    walk(schema, &mut String::new(), &mut |_, value| {
        if let (Some(name), true) =
            (value.get("name").and_then(Value::as_str), value.get("type").is_some_and(Value::is_string))
            && ["record", "error", "enum", "fixed"].iter().any(|kind| value["type"] == *kind)
        {
            names.push(name.to_owned());
        }
    });
    if names.is_empty() {
        return false;
    }
    let old = random.of(&names).clone();
    let short = old.rsplit('.').next().unwrap_or_default().to_owned();
    let alias = random.of(&[Some(old.clone()), Some(short.clone()), None, None]).clone();
    renamed(schema, &short, &format!("{short}New"), alias.as_deref());
    true
}

fn renamed(value: &mut Value, short: &str, new: &str, alias: Option<&str>) {
    match value {
        Value::String(name) if name == short => *name = new.to_owned(),
        Value::String(name) => {
            if let Some(space) = name.strip_suffix(short).filter(|space| space.ends_with('.')) {
                *name = format!("{space}{new}");
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| renamed(value, short, new, alias)),
        Value::Object(object) => {
            let before = object.get("name").cloned();
            object
                .iter_mut()
                .filter(|(key, _)| *key != "aliases")
                .for_each(|(_, value)| renamed(value, short, new, alias));
            if let Some(alias) = alias.filter(|_| object.get("name") != before.as_ref()) {
                object.insert("aliases".into(), json!([alias]));
            }
        }
        _ => {}
    }
}

/// Replaces, wraps or unwraps the type of a place.
fn types(schema: &mut Value, random: &mut Random) -> bool {
    let mut places = Vec::new();
    walk(schema, &mut String::new(), &mut |at, value| {
        let field = at.rsplit('/').nth(2) == Some("fields");
        let (parent, key) = at.rsplit_once('/').unwrap_or(("", ""));
        let branch =
            key.parse::<usize>().is_ok() && !["fields", "symbols", "aliases"].iter().any(|list| parent.ends_with(list));
        let object = value.get("type").is_some() || value.is_string() || value.is_array();
        if object && (at.is_empty() || matches!(key, "items" | "values") || key == "type" && field || branch) {
            places.push(at.to_owned());
        }
    });
    if places.is_empty() {
        return false;
    }
    let place = random.of(&places).clone();
    let choice = random.below(10);
    let fresh = plain(random);
    let Some(ty) = schema.pointer_mut(&place) else { return false };
    let old = ty.take();
    *ty = match (choice, old) {
        (0..=2, Value::Array(mut branches)) if !branches.is_empty() => {
            let at = random.below(branches.len());
            branches.remove(at)
        }
        (3 | 4, Value::Array(mut branches)) if !branches.is_empty() => {
            let at = random.below(branches.len());
            branches.remove(at);
            json!(branches)
        }
        (5, Value::Array(mut branches)) => {
            branches.reverse();
            json!(branches)
        }
        (_, Value::Array(mut branches)) => {
            branches.push(fresh);
            json!(branches)
        }
        (0..=2, old) => json!(["null", old]),
        (3, old) => json!([old]),
        (4, old) => json!({"type": "array", "items": old}),
        (5 | 6, Value::String(name)) => wider(&name),
        _ => fresh,
    };
    true
}

fn wider(name: &str) -> Value {
    json!(match name {
        "int" => "long",
        "long" => "float",
        "float" => "double",
        "double" => "int",
        "string" => "bytes",
        "bytes" => "string",
        _ => "string",
    })
}

/// What no parser should take, or only just.
fn broken(schema: &mut Value, random: &mut Random) -> bool {
    let mut places = Vec::new();
    walk(schema, &mut String::new(), &mut |at, _| places.push(at.to_owned()));
    let place = random.of(&places).clone();
    let values = [
        json!("Nowhere"),
        json!(null),
        json!(7),
        json!(""),
        json!("a b"),
        json!([]),
        json!({}),
        json!("int"),
        json!([["null"]]),
        json!({"type": "Order1"}),
        json!({"type": {"type": "int"}}),
        json!("Order1"),
        json!(-1),
        json!(".Order1"),
        json!("shop..Order1"),
        json!({"type": "record", "name": "Order1", "fields": []}),
    ];
    if let Some(found) = schema.pointer_mut(&place) {
        *found = random.of(&values).clone();
    }
    true
}
