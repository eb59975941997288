//! Who may do what, from the small map of the tests and from one that asks for less.

use crate::access::{Grant, Operation, Party, Resource, Role};
use crate::tests::{base, parsed};

fn party(name: &str) -> Party {
    let parties = parsed(base()).access();
    parties.into_iter().find(|party| party.name == name).unwrap_or_else(|| panic!("no party {name}"))
}

fn lines(party: &Party) -> Vec<String> {
    let line = |grant: &Grant| {
        let operations: Vec<&str> = grant.operations.iter().map(|operation| operation.as_str()).collect();
        let end = if grant.prefix { "*" } else { "" };
        format!("{} {}{end} {}", grant.resource.as_str(), grant.name, operations.join(" "))
    };
    party.grants.iter().map(line).collect()
}

#[test]
fn a_processor_may_do_what_its_entry_says() {
    let expected = [
        "topic answers.v1 WRITE DESCRIBE_CONFIGS",
        "topic asks.v1 READ DESCRIBE_CONFIGS",
        "topic keeper-changelog READ WRITE DESCRIBE_CONFIGS",
        "topic keeper-dlq WRITE DESCRIBE_CONFIGS",
        "topic keeper-order READ WRITE DESCRIBE_CONFIGS",
        "topic things.v1 WRITE DESCRIBE_CONFIGS",
        "group keeper READ",
        "transactional-id keeper.* WRITE",
    ];
    assert_eq!(lines(&party("keeper")), expected);
}

#[test]
fn a_processor_without_replies_writes_to_no_reply_topic() {
    let reader = lines(&party("reader"));
    assert!(reader.iter().all(|line| !line.contains("answers.v1") && !line.contains("asks.v1")), "{reader:?}");
    assert!(reader.contains(&"topic things.v1 READ DESCRIBE_CONFIGS".to_owned()), "{reader:?}");
}

#[test]
fn a_party_outside_writes_what_it_owns_and_reads_its_answers() {
    let outside = party("outside");
    assert_eq!(outside.role, Role::Outside);
    let expected =
        ["topic answers.v1 READ", "topic asks.v1 WRITE", "group orderflow-tail DESCRIBE", "group outside READ"];
    assert_eq!(lines(&outside), expected);
}

#[test]
fn only_the_operator_deletes_and_only_the_deployer_changes_topics() {
    for party in parsed(base()).access() {
        let may = |operation: Operation| {
            let with = |grant: &&Grant| grant.operations.contains(&operation);
            party.grants.iter().filter(with).map(|grant| grant.name.as_str()).collect::<Vec<_>>()
        };
        match party.role {
            Role::Operator => {
                assert_eq!(may(Operation::Delete), ["keeper-changelog", "reader-changelog"]);
                assert!(may(Operation::Write).is_empty());
            }
            _ => assert!(may(Operation::Delete).is_empty(), "{}", party.name),
        }
        assert_eq!(party.role == Role::Deployer, !may(Operation::AlterConfigs).is_empty(), "{}", party.name);
        if matches!(party.role, Role::Auditor | Role::Deployer) {
            assert!(may(Operation::Write).is_empty(), "{}", party.name);
        }
    }
}

#[test]
fn nobody_shares_a_transactional_id_or_a_group() {
    let parties = parsed(base()).access();
    let of = |resource: Resource| {
        parties.iter().flat_map(move |party| party.grants.iter().map(move |grant| (party, grant))).filter(
            move |(party, grant)| {
                grant.resource == resource && (party.role == Role::Processor || grant.operations == [Operation::Write])
            },
        )
    };
    for resource in [Resource::Group, Resource::TransactionalId] {
        for (party, grant) in of(resource) {
            for (other, name) in of(resource).filter(|(other, _)| other.name != party.name) {
                let taken = if grant.prefix { name.name.starts_with(&grant.name) } else { name.name == grant.name };
                assert!(!taken, "{} may use what is {}'s: {}", party.name, other.name, name.name);
            }
        }
    }
}
