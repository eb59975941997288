//! The registry's URL, and its user and password taken out of it before anybody can print them.

use percent_encoding::percent_decode_str;
use reqwest::Url;

use super::{Options, RegistryError};

const HINT: &str = "http://user:password@host:8081 or https://…, with user and password percent-encoded";

/// Where to ask, and as whom.
pub(super) struct Place {
    /// Without credentials and without a slash at its end.
    pub base: String,
    pub user: Option<String>,
    pub password: Option<String>,
    pub secure: bool,
    /// A proxy of the environment is not meant for this machine itself.
    pub loopback: bool,
    /// `host-port`, for names.
    pub host: String,
}

pub(super) fn parse(url: &str, options: &Options) -> Result<Place, RegistryError> {
    let bad = |reason: String| RegistryError::Url { url: redacted(url), reason, hint: HINT };
    let mut parsed = Url::parse(url).map_err(|error| bad(error.to_string()))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(bad("neither http nor https".to_owned()));
    }
    // A password with a bare slash ends the host: the rest of it would become the path, which is no secret.
    if parsed.path().contains('@') || parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(bad("it holds '@', '?' or '#' behind the host".to_owned()));
    }
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(|text| text.into_owned());
    let user = decoded(parsed.username()).map_err(|_| bad("the user is not UTF-8".to_owned()))?;
    let password =
        parsed.password().map(decoded).transpose().map_err(|_| bad("the password is not UTF-8".to_owned()))?;
    let cleared = parsed.set_username("").and_then(|()| parsed.set_password(None));
    let host = parsed.host_str().unwrap_or_default().to_owned();
    if cleared.is_err() || host.is_empty() {
        return Err(bad("it has no host".to_owned()));
    }
    let user = options.user.clone().or(Some(user)).filter(|user| !user.is_empty());
    let password = options.password.clone().or(password);
    if user.is_none() && password.is_some() {
        return Err(bad("a password without a user".to_owned()));
    }
    Ok(Place {
        base: parsed.as_str().trim_end_matches('/').to_owned(),
        user,
        password,
        secure: parsed.scheme() == "https",
        loopback: matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]"),
        host: format!("{host}-{}", parsed.port_or_known_default().unwrap_or_default()),
    })
}

/// For a URL that does not parse, and so may hold a password anywhere before its last `@`.
fn redacted(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((_, rest)) => format!("…@{rest}"),
        None => url.to_owned(),
    }
}
