//! A real Kafka that lets nobody in unknown and nobody do what no ACL allows, with its certificates and users.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use engine::shell::kafka::KafkaSettings;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::child::{Server, free_port};
use crate::servers::START_LIMIT;

/// How somebody says who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    Plain,
    Scram,
    /// A token that nobody signed.
    OAuthBearer,
    /// A client certificate.
    Mtls,
}

/// One node with SASL_SSL and mTLS listeners; "admin" may do everything. Gone when dropped.
pub struct SecureKafka {
    server: Server,
    mtls_port: u16,
    tls: PathBuf,
    users: BTreeMap<String, String>,
}

fn issue(name: &str, issuer: &Issuer<'_, KeyPair>) -> Result<(String, String)> {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate()?;
    Ok((key.serialize_pem(), params.signed_by(&key, issuer)?.pem()))
}

/// Key and certificate of everybody, in files of this folder, issued by the CA in ca.pem.
fn certify<'a>(folder: &Path, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, "orderflow tests");
    let key = KeyPair::generate()?;
    fs::write(folder.join("ca.pem"), params.self_signed(&key)?.pem())?;
    let issuer = Issuer::new(params, key);
    let (key, certificate) = issue("broker", &issuer)?;
    fs::write(folder.join("broker.pem"), key + &certificate)?;
    for name in names {
        let (key, certificate) = issue(name, &issuer)?;
        fs::write(folder.join(format!("{name}.key")), &key)?;
        fs::write(folder.join(format!("{name}.crt")), &certificate)?;
        // Java wants both in one file.
        fs::write(folder.join(format!("{name}.pem")), key + &certificate)?;
    }
    Ok(())
}

impl SecureKafka {
    /// Returns when the broker answers. It knows these users and "admin".
    pub fn start(names: &[&str]) -> Result<SecureKafka> {
        let mut server = Server::of("kafka.sh", "run-secure", Vec::new())?;
        let tls = server.folder().join("tls");
        fs::create_dir(&tls)?;
        let password = |name: &&str| ((*name).to_owned(), format!("{name}-{:016x}", number(name)));
        let users: BTreeMap<String, String> = names.iter().chain(&["admin"]).map(password).collect();
        certify(&tls, users.keys().map(String::as_str))?;
        let lines: String = users.iter().map(|(name, password)| format!("{name}={password}\n")).collect();
        fs::write(tls.join("users"), lines)?;
        for (name, password) in &users {
            fs::write(tls.join(format!("{name}.password")), password)?;
        }
        let mtls_port = free_port()?;
        server.more = vec![mtls_port.to_string(), tls.display().to_string()];
        let mut kafka = SecureKafka { server, mtls_port, tls, users };
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", kafka.bootstrap(Login::Mtls)).set("reconnect.backoff.max.ms", "100");
        for (name, value) in kafka.options("admin", Login::Mtls) {
            config.set(name, value);
        }
        let consumer: BaseConsumer = config.create()?;
        kafka.server.start(START_LIMIT, || {
            let metadata = consumer.client().fetch_metadata(None, Duration::from_millis(500));
            Ok(metadata.is_ok_and(|m| !m.brokers().is_empty()))
        })?;
        Ok(kafka)
    }

    /// Where this way of coming in is listened for.
    pub fn bootstrap(&self, login: Login) -> String {
        let port = if login == Login::Mtls { self.mtls_port } else { self.server.port() };
        format!("127.0.0.1:{port}")
    }

    /// A file of the folder with certificates and passwords: `ca.pem`, `NAME.crt`, `NAME.key`, `NAME.pem`, `NAME.password`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.tls.join(name)
    }

    /// Somebody's password.
    pub fn password(&self, user: &str) -> &str {
        &self.users[user]
    }

    /// Where the broker's output goes.
    pub fn log(&self) -> PathBuf {
        self.server.log()
    }

    /// librdkafka's properties for coming in as this user, all but the password.
    pub fn public(&self, user: &str, login: Login) -> Vec<(String, String)> {
        let file = |name: &str| self.file(name).display().to_string();
        let mechanism =
            |name: &str| vec![("security.protocol", "SASL_SSL".to_owned()), ("sasl.mechanisms", name.to_owned())];
        let mut options = match login {
            Login::Plain => mechanism("PLAIN"),
            Login::Scram => mechanism("SCRAM-SHA-512"),
            Login::OAuthBearer => mechanism("OAUTHBEARER"),
            Login::Mtls => vec![
                ("security.protocol", "SSL".to_owned()),
                ("ssl.certificate.location", file(&format!("{user}.crt"))),
                ("ssl.key.location", file(&format!("{user}.key"))),
            ],
        };
        match login {
            Login::Plain | Login::Scram => options.push(("sasl.username", user.to_owned())),
            Login::OAuthBearer => {
                options.push(("enable.sasl.oauthbearer.unsecure.jwt", "true".to_owned()));
                options.push(("sasl.oauthbearer.config", format!("principal={user}")));
            }
            Login::Mtls => {}
        }
        options.push(("ssl.ca.location", file("ca.pem")));
        options.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The same with the password, where there is one.
    pub fn options(&self, user: &str, login: Login) -> Vec<(String, String)> {
        let mut options = self.public(user, login);
        if matches!(login, Login::Plain | Login::Scram) {
            options.push(("sasl.password".to_owned(), self.password(user).to_owned()));
        }
        options
    }

    /// For clients of the engine.
    pub fn settings(&self, user: &str, login: Login) -> KafkaSettings {
        let options = self.options(user, login).into_iter().collect();
        KafkaSettings { bootstrap: self.bootstrap(login), options, instance: "test".into(), ..KafkaSettings::default() }
    }

    /// Flags of every command, the password in a file.
    pub fn flags(&self, user: &str, login: Login) -> Vec<String> {
        let mut flags = Vec::new();
        for (name, value) in self.public(user, login) {
            flags.extend(["--kafka-option".to_owned(), format!("{name}={value}")]);
        }
        if matches!(login, Login::Plain | Login::Scram) {
            let file = self.file(&format!("{user}.password"));
            flags.extend(["--kafka-secret".to_owned(), format!("sasl.password={}", file.display())]);
        }
        flags
    }
}

/// Another number for each name and each run.
fn number(name: &str) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(name)
}
