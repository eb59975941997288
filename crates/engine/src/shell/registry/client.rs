//! The calls to a registry, through schema_registry_converter, and what their failures mean.

use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use schema_registry_converter::async_impl::schema_registry::{
    SrSettings, get_referenced_schema, get_schema_by_id, perform_sr_call,
};
use schema_registry_converter::error::SRCError;
use schema_registry_converter::schema_registry_common::{RawError, RegisteredReference, SchemaType, SrCall};

use serde_json::Value;

use super::url::Place;
use super::{Options, RegistryError, avro};
use crate::core::io::WriterSchema;

/// Topic and record names need no escape; the converter itself escapes nothing but slashes.
pub(super) const SUBJECT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// References of references included; more is no schema but an attack or an accident.
const REFERENCES_MAX: usize = 64;

/// Characters kept of what a registry says.
const MESSAGE_MAX: usize = 1_000;

/// The converter's plain calls and not its decoders, which remember a 404 for ever.
pub(super) struct Client {
    settings: SrSettings,
    /// For the calls that the converter does not have.
    http: reqwest::Client,
    user: Option<(String, Option<String>)>,
    pub(super) url: String,
    connect_timeout: Duration,
    timeout: Duration,
}

/// What a failed call says about the thing asked for.
pub(super) enum Failure {
    /// The registry itself said that it has no such schema, subject, version or level.
    Absent,
    /// Another 404: from a proxy, or a registry without such a call.
    Elsewhere(String),
    Conflict(String),
    Refused(String),
    Unreachable(String),
}

impl Client {
    pub(super) fn open(place: Place, options: &Options) -> Result<Client, RegistryError> {
        let failed = |error: &dyn Error| RegistryError::Url {
            url: place.base.clone(),
            reason: format!("no client for it: {}", deepest(error)),
            hint: "https needs the CA certificates of the image, or SSL_CERT_FILE",
        };
        let mut builder = SrSettings::new_builder(place.base.clone());
        builder.set_timeout(options.timeout);
        if let Some(user) = &place.user {
            builder.set_basic_authorization(user, place.password.as_deref());
        }
        let settings = builder.build_with(http(&place, options)).map_err(|error| failed(&error))?;
        let http = http(&place, options).build().map_err(|error| failed(&error))?;
        let Options { connect_timeout, timeout, .. } = *options;
        let user = place.user.map(|user| (user, place.password));
        Ok(Client { settings, http, user, url: place.base, connect_timeout, timeout })
    }

