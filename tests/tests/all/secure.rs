//! A real Kafka with TLS, SASL and ACLs: who comes in, what they may do there, and what is said to those who may not.

#[path = "secure/acls.rs"]
mod acls;
#[path = "secure/secrets.rs"]
mod secrets;

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use tests::{Login, Program, SecureKafka};

/// Who the broker knows besides "admin".
const USERS: [&str; 9] =
    ["order-intake", "item-lookup", "fulfilment", "shop", "catalogue", "deployer", "operator", "auditor", "nobody"];
/// For what takes seconds on a quiet machine.
const LIMIT: Duration = Duration::from_secs(180);

/// One for all tests of this file; it ends with the process.
fn kafka() -> Result<&'static SecureKafka> {
    static SHARED: OnceLock<Result<SecureKafka, String>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| SecureKafka::start(&USERS).map_err(|error| format!("{error:?}")));
    shared.as_ref().map_err(|error| anyhow!("the secure Kafka did not start: {error}"))
}

/// Commands as this user.
fn program(user: &str, login: Login) -> Result<Program> {
    let kafka = kafka()?;
    Ok(Program::new(&kafka.bootstrap(login))?.with_flags(kafka.flags(user, login)))
}

#[test]
fn secure_every_way_of_coming_in_works() -> Result<()> {
    for login in [Login::Mtls, Login::Plain, Login::Scram, Login::OAuthBearer] {
        program("admin", login)?.judge(|program| {
            let done = program.ok(&["topics", "plan"])?;
            ensure!(done.out.contains(" to create, "), "{login:?}: {done}");
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn secure_who_is_not_let_in_is_told_why() -> Result<()> {
    let kafka = kafka()?;
    for login in [Login::Plain, Login::Scram] {
        let mut flags = kafka.flags("admin", login);
        flags.extend(["--kafka-option".to_owned(), "sasl.username=shop".to_owned()]);
        let program = Program::new(&kafka.bootstrap(login))?.with_flags(flags);
        program.judge(|program| {
            let refused = program.fails(&["topics", "plan"], 3, "broker-refuses")?;
            ensure!(refused.err.contains("refuses the credentials"), "{login:?}: {refused}");
            let refused = program.fails(&["order", "submit", "--item", "a=1"], 3, "broker-refuses")?;
            ensure!(refused.err.contains("refuses the credentials"), "{login:?}: {refused}");
            let refused = program.fails(&["run", "order-intake"], 3, "broker-refuses")?;
            ensure!(refused.err.contains("refuses the credentials"), "{login:?}: {refused}");
            Ok(())
        })?;
    }
    // The system's authorities have not signed this broker's certificate.
    let mut flags = kafka.flags("admin", Login::Scram);
    flags.extend(["--kafka-option".to_owned(), "ssl.ca.location=probe".to_owned()]);
    let program = Program::new(&kafka.bootstrap(Login::Scram))?.with_flags(flags);
    program.judge(|program| {
        let refused = program.fails(&["topics", "plan"], 3, "broker-refuses")?;
        ensure!(refused.err.contains("certificate verify failed"), "{refused}");
        Ok(())
    })
}
