//! Names of the contract as Rust names.

/// `item-requests.v1` -> `item_requests_v1`
pub fn module(name: &str) -> String {
    name.replace(['-', '.'], "_")
}

/// `item-lookup`, `parked_lines`, `OUT_OF_STOCK` -> `ItemLookup`, `ParkedLines`, `OutOfStock`
pub fn camel(name: &str) -> String {
    let words = name.split(['-', '_', '.']).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let (first, rest) = word.split_at(1);
            let shouting = word.chars().all(|c| !c.is_ascii_lowercase());
            first.to_ascii_uppercase() + &if shouting { rest.to_ascii_lowercase() } else { rest.to_owned() }
        })
        .collect()
}

/// `customers.v1` -> `CustomersTombstone`
pub fn tombstone(topic: &str) -> String {
    let (noun, _) = topic.rsplit_once('.').unwrap_or((topic, ""));
    camel(noun) + "Tombstone"
}

/// `ItemStatus` -> `item_status`
pub fn snake(name: &str) -> String {
    let mut out = String::new();
    for (at, c) in name.char_indices() {
        if c.is_ascii_uppercase() && at > 0 {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// A Rust string literal.
pub fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// Doc comment lines; nothing for an empty text.
pub fn doc(text: &str, indent: &str) -> String {
    text.lines().map(|line| format!("{indent}/// {}\n", line.trim())).collect()
}