    /// A call that the converter does not have: `path` begins with a slash.
    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).timeout(self.timeout);
        request = request.header(ACCEPT, "application/vnd.schemaregistry.v1+json, application/json");
        if let Some((user, password)) = &self.user {
            request = request.basic_auth(user, password.as_deref());
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/vnd.schemaregistry.v1+json").body(body.to_string());
        }
        let answer = request.send().await.map_err(|error| Failure::Unreachable(self.http_error(&error)))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| Failure::Unreachable(self.http_error(&error)))?;
        let said: Option<Value> = serde_json::from_str(&text).ok();
        if status.is_success() {
            return said.ok_or_else(|| Failure::Unreachable("its answer is not JSON".to_owned()));
        }
        let code = said.as_ref().and_then(|said| said.get("error_code")?.as_i64()).unwrap_or_default();
        let message = said.as_ref().and_then(|said| said.get("message")?.as_str()).unwrap_or_default();
        Err(meaning(code, &status.to_string(), message.chars().take(MESSAGE_MAX).collect()))
    }

    pub(super) async fn lookup(&self, subject: &str, text: &str) -> Result<Option<u32>, RegistryError> {
        match self.post(subject, text, |subject, body| SrCall::PostForVersion(subject, body)).await {
            Ok(id) => Ok(Some(id)),
            Err(Failure::Absent) => Ok(None),
            Err(failure) => Err(self.error(subject, failure)),
        }
    }

    pub(super) async fn register(&self, subject: &str, text: &str) -> Result<u32, RegistryError> {
        let posted = self.post(subject, text, |subject, body| SrCall::PostNew(subject, body)).await;
        posted.map_err(|failure| self.error(subject, failure))
    }

    async fn post<F>(&self, subject: &str, text: &str, call: F) -> Result<u32, Failure>
    where
        F: for<'a> Fn(&'a str, &'a str) -> SrCall<'a>,
    {
        let subject = utf8_percent_encode(subject, SUBJECT).to_string();
        let body = serde_json::json!({ "schema": text }).to_string();
        let answer =
            perform_sr_call(&self.settings, call(&subject, &body)).await.map_err(|error| self.judge(&error))?;
        answer.id.ok_or_else(|| Failure::Unreachable("its answer has no id".to_owned()))
    }

    /// `None` only when the registry itself said that there is no such id.
    pub(super) async fn fetch(&self, id: u32) -> Result<Option<WriterSchema>, RegistryError> {
        let found = match get_schema_by_id(id, &self.settings).await.map_err(|error| self.judge(&error)) {
            Ok(found) => found,
            Err(Failure::Absent) => return Ok(None),
            Err(failure) => return Err(self.unreachable(format!("schema id {id}"), failure)),
        };
        if found.schema_type != SchemaType::Avro {
            return Err(self.unusable(id, format!("its type is {:?}, not Avro", found.schema_type)));
        }
        let references = self.references(id, found.references).await?;
        avro::writer(&found.schema, &references).map(Some).map_err(|reason| self.unusable(id, reason))
    }

    /// The texts of the references and of theirs, in no order.
    async fn references(&self, id: u32, mut open: Vec<RegisteredReference>) -> Result<Vec<String>, RegistryError> {
        let mut seen = BTreeSet::new();
        let mut texts = Vec::new();
        while let Some(mut reference) = open.pop() {
            let named = format!(
                "reference \"{}\" (subject \"{}\", version {})",
                reference.name, reference.subject, reference.version
            );
            if !seen.insert((reference.subject.clone(), reference.version)) {
                continue;
            }
            if seen.len() > REFERENCES_MAX {
                return Err(self.unusable(id, format!("more than {REFERENCES_MAX} references")));
            }
            reference.subject = utf8_percent_encode(&reference.subject, SUBJECT).to_string();
            match get_referenced_schema(&self.settings, &reference).await.map_err(|error| self.judge(&error)) {
                Ok(found) => {
                    texts.push(found.schema);
                    open.extend(found.references);
                }
                Err(Failure::Absent) => return Err(self.unusable(id, format!("the registry has no {named}"))),
                Err(failure) => return Err(self.unreachable(format!("schema id {id}, {named}"), failure)),
            }
        }
        Ok(texts)
    }

    pub(super) fn error(&self, subject: &str, failure: Failure) -> RegistryError {
        let (registry, subject) = (self.url.clone(), subject.to_owned());
        match failure {
            Failure::Conflict(message) => RegistryError::Incompatible { registry, subject, message },
            Failure::Refused(message) => RegistryError::Refused { registry, subject, message },
            failure => self.unreachable(format!("subject \"{subject}\""), failure),
        }
    }

    pub(super) fn unreachable(&self, object: String, failure: Failure) -> RegistryError {
        let reason = match failure {
            Failure::Absent => "not found".to_owned(),
            Failure::Conflict(reason)
            | Failure::Refused(reason)
            | Failure::Elsewhere(reason)
            | Failure::Unreachable(reason) => reason,
        };
        RegistryError::Unreachable { registry: self.url.clone(), object, reason }
    }

    fn unusable(&self, id: u32, reason: String) -> RegistryError {
        RegistryError::Unusable { registry: self.url.clone(), id, reason }
    }

    fn judge(&self, error: &SRCError) -> Failure {
        let Some(raw) = error.source().and_then(|source| source.downcast_ref::<RawError>()) else {
            return Failure::Unreachable(self.transport(error));
        };
        let message: String = raw.message.chars().take(MESSAGE_MAX).collect();
        // The converter keeps the status only in its text.
        let status = error.error.rsplit_once("with status ").map_or("", |(_, status)| status);
        meaning(i64::from(raw.error_code), status, message)
    }

    fn transport(&self, error: &SRCError) -> String {
        match error.source().and_then(|source| source.downcast_ref::<reqwest::Error>()) {
            Some(http) => self.http_error(http),
            None => error.error.clone(),
        }
    }

    fn http_error(&self, http: &reqwest::Error) -> String {
        match http {
            _ if http.is_timeout() && http.is_connect() => format!("no connection within {:?}", self.connect_timeout),
            _ if http.is_timeout() => format!("no answer within {:?}", self.timeout),
            _ if http.is_connect() => format!("no connection: {}", deepest(http)),
            _ if http.is_decode() => format!("its answer is not that of a schema registry: {}", deepest(http)),
            _ => deepest(http),
        }
    }
}

/// Error codes: Confluent's API reference, "Errors"; a 404 without one comes from a proxy or a wrong path and says
/// nothing about schemas.
fn meaning(code: i64, status: &str, message: String) -> Failure {
    match (code, status.get(..3).unwrap_or_default()) {
        (40401..=40403 | 40408, _) => Failure::Absent,
        (409 | 40901, _) | (_, "409") => Failure::Conflict(message),
        (_, "422") => Failure::Refused(message),
        (_, "404") => Failure::Elsewhere(format!("{status}, but not from a registry: is the URL's path right?")),
        (0, _) => Failure::Unreachable(status.to_owned()),
        (code, _) => Failure::Unreachable(format!("{status}: {message} (error code {code})")),
    }
}

fn http(place: &Place, options: &Options) -> reqwest::ClientBuilder {
    let mut http = reqwest::Client::builder()
        .connect_timeout(options.connect_timeout)
        // Calls come in bursts. Between them nobody drives the connections, so none may outlive a burst.
        .pool_idle_timeout(Duration::from_secs(1));
    if place.loopback {
        http = http.no_proxy();
    }
    if !place.secure {
        // Or a client for http would ask for the machine's certificates, which a slim image does not have.
        http = http.tls_certs_only([]);
    }
    http
}

/// The first cause: the errors around it only repeat the URL.
fn deepest(error: &dyn Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
