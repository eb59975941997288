//! Writes the generated files of this checkout, or with `--check` lists those that differ.

fn main() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let check = std::env::args().any(|argument| argument == "--check");
    let catalog = match catalog::Catalog::load(&root) {
        Ok(catalog) => catalog,
        Err(problems) => {
            problems.iter().for_each(|problem| eprintln!("{problem}"));
            std::process::exit(1);
        }
    };
    let changed = if check { catalog::check(&catalog, &root) } else { catalog::write(&catalog, &root) };
    match changed {
        Ok(paths) => {
            paths.iter().for_each(|path| println!("{}", path.display()));
            std::process::exit(i32::from(check && !paths.is_empty()));
        }
        Err(problem) => {
            eprintln!("{problem}");
            std::process::exit(1);
        }
    }
}
