//! What a registry holds: subjects, their versions and levels. For reviews and releases; processors never ask this.

use percent_encoding::utf8_percent_encode;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, Failure, SUBJECT};
use super::{Registry, RegistryError};

/// One version of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SubjectVersion {
    /// Counts from 1 within the subject; the registry's own, not that of the schema's "version".
    pub version: u32,
    pub id: u32,
    /// Avro JSON as the registry keeps it.
    #[serde(rename = "schema")]
    pub text: String,
}

impl Registry {
    /// The names of all subjects.
    pub fn subjects(&self) -> Result<Vec<String>, RegistryError> {
        self.run(self.client.subjects())
    }

    /// Every version of a subject, oldest first; none when the registry itself says that it has no such subject.
    pub fn versions(&self, subject: &str) -> Result<Vec<SubjectVersion>, RegistryError> {
        self.run(self.client.versions(subject))
    }

    /// The subject's own compatibility level, such as `BACKWARD_TRANSITIVE`; `None` when it has none of its own.
    pub fn level(&self, subject: &str) -> Result<Option<String>, RegistryError> {
        self.run(self.client.level(subject))
    }

    /// Sets the subject's own compatibility level.
    pub fn set_level(&self, subject: &str, level: &str) -> Result<(), RegistryError> {
        self.run(self.client.set_level(subject, level))
    }

    /// Why the registry takes no writes (its mode), when it says so.
    pub fn read_only(&self) -> Result<Option<String>, RegistryError> {
        self.run(self.client.read_only())
    }
}

impl Client {
    async fn subjects(&self) -> Result<Vec<String>, RegistryError> {
        let found = self.ask(Method::GET, "/subjects", None).await.and_then(shaped);
        found.map_err(|failure| self.unreachable("its subjects".to_owned(), failure))
    }

    async fn versions(&self, subject: &str) -> Result<Vec<SubjectVersion>, RegistryError> {
        let path = format!("/subjects/{}/versions", utf8_percent_encode(subject, SUBJECT));
        let numbers: Vec<u32> = match self.ask(Method::GET, &path, None).await.and_then(shaped) {
            Ok(numbers) => numbers,
            Err(Failure::Absent) => return Ok(Vec::new()),
            Err(failure) => return Err(self.error(subject, failure)),
        };
        let mut found = Vec::with_capacity(numbers.len());
        for number in numbers {
            let version = self.ask(Method::GET, &format!("{path}/{number}"), None).await.and_then(shaped);
            found.push(version.map_err(|failure| self.error(subject, failure))?);
        }
        found.sort_by_key(|version: &SubjectVersion| version.version);
        Ok(found)
    }

    async fn level(&self, subject: &str) -> Result<Option<String>, RegistryError> {
        let path = format!("/config/{}", utf8_percent_encode(subject, SUBJECT));
        // Confluent calls it compatibilityLevel here and compatibility where it is set.
        let level = |answer: Value| {
            let level = text(&answer, "compatibilityLevel").or_else(|| text(&answer, "compatibility"));
            level.ok_or_else(|| Failure::Unreachable("its answer has no level".to_owned()))
        };
        match self.ask(Method::GET, &path, None).await.and_then(level) {
            Ok(level) => Ok(Some(level)),
            Err(Failure::Absent) => Ok(None),
            Err(failure) => Err(self.error(subject, failure)),
        }
    }

    async fn set_level(&self, subject: &str, level: &str) -> Result<(), RegistryError> {
        let path = format!("/config/{}", utf8_percent_encode(subject, SUBJECT));
        let set = self.ask(Method::PUT, &path, Some(json!({ "compatibility": level }))).await;
        set.map(drop).map_err(|failure| self.error(subject, failure))
    }

    async fn read_only(&self) -> Result<Option<String>, RegistryError> {
        match self.ask(Method::GET, "/mode", None).await {
            Ok(answer) => Ok(text(&answer, "mode").filter(|mode| mode.starts_with("READONLY"))),
            // A registry without modes takes writes.
            Err(Failure::Absent | Failure::Elsewhere(_)) => Ok(None),
            Err(failure) => Err(self.unreachable("its mode".to_owned(), failure)),
        }
    }
}

fn text(answer: &Value, key: &str) -> Option<String> {
    answer.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn shaped<T: serde::de::DeserializeOwned>(answer: Value) -> Result<T, Failure> {
    serde_json::from_value(answer)
        .map_err(|error| Failure::Unreachable(format!("its answer is not that of a schema registry: {error}")))
}
