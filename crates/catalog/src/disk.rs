//! Files below the folder that was given: read, write and compare.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::map::MAP_FILE;
use crate::review::Contract;
use crate::{Catalog, LOCK_FILE, Problem, Release, Rule, generate, released};

/// A folder deeper than this below schemas/ is not read.
const DEPTH_MAX: usize = 4;
/// Folders whose generated files are removed when nothing generates them any more.
const GENERATED_DIRS: [&str; 1] = ["crates/contract/src/generated"];

type Files = Vec<(String, String)>;

/// topics.yaml, and every file below schemas/ by path.
pub fn read(root: &Path) -> Result<(String, Files), Problem> {
    let yaml = fs::read_to_string(root.join(MAP_FILE)).map_err(|error| unreadable(MAP_FILE, &error))?;
    let mut files = Vec::new();
    walk(root, "schemas", 0, &mut files)?;
    files.sort();
    Ok((yaml, files))
}

fn walk(root: &Path, folder: &str, depth: usize, files: &mut Files) -> Result<(), Problem> {
    let entries = fs::read_dir(root.join(folder)).map_err(|error| unreadable(folder, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            if depth < DEPTH_MAX {
                walk(root, &path, depth + 1, files)?;
            }
        } else if path.ends_with(".avsc") || path.ends_with(".json") {
            let text = fs::read_to_string(entry.path()).map_err(|error| unreadable(&path, &error))?;
            files.push((path, text));
        }
    }
    Ok(())
}

fn unreadable(path: &str, error: &std::io::Error) -> Problem {
    Problem::new(Rule::FileUnreadable, path, error.to_string())
}

/// Writes what [`generate`] gives, removes generated files that it no longer gives, and returns the paths that
/// changed.
pub fn write(catalog: &Catalog, root: &Path) -> Result<Vec<PathBuf>, Problem> {
    let changed = check(catalog, root)?;
    let generated = generate(catalog);
    for path in &changed {
        let full = root.join(path);
        let name = path.to_string_lossy();
        match generated.iter().find(|(other, _)| other == path) {
            Some((_, text)) => {
                let folder = full.parent().unwrap_or(root);
                fs::create_dir_all(folder).map_err(|error| unreadable(&name, &error))?;
                fs::write(&full, text).map_err(|error| unreadable(&name, &error))?;
            }
            None => fs::remove_file(&full).map_err(|error| unreadable(&name, &error))?,
        }
    }
    Ok(changed)
}

/// The files of a release that are not there yet: new schemas below schemas/released, and the lock if it grows.
pub fn unreleased(catalog: &Catalog, root: &Path) -> Vec<PathBuf> {
    let path = |release: &Release| PathBuf::from(release.path());
    let mut files: Vec<PathBuf> = catalog.releases.iter().map(path).filter(|path| !root.join(path).exists()).collect();
    if !files.is_empty() {
        files.push(PathBuf::from(LOCK_FILE));
    }
    files
}

/// Writes what [`unreleased`] lists and nothing else. A released file is never written again; the lock only grows.
pub fn release(catalog: &Catalog, root: &Path) -> Result<Vec<PathBuf>, Problem> {
    let files = unreleased(catalog, root);
    for release in catalog.releases.iter().filter(|release| files.contains(&PathBuf::from(release.path()))) {
        let (name, full) = (release.path(), root.join(release.path()));
        let failed = |error: std::io::Error| unreadable(&name, &error);
        fs::create_dir_all(full.parent().unwrap_or(root)).map_err(failed)?;
        let mut file = fs::File::create_new(&full).map_err(failed)?;
        file.write_all(release.text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    }
    if !files.is_empty() {
        // In one step, and last: a lock never names a file that is not there.
        let (lock, fresh) = (root.join(LOCK_FILE), root.join(format!("{LOCK_FILE}.new")));
        let written = fs::write(&fresh, released::lock(&catalog.releases)).and_then(|()| fs::rename(&fresh, &lock));
        written.map_err(|error| unreadable(LOCK_FILE, &error))?;
    }
    Ok(files)
}

/// topics.yaml and every file below schemas/, by path.
pub fn contract(root: &Path) -> Result<Contract, Problem> {
    let (yaml, files) = read(root)?;
    Ok(Contract { yaml, files })
}

/// The generated files that differ from the disk: missing, changed, or left over. Empty when all is well.
pub fn check(catalog: &Catalog, root: &Path) -> Result<Vec<PathBuf>, Problem> {
    let generated = generate(catalog);
    let mut changed: Vec<PathBuf> = generated
        .iter()
        .filter(|(path, text)| fs::read_to_string(root.join(path)).ok().as_ref() != Some(text))
        .map(|(path, _)| path.clone())
        .collect();
    for folder in GENERATED_DIRS {
        let mut there = Vec::new();
        below(root, Path::new(folder), &mut there)?;
        changed.extend(there.into_iter().filter(|path| generated.iter().all(|(other, _)| other != path)));
    }
    Ok(changed)
}

fn below(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Problem> {
    if !root.join(folder).is_dir() {
        return Ok(());
    }
    let name = folder.to_string_lossy();
    for entry in fs::read_dir(root.join(folder)).map_err(|error| unreadable(&name, &error))? {
        let entry = entry.map_err(|error| unreadable(&name, &error))?;
        let path = folder.join(entry.file_name());
        if entry.path().is_dir() { below(root, &path, files)? } else { files.push(path) }
    }
    files.sort();
    Ok(())
}
