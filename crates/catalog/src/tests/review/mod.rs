//! Reviews of a small shop: one change each, and what is said of it.

mod elsewhere;
mod map;
mod pull_request;
mod reader;
mod rules;

use crate::review::{Base, Contract, Review, review};
use crate::tests::Files;
use crate::tests::released::with_releases;

/// A small shop: commands in, facts out to two readers, replies, and state.
fn shop() -> Files {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    with_releases(vec![
        file("topics.yaml", include_str!("shop/topics.yaml")),
        file("schemas/meta.avsc", include_str!("shop/meta.avsc")),
        file("schemas/address.avsc", include_str!("shop/address.avsc")),
        file("schemas/sign_up.avsc", include_str!("shop/sign_up.avsc")),
        file("schemas/signed_up.avsc", include_str!("shop/signed_up.avsc")),
        file("schemas/welcomed.avsc", include_str!("shop/welcomed.avsc")),
        file("schemas/state/customer.avsc", include_str!("shop/customer.avsc")),
    ])
}

fn contract(files: &Files) -> Contract {
    let (_, yaml) = files.iter().find(|(path, _)| path == "topics.yaml").expect("there is a topics.yaml");
    Contract { yaml: yaml.clone(), files: files.iter().filter(|(path, _)| path != "topics.yaml").cloned().collect() }
}

/// Reviews one state of the shop against another.
fn compared(before: &Files, after: &Files) -> Review {
    let base = Base::Contract("main".to_owned(), contract(before));
    review(&base, &contract(after)).unwrap_or_else(|error| panic!("{error}"))
}
