//! `orderflow topics acls`: what topics.yaml lets each processor and each party do, for a broker's authorizer.

use std::path::PathBuf;

use catalog::access::{Operation, Party, Resource};
use engine::shell::kafka::{self, Acl, Admin, Pattern};
use serde_json::json;

use crate::failure::Failure;
use crate::options::Place;
use crate::topics::failed;

/// Flags of `topics acls`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Processors, owners and readers of topics.yaml, or deployer, operator, auditor; all of them when none is named
    #[arg(value_name = "PARTY")]
    parties: Vec<String>,
    /// Folder with topics.yaml and schemas/
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// What a principal's name begins with, such as "User:CN=" for certificates without mapping rules
    #[arg(long, value_name = "TEXT", default_value = "User:")]
    principal_prefix: String,
    /// Form of the output; "kafka-acls" is a shell script for Kafka's own tool
    #[arg(long, value_name = "FORM", default_value = "text")]
    format: Format,
    /// Creates them on the cluster; what the principals may do besides is not touched
    #[arg(long)]
    apply: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    KafkaAcls,
    Json,
}

/// Runs the command.
pub fn run(args: &Args, place: &Place) -> anyhow::Result<()> {
    let mut parties = super::catalog::load(&args.root)?.access();
    if let Some(unknown) = args.parties.iter().find(|name| !parties.iter().any(|party| party.name == **name)) {
        let known: Vec<&str> = parties.iter().map(|party| party.name.as_str()).collect();
        let hint = format!("there are {}", known.join(", "));
        return Err(Failure::usage("unknown-party", format!("\"{unknown}\" is not in topics.yaml"), hint).into());
    }
    parties.retain(|party| args.parties.is_empty() || args.parties.contains(&party.name));
    if args.apply {
        let acls: Vec<Acl> = parties.iter().flat_map(|party| acls(party, &args.principal_prefix)).collect();
        let admin = Admin::open(&place.kafka_only("tool")?).map_err(failed)?;
        admin.allow(&acls).map_err(failed)?;
        parties.iter().for_each(|party| outln!("{}{} may do what topics.yaml says", args.principal_prefix, party.name));
        return Ok(());
    }
    match args.format {
        Format::Text => parties.iter().for_each(text),
        Format::KafkaAcls => script(&parties, &args.principal_prefix),
        Format::Json => outln!("{}", serde_json::to_string_pretty(&json(&parties, &args.principal_prefix))?),
    }
    Ok(())
}

fn operations(of: &[Operation], between: &str) -> String {
    of.iter().map(|operation| operation.as_str()).collect::<Vec<_>>().join(between)
}

/// Kafka's tool reads "DescribeConfigs", not "DESCRIBE_CONFIGS".
fn in_camels(operation: &Operation) -> String {
    let word = |word: &str| word[..1].to_owned() + &word[1..].to_lowercase();
    operation.as_str().split('_').map(word).collect()
}

fn text(party: &Party) {
    let role = json!(party.role);
    outln!("{} ({})", party.name, role.as_str().unwrap_or_default());
    for grant in &party.grants {
        let name = format!("{} {}{}", grant.resource.as_str(), grant.name, if grant.prefix { "*" } else { "" });
        outln!("  {name:<40} {}", operations(&grant.operations, " "));
    }
}

/// Names are kebab words, version numbers and dots, so that quotes are enough for a shell.
fn script(parties: &[Party], prefix: &str) {
    outln!(
        "#!/bin/sh\n# BOOTSTRAP: host:port. CONFIG: a file with the properties of a principal that may ALTER the cluster.\nset -eu"
    );
    for party in parties {
        for grant in &party.grants {
            let pattern = if grant.prefix { " --resource-pattern-type prefixed" } else { "" };
            let operations: Vec<String> = grant.operations.iter().map(in_camels).collect();
            let operations = operations.join(" --operation ");
            outln!(
                "kafka-acls.sh --bootstrap-server \"$BOOTSTRAP\" --command-config \"$CONFIG\" --add \
                 --allow-principal '{prefix}{}' --{} '{}'{pattern} --operation {operations}",
                party.name,
                grant.resource.as_str(),
                grant.name
            );
        }
    }
}

fn json(parties: &[Party], prefix: &str) -> serde_json::Value {
    let party = |party: &Party| json!({ "principal": format!("{prefix}{}", party.name), "role": party.role, "grants": party.grants });
    parties.iter().map(party).collect()
}

fn acls(party: &Party, prefix: &str) -> Vec<Acl> {
    let mut acls = Vec::new();
    for grant in &party.grants {
        for operation in &grant.operations {
            acls.push(Acl {
                principal: format!("{prefix}{}", party.name),
                resource: match grant.resource {
                    Resource::Topic => kafka::Resource::Topic,
                    Resource::Group => kafka::Resource::Group,
                    Resource::TransactionalId => kafka::Resource::TransactionalId,
                },
                name: grant.name.clone(),
                pattern: if grant.prefix { Pattern::Prefixed } else { Pattern::Literal },
                operation: match operation {
                    Operation::Read => kafka::Operation::Read,
                    Operation::Write => kafka::Operation::Write,
                    Operation::Create => kafka::Operation::Create,
                    Operation::Delete => kafka::Operation::Delete,
                    Operation::Describe => kafka::Operation::Describe,
                    Operation::DescribeConfigs => kafka::Operation::DescribeConfigs,
                    Operation::AlterConfigs => kafka::Operation::AlterConfigs,
                },
            });
        }
    }
    acls
}
