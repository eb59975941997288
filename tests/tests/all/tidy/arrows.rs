//! Which crate may depend on which, from `cargo metadata`.

use serde_json::Value;

use super::tree::Tree;

/// What a crate of ours may name.
struct Arrows {
    name: &'static str,
    /// Crates of ours, in the product.
    uses: &'static [&'static str],
    /// Crates of ours, in its tests besides.
    tests: &'static [&'static str],
    /// Whether it may run processors, in which case it names them.
    runs: bool,
    /// Whether its product may use crates of others.
    others: bool,
}

const ARROWS: &[Arrows] = &[
    Arrows { name: "flow", uses: &[], tests: &[], runs: false, others: false },
    Arrows { name: "contract", uses: &["flow"], tests: &[], runs: false, others: true },
    Arrows { name: "catalog", uses: &[], tests: &[], runs: false, others: true },
    Arrows { name: "engine", uses: &["flow"], tests: &["sim"], runs: false, others: true },
    Arrows { name: "sim", uses: &["flow", "engine"], tests: &[], runs: false, others: true },
    Arrows {
        name: "orderflow",
        uses: &["flow", "contract", "engine", "catalog"],
        tests: &["sim"],
        runs: true,
        others: true,
    },
    Arrows {
        name: "tests",
        uses: &["flow", "contract", "engine", "catalog"],
        tests: &["sim"],
        runs: true,
        others: true,
    },
    Arrows {
        name: "bench",
        uses: &["flow", "contract", "engine", "catalog", "tests"],
        tests: &["sim"],
        runs: true,
        others: true,
    },
];

const PROCESSOR: Arrows = Arrows { name: "", uses: &["flow", "contract"], tests: &[], runs: false, others: false };

/// Crates depend on each other as the arrows say, and on nothing else of ours.
pub fn follow_the_arrows(tree: &Tree) -> Vec<String> {
    let metadata = tree.metadata();
    let packages = list(&metadata, "packages");
    let mut found = Vec::new();
    for package in packages {
        let name = text(package, "name");
        let known =
            if is_processor(package) { Some(&PROCESSOR) } else { ARROWS.iter().find(|arrows| arrows.name == name) };
        let Some(arrows) = known else {
            found
                .push(format!("crate \"{name}\" has no arrows: add it to the table in tests/tests/all/tidy/arrows.rs"));
            continue;
        };
        for dependency in list(package, "dependencies") {
            let used = text(dependency, "name");
            let ours = packages.iter().find(|other| text(other, "name") == used);
            let in_tests = text(dependency, "kind") == "dev";
            let allowed = match ours {
                None => arrows.others || in_tests,
                Some(ours) if is_processor(ours) => arrows.runs,
                Some(_) => arrows.uses.contains(&used) || in_tests && arrows.tests.contains(&used),
            };
            if !allowed {
                let role = if in_tests { "in its tests" } else { "in the product" };
                found.push(format!("crate \"{name}\" depends on \"{used}\" {role}"));
            }
        }
    }
    found
}

/// A crate has at most one test binary: each one links everything anew.
pub fn one_test_binary(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for package in list(&tree.metadata(), "packages") {
        let of_tests = |target: &&Value| list(target, "kind").iter().any(|kind| kind.as_str() == Some("test"));
        let names: Vec<&str> =
            list(package, "targets").iter().filter(of_tests).map(|target| text(target, "name")).collect();
        if names.len() > 1 {
            found.push(format!(
                "crate \"{}\" has {} test binaries: {}",
                text(package, "name"),
                names.len(),
                names.join(", ")
            ));
        }
    }
    found
}

fn is_processor(package: &Value) -> bool {
    text(package, "manifest_path").contains("/processors/")
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Metadata of a workspace with these (crate, dependencies); a dependency of tests begins with `dev:`.
#[cfg(test)]
pub fn metadata(packages: &[(&str, &[&str])]) -> String {
    let dependency = |name: &&str| match name.strip_prefix("dev:") {
        Some(name) => serde_json::json!({ "name": name, "kind": "dev" }),
        None => serde_json::json!({ "name": name, "kind": null }),
    };
    let package = |(path, dependencies): &(&str, &[&str])| {
        let name = path.rsplit('/').next();
        let dependencies: Vec<Value> = dependencies.iter().map(dependency).collect();
        let manifest = format!("/{path}/Cargo.toml");
        serde_json::json!({ "name": name, "manifest_path": manifest, "dependencies": dependencies })
    };
    serde_json::json!({ "packages": packages.iter().map(package).collect::<Vec<Value>>() }).to_string()
}

#[test]
fn arrows_that_point_the_wrong_way_are_found() {
    let fine: &[(&str, &[&str])] = &[
        ("crates/flow", &["dev:proptest"]),
        ("crates/engine", &["flow", "sled", "dev:sim"]),
        ("crates/orderflow", &["flow", "engine", "cart", "clap"]),
        ("processors/cart", &["flow", "contract", "dev:proptest"]),
    ];
    let all = ["crates/flow", "crates/contract", "crates/engine", "crates/sim", "crates/orderflow", "processors/cart"];
    let judge = |packages: &[(&str, &[&str])]| {
        let others = all.iter().filter(|path| !packages.iter().any(|(given, _)| given == *path));
        let whole: Vec<(&str, &[&str])> =
            packages.iter().copied().chain(others.map(|path| (*path, [].as_slice()))).collect();
        follow_the_arrows(&Tree::planted(&[(super::tree::METADATA, &metadata(&whole))]))
    };
    assert_eq!(judge(fine), Vec::<String>::new());
    let wrong: [&[(&str, &[&str])]; 9] = [
        &[("crates/flow", &["serde"])],
        &[("crates/engine", &["flow", "contract"])],
        &[("crates/engine", &["flow", "dev:contract"])],
        &[("crates/engine", &["flow", "sim"])],
        &[("crates/orderflow", &["sim"])],
        &[("processors/cart", &["flow", "serde"])],
        &[("processors/cart", &["engine"])],
        &[("processors/cart", &["fulfilment"]), ("processors/fulfilment", &["flow"])],
        &[("crates/helpers", &[])],
    ];
    for packages in wrong {
        assert_eq!(judge(packages).len(), 1, "{packages:?}");
    }
}
