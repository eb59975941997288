//! The files that the rules look at: those of this checkout, or a few planted ones.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// One text file.
#[derive(Debug, Clone)]
pub struct File {
    /// From the root of the checkout, with slashes.
    pub path: String,
    pub text: String,
}

/// Files, and what Cargo knows of the workspace.
#[derive(Debug, Default)]
pub struct Tree {
    pub files: Vec<File>,
    /// Every path there is, files that are no text included.
    pub paths: Vec<String>,
    /// What `cargo metadata` would say, in a planted tree.
    planted: Option<Value>,
}

/// The path under which a planted tree holds what `cargo metadata` would say.
pub const METADATA: &str = "cargo metadata";

/// The root of the checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// This checkout: what git knows, and what it would add. Read once.
pub fn ours() -> &'static Tree {
    static TREE: LazyLock<Tree> = LazyLock::new(read);
    &TREE
}

fn read() -> Tree {
    let listed = output("git", &["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    // A file that is deleted but not yet committed is listed all the same.
    let there = listed.split('\0').filter(|path| root().join(path).is_file());
    let paths: Vec<String> = there.map(str::to_owned).collect();
    let text = |path: &String| std::fs::read_to_string(root().join(path)).ok();
    let files = paths.iter().filter_map(|path| Some(File { path: path.clone(), text: text(path)? })).collect();
    Tree { files, paths, planted: None }
}

fn output(program: &str, arguments: &[&str]) -> String {
    let ran = Command::new(program).args(arguments).current_dir(root()).output();
    let ran = ran.unwrap_or_else(|error| panic!("cannot run {program}: {error}"));
    assert!(ran.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).expect("names and metadata are UTF-8")
}

impl Tree {
    /// A tree of these (path, text) alone.
    pub fn planted(files: &[(&str, &str)]) -> Tree {
        let mut tree = Tree { planted: Some(Value::Null), ..Tree::default() };
        for (path, text) in files {
            if *path == METADATA {
                tree.planted = Some(serde_json::from_str(text).expect("planted metadata is JSON"));
                continue;
            }
            tree.paths.push((*path).to_owned());
            tree.files.push(File { path: (*path).to_owned(), text: (*text).to_owned() });
        }
        tree
    }

    /// What Cargo knows of the workspace. Asked for by the rules that need it: a broken manifest breaks no other.
    pub fn metadata(&self) -> Value {
        if let Some(planted) = &self.planted {
            return planted.clone();
        }
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let text = output(&cargo, &["metadata", "--format-version", "1", "--no-deps", "--offline"]);
        serde_json::from_str(&text).expect("cargo prints JSON")
    }

    /// Files whose path begins and ends so.
    pub fn below<'t>(&'t self, start: &str, end: &str) -> impl Iterator<Item = &'t File> {
        let (start, end) = (start.to_owned(), end.to_owned());
        self.files.iter().filter(move |file| file.path.starts_with(&start) && file.path.ends_with(&end))
    }

    /// The file of this path.
    pub fn get(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether there is a file or a folder of this path.
    pub fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let folder = format!("{path}/");
        self.paths.iter().any(|other| other == path || other.starts_with(&folder))
    }
}

impl File {
    /// Lines with their numbers, from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(at, line)| (at + 1, line))
    }

    /// A finding at a line of this file.
    pub fn at(&self, line: usize, what: impl std::fmt::Display) -> String {
        format!("{}:{line}: {what}", self.path)
    }

    /// Whether the generator wrote it.
    pub fn generated(&self) -> bool {
        self.text.starts_with("// Generated ")
    }

    /// Whether it is compiled for tests only: a `tests` folder or file, an example, a benchmark.
    pub fn of_tests(&self) -> bool {
        let mut parts = self.path.split('/');
        parts.any(|part| matches!(part, "tests" | "tests.rs" | "examples" | "benches" | "bench"))
    }
}
