//! The copy of the workspace that the bugs are planted in, and its build.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{Plant, WAKES};

/// What cargo reads: the whole workspace, or Cargo.lock would not fit.
const COPIED: [&str; 6] = ["Cargo.toml", "Cargo.lock", "bench", "crates", "processors", "tests"];

/// The workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace")
}

/// Where the copy lies: always the same place, so that cargo finds again what it has built.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("planted")
}

/// Files that cargo reads below a path of the workspace; by their path there.
fn sources(at: &Path, found: &mut BTreeMap<PathBuf, String>) {
    let whole = root().join(at);
    if whole.is_dir() {
        for entry in fs::read_dir(&whole).expect("a folder").map(|entry| entry.expect("its entry")) {
            sources(&at.join(entry.file_name()), found);
        }
    } else if at.extension().is_some_and(|ext| ["rs", "toml", "lock"].into_iter().any(|known| ext == known)) {
        found.insert(at.to_owned(), fs::read_to_string(&whole).unwrap_or_else(|why| panic!("{whole:?}: {why}")));
    }
}

/// Writes the copy with these bugs. What has not changed is left alone, or cargo would build it again.
pub fn write(plants: &[&Plant]) {
    let mut files = BTreeMap::new();
    COPIED.iter().for_each(|at| sources(Path::new(at), &mut files));
    let mut by_file: BTreeMap<&str, Vec<&Plant>> = BTreeMap::new();
    let mut names = BTreeSet::new();
    for plant in plants {
        assert!(names.insert(plant.name), "two bugs are called {}", plant.name);
        by_file.entry(plant.file).or_default().push(plant);
    }
    let source = Path::new("crates/engine/src");
    for (file, plants) in by_file {
        let text = files.get_mut(&source.join(file)).unwrap_or_else(|| panic!("{file} of {} is gone", plants[0].name));
        *text = planted(text, &plants);
    }
    files.get_mut(&source.join("lib.rs")).expect("the engine").push_str(&format!(
        "\n/// Whether this bug is awake.\npub fn planted(name: &str) -> bool {{\n\
         static AWAKE: std::sync::OnceLock<String> = std::sync::OnceLock::new();\n\
         AWAKE.get_or_init(|| std::env::var(\"{WAKES}\").unwrap_or_default()) == name\n}}\n"
    ));
    set_apart(&mut files);
    let copy = folder().join("workspace");
    for (at, text) in &files {
        let to = copy.join(at);
        if fs::read_to_string(&to).ok().as_ref() != Some(text) {
            fs::create_dir_all(to.parent().expect("a folder above")).expect("a folder of the copy");
            fs::write(&to, text).unwrap_or_else(|why| panic!("{to:?}: {why}"));
        }
    }
    sweep(&copy, Path::new(""), &files);
}

/// Gives the copy's packages another version: to cargo they would be the workspace's own, and go in their place.
fn set_apart(files: &mut BTreeMap<PathBuf, String>) {
    let version = concat!("version = \"", env!("CARGO_PKG_VERSION"));
    let apart = |text: &str| text.replacen(&format!("{version}\""), &format!("{version}+planted\""), 1);
    for (name, is_ours) in [("Cargo.toml", "[workspace.package]\n"), ("Cargo.lock", "[[package]]\n")] {
        let text = files.get_mut(Path::new(name)).expect("a file of the workspace");
        let part = |part: &str| match part.starts_with(is_ours) && !part.contains("\nsource = ") {
            true => apart(part),
            false => part.to_owned(),
        };
        *text = text.split("\n\n").map(part).collect::<Vec<String>>().join("\n\n");
    }
}

/// Removes from the copy what the workspace does not have any more.
fn sweep(copy: &Path, at: &Path, files: &BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(copy.join(at)).expect("a folder of the copy").map(|entry| entry.expect("its entry")) {
        let at = at.join(entry.file_name());
        if entry.path().is_dir() {
            sweep(copy, &at, files);
        } else if !files.contains_key(&at) {
            fs::remove_file(entry.path()).expect("a file of the copy");
        }
    }
}

/// The text with all of these bugs in it, each behind its name.
fn planted(text: &str, plants: &[&Plant]) -> String {
    let mut places: Vec<(usize, &str, &Plant)> = plants
        .iter()
        .map(|plant| {
            let Plant { name, file, old, .. } = plant;
            let around = old.split_once('«').and_then(|(head, rest)| Some((head, rest.split_once('»')?)));
            let (head, (old, tail)) = around.unwrap_or(("", (old, "")));
            let found: Vec<usize> = text.match_indices(&[head, old, tail].concat()).map(|(at, _)| at).collect();
            assert_eq!(found.len(), 1, "{name} is to be planted in one place of {file}, and its text has so many");
            (found[0] + head.len(), old, *plant)
        })
        .collect();
    places.sort_by_key(|(at, ..)| *at);
    let (mut out, mut done) = (String::with_capacity(text.len() * 2), 0);
    for (at, old, Plant { name, new, .. }) in places {
        assert!(done <= at, "{name} overlaps with another bug");
        let choice = format!("if crate::planted(\"{name}\") {{ {new} }} else {{ {old} }}");
        let whole = old.ends_with([';', '}']);
        out.push_str(&text[done..at]);
        out.push_str(&if whole { choice } else { format!("({choice})") });
        done = at + old.len();
    }
    out.push_str(&text[done..]);
    out
}

/// Builds the copy's simulator, beside what the workspace has built already: the same folder, the same packages and the
/// workspace's own .cargo, so that dependencies are not built a second time. The crate `tests` asks for no feature that the
/// others do not, and `make test-core` has not fetched what it needs.
pub fn build() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder");
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--locked", "--offline", "--workspace", "--exclude", "tests", "--test", "sim", "--no-run"])
        .args(["--message-format", "json-render-diagnostics", "--manifest-path"])
        .arg(folder().join("workspace/Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .current_dir(root())
        .output()
        .expect("cargo");
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    let artifacts: Vec<Value> = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .collect();
    let sim = artifacts.iter().find_map(|artifact| {
        let is_sim = artifact["target"]["name"] == "sim" && artifact["target"]["kind"][0] == "test";
        artifact["executable"].as_str().filter(|_| is_sim)
    });
    let built = artifacts.iter().filter(|artifact| artifact["fresh"] == false).count();
    eprintln!("{built} of {} targets built", artifacts.len());
    let Some(sim) = sim.filter(|_| output.status.success()) else {
        panic!(
            "the copy with the bugs does not build:\n{}\nhint: a package that is missing is there after `cargo fetch --locked`",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    sim.into()
}
