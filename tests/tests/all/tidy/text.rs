//! Rules of every committed file: nothing of the machine it was written on.

use super::tree::{File, Tree};

/// Folders that only the machine of whoever wrote the file has.
const FOLDERS: &[&str] = &["work", "root", "home", "Users"];

/// Hosts that mean the same to everybody. A name of a host that is not public does not belong into a repository.
const HOSTS: &[&str] = &[
    "127.0.0.1",
    "0.0.0.0",
    "localhost",
    "apache.org",
    "crates.io",
    "docs.rs",
    "example.com",
    "example.org",
    "github.com",
    "gnu.org",
    "grafana.com",
    "helm.sh",
    "json-schema.org",
    "kubernetes.io",
    "mozilla.org",
    "prometheus.io",
    "rust-lang.org",
    "rustsec.org",
    "w3.org",
];

/// Names without a dot that texts use for "some host", and service names of compose and Kubernetes.
const STAND_INS: &[&str] = &["host", "me", "broker", "registry", "kafka", "prometheus", "user"];

/// No file names a folder of the machine that it was written on.
pub fn names_no_machine_path(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for file in &tree.files {
        for (at, line) in file.lines() {
            let named = FOLDERS.iter().find(|folder| has_path(line, folder));
            found.extend(
                named.map(|folder| file.at(at, format_args!("a path below the folder \"{folder}\" at the root"))),
            );
        }
    }
    found
}

fn has_path(line: &str, folder: &str) -> bool {
    let path = format!("/{folder}");
    line.match_indices(&path).any(|(at, _)| {
        // At the root: nothing that could be a longer path stands before it, nothing that is a longer name after it.
        let before = line[..at].chars().next_back();
        let after = line[at + path.len()..].chars().next();
        let longer = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '~' | '/' | '}' | ')' | '>' | '*');
        !before.is_some_and(longer) && !after.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
    })
}

/// Every URL names a public host, or one that stands for any.
pub fn names_public_hosts(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for file in &tree.files {
        for (at, line) in file.lines() {
            let strange = hosts(line).into_iter().find(|host| !known(host, file));
            found.extend(strange.map(|host| file.at(at, format_args!("host \"{host}\""))));
        }
    }
    found
}

fn hosts(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("://") {
        let rest = &line[at + 3..];
        let authority =
            rest.split(|c: char| c.is_whitespace() || "/\"'`<>()[]{}\\,;|?#".contains(c)).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default().split(':').next().unwrap_or_default();
        // A variable or a format argument in its place is no host.
        if host.chars().any(char::is_alphanumeric) && !host.contains('$') {
            found.push(host.trim_end_matches('.'));
        }
    }
    found
}

fn known(host: &str, file: &File) -> bool {
    let public =
        HOSTS.iter().any(|known| host == *known || host.strip_suffix(known).is_some_and(|sub| sub.ends_with('.')));
    let inside =
        host.ends_with(".svc") || host.contains(".svc.") || host.ends_with(".local") || host.ends_with(".test");
    public || inside || !host.contains('.') && (file.of_tests() || STAND_INS.contains(&host))
}
