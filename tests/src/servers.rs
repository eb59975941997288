//! A real Kafka and a real schema registry, each on a free loopback port and in a temporary folder.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use serde_json::{Value, json};

use crate::child::Server;
use crate::wait::{block_on, eventually};

/// Generous: on two busy cores a JVM that needs 3 s alone has been seen to need 20, and the first start downloads.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(180);

/// A one-node Kafka, gone when dropped. Starting one takes seconds and 400-700 MB: use [`shared_kafka`] unless the test
/// kills or stops it.
pub struct Kafka {
    server: Server,
    /// Where it runs apart from the broker.
    _controller: Option<Server>,
}

impl Kafka {
    /// Returns when the broker answers; its log is the error when it does not.
    pub fn start() -> Result<Kafka> {
        let mut kafka = Kafka { server: Server::new("kafka.sh")?, _controller: None };
        kafka.restart()?;
        Ok(kafka)
    }

    /// The same with a controller of its own, which outlives [`Kafka::kill`]: what a kill in the middle of commits needs
    /// (tests/servers/kafka/server.properties says why).
    pub fn with_a_controller_apart() -> Result<Kafka> {
        let mut controller = Server::of("kafka.sh", "run-controller", Vec::new())?;
        let port = controller.port();
        controller.start(START_LIMIT, || Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()))?;
        let server = Server::of("kafka.sh", "run-broker", vec![port.to_string()])?;
        let mut kafka = Kafka { server, _controller: Some(controller) };
        kafka.restart()?;
        Ok(kafka)
    }

    /// `host:port`, the same after every restart.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.server.port())
    }

    /// The broker's process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.server.pid()
    }

    /// SIGKILL: a crash. Returns when the broker is gone.
    pub fn kill(&mut self) -> Result<()> {
        self.server.kill()
    }

    /// SIGTERM: a controlled shutdown. Returns when the broker is gone.
    pub fn stop(&mut self) -> Result<()> {
        self.server.stop()
    }

    /// Starts it again on the same port and data after [`Kafka::kill`] or [`Kafka::stop`].
    pub fn restart(&mut self) -> Result<()> {
        let consumer: BaseConsumer = self.client().create()?;
        self.server.start(START_LIMIT, || {
            let metadata = consumer.client().fetch_metadata(None, Duration::from_millis(500));
            Ok(metadata.is_ok_and(|m| !m.brokers().is_empty()))
        })
    }

    /// Where the broker's output goes, over all its restarts.
    pub fn log(&self) -> PathBuf {
        self.server.log()
    }

    /// Creates a topic and fails if it exists. `config` holds topic settings such as `("cleanup.policy", "compact")`.
    pub fn create_topic(&self, name: &str, partitions: i32, config: &[(&str, &str)]) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.client().create()?;
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (key, value) in config {
            topic = topic.set(key, value);
        }
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(60)));
        for created in block_on(admin.create_topics(&[topic], &options))? {
            created.map_err(|(topic, code)| anyhow!("cannot create topic \"{topic}\": {code}"))?;
        }
        Ok(())
    }

    /// Makes a topic one of more partitions, which `orderflow` would never do.
    pub fn add_partitions(&self, topic: &str, partitions: usize) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.client().create()?;
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(60)));
        let more = NewPartitions::new(topic, partitions);
        for added in block_on(admin.create_partitions(&[more], &options))? {
            added.map_err(|(topic, code)| anyhow!("cannot add partitions to topic \"{topic}\": {code}"))?;
        }
        Ok(())
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        // While the broker starts, look again every 100 ms and not after ever longer pauses.
        config.set("bootstrap.servers", self.bootstrap()).set("reconnect.backoff.max.ms", "100");
        config
    }
}

/// One Kafka for all tests of this process; it ends with the process. Tests that use it choose topic names of their own.
pub fn shared_kafka() -> Result<&'static Kafka> {
    static SHARED: OnceLock<Result<Kafka, String>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| Kafka::start().map_err(|error| format!("{error:?}")));
    shared.as_ref().map_err(|error| anyhow!("the shared Kafka did not start: {error}"))
}

/// A schema registry that speaks Confluent's API and begins with compatibility BACKWARD, gone when dropped.
pub struct Registry {
    server: Server,
}

impl Registry {
    /// Returns when the registry answers; its log is the error when it does not.
    pub fn start() -> Result<Registry> {
        let mut registry = Registry { server: Server::new("registry.sh")? };
        registry.restart()?;
        // Apicurio's own default is NONE, which no deployment we mean to serve would leave as it is.
        let (status, answer) = registry.call("PUT", "/config", Some(&json!({ "compatibility": "BACKWARD" })))?;
        ensure!(status == 200, "the registry refused compatibility BACKWARD: {status} {answer}");
        Ok(registry)
    }

    /// The base of the Confluent API, without a slash at the end; the same after every restart.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}{API}", self.server.port())
    }

    /// SIGTERM. Returns when the registry is gone: until [`Registry::restart`] its port refuses connections.
    pub fn stop(&mut self) -> Result<()> {
        self.server.stop()
    }

    /// Starts it again on the same port after [`Registry::stop`], with the schemas, ids and levels it had.
    pub fn restart(&mut self) -> Result<()> {
        let port = self.server.port();
        self.server.start(START_LIMIT, || Ok(http(port, "GET", "/config", None).is_ok_and(|(status, _)| status == 200)))
    }

    /// Where the registry's output goes, over all its restarts.
    pub fn log(&self) -> PathBuf {
        self.server.log()
    }

    /// One request to the Confluent API: `path` begins with a slash and follows [`Registry::url`]. The status and the
    /// JSON of the answer, `Null` for none.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(u16, Value)> {
        // On a busy machine it was seen to take a request and to hang up without a word. Each of ours may be repeated.
        let mut tries = 0;
        eventually("an answer of the registry", START_LIMIT, || {
            tries += 1;
            match http(self.server.port(), method, path, body) {
                Err(error) if tries == 5 => Err(error),
                answer => Ok(answer.ok()),
            }
        })
    }
}

const API: &str = "/apis/ccompat/v7";

/// HTTP/1.0, so that the answer is neither chunked nor kept open: it ends with the connection.
fn http(port: u16, method: &str, path: &str, body: Option<&Value>) -> Result<(u16, Value)> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    write!(
        stream,
        "{method} {API}{path} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("an HTTP answer without an end of its headers")?;
    let status = head.split(' ').nth(1).context("an HTTP answer without a status")?.parse()?;
    let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body)? };
    Ok((status, body))
}
