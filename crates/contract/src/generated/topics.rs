// Generated from topics.yaml and schemas/ by `make contract`; do not edit.
//! Every topic as a broker is to have it.

use crate::TopicSpec;

/// Declared topics in the order of topics.yaml, then four internal ones per processor.
pub const TOPICS: &[TopicSpec] = &[
    TopicSpec {
        name: "order-commands.v1",
        kind: "command",
        partitions: 12,
        config: &[
            ("cleanup.policy", "delete"),
            ("max.message.bytes", "1048588"),
            ("retention.ms", "2592000000"),
        ],
    },
    TopicSpec {
        name: "orders.v1",
        kind: "fact",
        partitions: 12,
        config: &[
            ("cleanup.policy", "delete"),
            ("max.message.bytes", "1048588"),
            ("retention.ms", "2592000000"),
        ],
    },
    TopicSpec {
        name: "item-commands.v1",
        kind: "command",
        partitions: 12,
        config: &[
            ("cleanup.policy", "delete"),
            ("max.message.bytes", "1048588"),
            ("retention.ms", "2592000000"),
        ],
    },
    TopicSpec {
        name: "item-requests.v1",
        kind: "request",
        partitions: 12,
        config: &[
            ("cleanup.policy", "delete"),
            ("max.message.bytes", "1048588"),
            ("retention.ms", "2592000000"),
        ],
    },
    TopicSpec {
        name: "items.v1",
        kind: "fact",
        partitions: 12,
        config: &[
            ("cleanup.policy", "delete"),
            ("max.message.bytes", "1048588"),
            ("retention.ms", "2592000000"),
        ],
    },
    TopicSpec {
        name: "item-results.v1",
        kind: "fact",
        partitions: 12,
        config: &[
            ("cleanup.policy", "delete"),
            ("max.message.bytes", "1048588"),
            ("retention.ms", "2592000000"),
        ],
    },
    TopicSpec {
        name: "order-events.v1",
        kind: "fact",
        partitions: 12,
        config: &[
            ("cleanup.policy", "delete"),
            ("max.message.bytes", "1048588"),
            ("retention.ms", "2592000000"),
        ],
    },
    TopicSpec {
        name: "order-replies.v1",
        kind: "reply",
        partitions: 12,
        config: &[
            ("cleanup.policy", "delete"),
            ("max.message.bytes", "1048588"),
            ("retention.ms", "2592000000"),
        ],
    },
    TopicSpec {
        name: "order-intake-changelog",
        kind: "changelog",
        partitions: 12,
        config: &[
            ("cleanup.policy", "compact,delete"),
            ("max.message.bytes", "1048588"),
            ("retention.bytes", "-1"),
            ("retention.ms", "-1"),
        ],
    },
    TopicSpec {
        name: "order-intake-dedup",
        kind: "dedup",
        partitions: 12,
        config: &[
            ("cleanup.policy", "delete"),
            ("max.message.bytes", "1048588"),
            ("retention.bytes", "-1"),
            ("retention.ms", "-1"),
        ],
    },
    TopicSpec {
        name: "order-intake-order",
        kind: "order",
        partitions: 12,
        config: &[
            ("cleanup.policy", "delete"),
            ("max.message.bytes", "1048588"),
            ("retention.ms", "2592000000"),
        ],
    },
    TopicSpec {
        name: "order-intake-dlq",
        kind: "dead-letter",
        partitions: 12,
        config: &[
            ("cleanup.policy", "delete"),
            ("max.message.bytes", "8388608"),
            ("retention.ms", "2592000000"),
        ],
    },
    TopicSpec {
        name: "item-lookup-changelog",
        kind: "changelog",
        partitions: 12,
        config: &[
            ("cleanup.policy", "compact,delete"),
            ("max.message.bytes", "1048588"),
            ("retention.bytes", "-1"),
            ("retention.ms", "-1"),
        ],
    },
    TopicSpec {
        name: "item-lookup-dedup",
        kind: "dedup",
        partitions: 12,
        config: &[
            ("cleanup.policy", "delete"),
            ("max.message.bytes", "1048588"),
            ("retention.bytes", "-1"),
            ("retention.ms", "-1"),
        ],
    },
    TopicSpec {
        name: "item-lookup-order",
        kind: "order",
        partitions: 12,
        config: &[
            ("cleanup.policy", "delete"),
            ("max.message.bytes", "1048588"),
            ("retention.ms", "2592000000"),
        ],
    },
    TopicSpec {
        name: "item-lookup-dlq",
        kind: "dead-letter",
        partitions: 12,
        config: &[
            ("cleanup.policy", "delete"),
            ("max.message.bytes", "8388608"),
            ("retention.ms", "2592000000"),
        ],
    },
    TopicSpec {
        name: "fulfilment-changelog",
        kind: "changelog",
        partitions: 12,
        config: &[
            ("cleanup.policy", "compact,delete"),
            ("max.message.bytes", "1048588"),
            ("retention.bytes", "-1"),
            ("retention.ms", "-1"),
        ],
    },
    TopicSpec {
        name: "fulfilment-dedup",
        kind: "dedup",
        partitions: 12,
        config: &[
            ("cleanup.policy", "delete"),
            ("max.message.bytes", "1048588"),
            ("retention.bytes", "-1"),
            ("retention.ms", "-1"),
        ],
    },
    TopicSpec {
        name: "fulfilment-order",
        kind: "order",
        partitions: 12,
        config: &[
            ("cleanup.policy", "delete"),
            ("max.message.bytes", "1048588"),
            ("retention.ms", "2592000000"),
        ],
    },
    TopicSpec {
        name: "fulfilment-dlq",
        kind: "dead-letter",
        partitions: 12,
        config: &[
            ("cleanup.policy", "delete"),
            ("max.message.bytes", "8388608"),
            ("retention.ms", "2592000000"),
        ],
    },
];
