//! A contract as it was in a git ref, by the `git` program.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use catalog::review::Contract;

use crate::failure::Failure;

const HINT: &str = "name a branch, a tag or a commit that is here; a shallow clone needs `git fetch` of it first";

/// topics.yaml and schemas/ of a ref, as they are below `root`.
pub fn contract(root: &Path, name: &str) -> anyhow::Result<Contract> {
    let failed = |what: String| Failure::unreachable("no-such-ref", what, HINT);
    // A name that begins with a dash would be an option.
    if name.starts_with('-') || name.is_empty() {
        return Err(failed(format!("\"{name}\" is no git ref")).into());
    }
    let found =
        git(root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")], None)?;
    if !found.status.success() {
        let said = String::from_utf8_lossy(&found.stderr).trim().to_owned();
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        return Err(failed(format!("git knows no commit \"{name}\"{said}")).into());
    }
    let commit = String::from_utf8_lossy(&found.stdout).trim().to_owned();
    let listed = git(root, &["ls-tree", "-r", "-z", &commit, "--", "topics.yaml", "schemas"], None)?;
    let files = files(&String::from_utf8_lossy(&listed.stdout));
    if !listed.status.success() || !files.iter().any(|(_, path)| path == "topics.yaml") {
        return Err(failed(format!("commit \"{name}\" has no topics.yaml here")).into());
    }
    let asked: String = files.iter().map(|(object, _)| format!("{object}\n")).collect();
    let read = git(root, &["cat-file", "--batch"], Some(asked))?;
    let mut contract = Contract::default();
    let mut rest = read.stdout.as_slice();
    for (_, path) in files {
        let (text, after) = blob(rest).ok_or_else(|| failed(format!("git does not give {path} of \"{name}\"")))?;
        rest = after;
        if path == "topics.yaml" {
            contract.yaml = text;
        } else {
            contract.files.push((path, text));
        }
    }
    Ok(contract)
}

/// Object and path of each file that is part of a contract.
fn files(listed: &str) -> Vec<(String, String)> {
    let entry = |line: &str| {
        let (about, path) = line.split_once('\t')?;
        Some((about.split(' ').nth(2)?.to_owned(), path.to_owned()))
    };
    let ours =
        |(_, path): &(String, String)| path == "topics.yaml" || path.ends_with(".avsc") || path.ends_with(".json");
    listed.split('\0').filter_map(entry).filter(ours).collect()
}

/// One object of `git cat-file --batch`: `<object> blob <bytes>`, a line end, the bytes, a line end.
fn blob(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let (_, length) = head.split_once(" blob ")?;
    let begin = end + 1;
    let stop = begin.checked_add(length.parse().ok()?)?;
    let text = std::str::from_utf8(bytes.get(begin..stop)?).ok()?;
    Some((text.to_owned(), bytes.get(stop + 1..)?))
}

fn git(root: &Path, args: &[&str], input: Option<String>) -> anyhow::Result<Output> {
    let failed = |error: std::io::Error| {
        Failure::unreachable(
            "no-git",
            format!("git cannot be run: {error}"),
            "install git, or compare with \"released\"",
        )
    };
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut child = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(args)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    // On a thread of its own: git answers before it has read everything.
    let writer = child
        .stdin
        .take()
        .zip(input)
        .map(|(mut pipe, input)| std::thread::spawn(move || pipe.write_all(input.as_bytes())));
    let output = child.wait_with_output().map_err(failed)?;
    if let Some(writer) = writer {
        // What git did not take shows as answers that are missing.
        let _ = writer.join();
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use catalog::review::{Base, Level, review, text};

    use super::{blob, contract, git};
    use crate::failure::Failure;

    fn run(root: &Path, args: &[&str]) {
        let output = git(root, args, None).expect("git runs");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn edit(root: &Path, path: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(root.join(path)).expect("it is there");
        assert!(text.contains(from), "{path} has no {from}");
        std::fs::write(root.join(path), text.replacen(from, to, 1)).expect("it can be written");
    }

    /// A repository of its own with this contract in a folder, committed as `main`.
    fn repository() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let root = folder.path().join("shop");
        let here = catalog::contract(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))).expect("it can be read");
        for (path, text) in
            here.files.iter().map(|(path, text)| (path.as_str(), text)).chain([("topics.yaml", &here.yaml)])
        {
            let full = root.join(path);
            std::fs::create_dir_all(full.parent().expect("it has a folder")).expect("it can be made");
            std::fs::write(full, text).expect("it can be written");
        }
        run(&root, &["init", "--quiet", "--initial-branch", "main", ".."]);
        run(&root, &["add", "."]);
        let author = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"];
        run(&root, &[author.as_slice(), &["commit", "--quiet", "-m", "all"]].concat());
        (folder, root)
    }

    #[test]
    fn a_pull_request_is_compared_with_main() {
        let (_folder, root) = repository();
        let parked = "schemas/order_parked.avsc";
        edit(&root, parked, "timestamp-millis", "timestamp-micros");
        edit(
            &root,
            parked,
            "{\"name\": \"item_id\"",
            "{\"name\": \"reason\", \"type\": \"string\"},\n    {\"name\": \"item_id\"",
        );
        let base = Base::Contract("main".to_owned(), contract(&root, "main").expect("main is there"));
        let now = catalog::contract(&root).expect("it can be read");
        let found = review(&base, &now).expect("it can be compared");
        let lines: Vec<(&str, &str, u64)> = found
            .findings
            .iter()
            .filter(|finding| finding.level == Level::Error)
            .map(|finding| (finding.rule, finding.file.as_str(), finding.line))
            .collect();
        let expected =
            [("field-without-default", parked, 11), ("unit-changed", parked, 13), ("version-bump", parked, 5)];
        assert_eq!(lines, expected, "{}", text(&found, false));
    }

    #[test]
    fn nothing_changed_is_nothing_to_say() {
        let (_folder, root) = repository();
        let base = Base::Contract("HEAD".to_owned(), contract(&root, "HEAD").expect("HEAD is there"));
        let found = review(&base, &catalog::contract(&root).expect("it can be read")).expect("it can be compared");
        assert_eq!(text(&found, false), "nothing changed against HEAD\n");
    }

    #[test]
    fn a_ref_that_is_not_there_cannot_be_compared() {
        let (folder, root) = repository();
        for (root, name) in [(&*root, "mian"), (&*root, "--all"), (&*root, ""), (folder.path(), "main")] {
            let error = contract(root, name).expect_err("there is no contract");
            let failure = error.downcast_ref::<Failure>().expect("it is said well");
            assert_eq!((failure.code, failure.exit), ("no-such-ref", 3), "{name}: {failure}");
        }
    }

    #[test]
    fn an_answer_of_git_that_is_cut_off_is_none() {
        assert_eq!(blob(b"a1 blob 2\nxy\nrest"), Some(("xy".to_owned(), b"rest".as_slice())));
        for cut in
            [b"a1 blob 2\nxy".as_slice(), b"a1 blob 2\nx", b"a1 missing\n", b"a1 blob 99999999999999999999\nx", b""]
        {
            assert!(blob(cut).is_none_or(|(text, rest)| text == "xy" && rest.is_empty()));
        }
    }
}
