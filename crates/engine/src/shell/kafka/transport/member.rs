//! Whether the group has taken us as a member, where nothing is assigned that would say so.
#![allow(unsafe_code)]

use std::time::{Duration, Instant};

use rdkafka::bindings as sys;
use rdkafka::client::{Client, ClientContext};
use rdkafka::consumer::Consumer as _;

use crate::shell::transport::{Change, Fetched};

use super::super::settings::GroupProtocol;
use super::KafkaTransport;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// A member that was given nothing for this long is a spare: some heartbeats.
const SPARE: Duration = Duration::from_secs(5);

/// What the group has said of us since we joined.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// It has answered with an assignment, be it an empty one.
    pub(super) answered: bool,
    looked: Option<Instant>,
    member_since: Option<Instant>,
}

impl KafkaTransport {
    /// With the consumer protocol an empty assignment is not reported, so a member that was given nothing for a while counts
    /// as a spare. The classic protocol reports it.
    pub(super) fn look_at_membership(&mut self, into: &mut Fetched) {
        let Some(consumer) = &self.consumer else { return };
        let looked = self.standing.looked.is_some_and(|at| at.elapsed() < LOOK);
        if self.standing.answered || looked || self.settings.protocol == GroupProtocol::Classic {
            return;
        }
        self.standing.looked = Some(Instant::now());
        if !is_member(consumer.client()) {
            self.standing.member_since = None;
        } else if self.standing.member_since.get_or_insert_with(Instant::now).elapsed() > SPARE {
            self.standing.answered = true;
            into.changes.push(Change::Assigned(Vec::new()));
        }
    }
}

/// Whether the client has an epoch in its group: 0 and below mean that it is joining or out.
fn is_member<C: ClientContext>(client: &Client<C>) -> bool {
    // SAFETY: `client` outlives the calls; what is made here is destroyed here.
    unsafe {
        let metadata = sys::rd_kafka_consumer_group_metadata(client.native_ptr());
        if metadata.is_null() {
            return false;
        }
        let epoch = sys::rd_kafka_consumer_group_metadata_generation_id(metadata);
        sys::rd_kafka_consumer_group_metadata_destroy(metadata);
        epoch > 0
    }
}
