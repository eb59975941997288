//! Writes the generated files of this checkout, or with `--check` lists those that differ.
//!
//! An example of this crate, and not a command of the binary, so that it works while the generated code does not compile.

use std::process::ExitCode;

fn main() -> ExitCode {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let check = std::env::args().any(|argument| argument == "--check");
    let catalog = match catalog::Catalog::load(&root) {
        Ok(catalog) => catalog,
        Err(problems) => {
            problems.iter().for_each(|problem| eprintln!("{problem}"));
            return ExitCode::FAILURE;
        }
    };
    let changed = if check { catalog::check(&catalog, &root) } else { catalog::write(&catalog, &root) };
    match changed {
        Ok(paths) => {
            paths.iter().for_each(|path| println!("{}", path.display()));
            if check && !paths.is_empty() {
                eprintln!("hint: `make contract` writes these files");
                return ExitCode::FAILURE;
            }
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
