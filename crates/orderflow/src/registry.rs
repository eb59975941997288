//! A schema registry as the commands use it.

use std::path::Path;
use std::time::Duration;

use engine::shell::registry::{Options, Registry, RegistryError, Resolver, WireSchema};

use crate::failure::Failure;
use crate::ids::{Ids, subject, wire};
use crate::options::{Place, secret};

/// A registry's error as a person sees it: what it refuses did not work, whatever else could not be checked.
pub fn failed(error: RegistryError) -> anyhow::Error {
    let text = error.to_string();
    let (what, hint) = text
        .split_once("; hint: ")
        .unwrap_or((&text, "`orderflow topics apply --registry URL` registers what this build writes"));
    match &error {
        RegistryError::Incompatible { .. } | RegistryError::Refused { .. } => {
            Failure::new("registry", what, hint).into()
        }
        _ => Failure::unreachable("registry", what, hint).into(),
    }
}

/// A registry by its URL.
pub fn open(url: &str, place: &Place) -> anyhow::Result<Registry> {
    let timeout = Duration::from_secs(place.registry_timeout);
    let connect_timeout = timeout.min(Options::default().connect_timeout);
    let (user, password) = credentials(place)?;
    Registry::open(url, Options { timeout, connect_timeout, user, password }).map_err(failed)
}

/// User and password from a file, where one is named.
fn credentials(place: &Place) -> anyhow::Result<(Option<String>, Option<String>)> {
    let Some(file) = &place.registry_credentials else { return Ok((None, None)) };
    let text = secret(file, "credentials of the schema registry")?;
    let Some((user, password)) = text.split_once(':') else {
        let what = format!("credentials of the schema registry: file \"{}\" holds no \":\"", file.display());
        return Err(Failure::usage("bad-option", what, "write user:password into it, neither of them encoded").into());
    };
    Ok((Some(user.to_owned()), Some(password.to_owned())))
}

/// The registry that --registry names.
pub fn named(place: &Place) -> anyhow::Result<Registry> {
    let Some(url) = &place.registry else {
        let hint = "name it with --registry URL or ORDERFLOW_REGISTRY";
        return Err(Failure::usage("no-registry", "this command needs a schema registry", hint).into());
    };
    open(url, place)
}

/// The registry's ids of every wire schema of this build; `folder` remembers them.
pub fn ids(url: &str, place: &Place, folder: &Path) -> anyhow::Result<Ids> {
    let registry = open(url, place)?;
    let subjects: Vec<(String, &contract::Released)> = wire().map(|released| (subject(released), released)).collect();
    let wanted: Vec<WireSchema<'_>> = subjects
        .iter()
        .map(|(subject, released)| WireSchema { subject, text: released.text, fingerprint: released.fingerprint })
        .collect();
    std::fs::create_dir_all(folder)?;
    let found = registry.ids(&wanted, &folder.join(registry.lock_name())).map_err(failed)?;
    Ok(Ids::with(found))
}

/// Answers for schema ids that this build does not know, until it is dropped.
pub fn resolver(url: &str, place: &Place, ids: &Ids) -> anyhow::Result<Resolver> {
    open(url, place)?.resolver(ids.schemas.clone()).map_err(failed)
}

/// The wire schemas of this build, each with its topic.
pub fn releases() -> Vec<(&'static str, catalog::Release)> {
    let release = |it: &contract::Released| catalog::Release {
        id: it.local_id,
        record: it.record.to_owned(),
        state: it.state,
        full: it.full_name.to_owned(),
        version: it.version.to_owned(),
        fingerprint: it.fingerprint,
        text: it.text.to_owned(),
    };
    wire().map(|it| (it.topic, release(it))).collect()
}
