//! One change of topics.yaml, one snapshot.

use crate::review::text;
use crate::tests::edited;
use crate::tests::review::{compared, shop};

fn edit(from: &str, to: &str) -> String {
    text(&compared(&shop(), &edited(shop(), "topics.yaml", from, to)), false)
}

macro_rules! snapshots {
    ($($name:ident: $from:expr => $to:expr;)*) => {
        $(#[test]
        fn $name() {
            insta::assert_snapshot!(edit($from, $to));
        })*
    };
}

snapshots! {
    partitions_of_all_topics: "partitions: 12" => "partitions: 24";
    partitions_of_one_topic: "    retention: 90d" => "    retention: 90d\n    partitions: 24";
    retention_shrunk: "retention: 90d" => "retention: 10d";
    retention_grown: "retention: 90d" => "retention: 900d";
    a_key_changed: "key: customer_id\n    owner: customers" => "key: customer_mail\n    owner: customers";
    a_topic_compacted: "    retention: 90d" => "    retention: 90d\n    compacted: true";
    an_owner_changed: "owner: customers" => "owner: billing";
    a_topic_removed: "  customers.v1:\n    kind: fact\n    key: customer_id\n    owner: customers\n    records: [SignedUp]\n    about: Who signed up.\n    retention: 90d\n" => "";
    a_topic_added: "processors:" => "  more.v1:\n    kind: fact\n    key: customer_id\n    owner: billing\n    records: []\n    about: More.\nprocessors:";
    an_input_more: "in: [customer-commands.v1]" => "in: [customer-commands.v1, customers.v1]";
    an_output_less: "    out: [customers.v1]\n" => "";
    a_processor_removed: "  mailing:\n    about: Writes to customers.\n    in: [customers.v1]\n    dedup: { window: 7d }\n" => "";
    a_window_shrunk: "dedup: { window: 7d }\n  billing" => "dedup: { window: 1d }\n  billing";
    state_dropped: "    state: { record: state/customer.avsc }\n" => "";
}
