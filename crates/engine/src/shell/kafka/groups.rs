//! Who is in a consumer group, of either protocol. rdkafka wraps only the older call, which does not know the groups of
//! KIP-848.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::os::raw::c_char;
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::client::{Client, ClientContext};

/// A consumer group as its coordinator describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    pub state: GroupState,
    /// `Some(true)` for the consumer protocol (KIP-848), `Some(false)` for the classic one.
    pub consumer_protocol: Option<bool>,
    pub members: Vec<Member>,
}

impl Group {
    /// One that does not exist.
    pub(super) fn unknown(name: &str) -> Group {
        Group { name: name.to_owned(), state: GroupState::Dead, consumer_protocol: None, members: Vec::new() }
    }
}

/// What a group is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupState {
    /// Partitions are being handed out.
    Rebalancing,
    Stable,
    /// It has committed offsets and no members.
    Empty,
    /// The coordinator does not know it.
    Dead,
    Unknown,
}

/// One worker in a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Member {
    /// The static member id; empty for a dynamic member.
    pub instance: String,
    pub host: String,
    /// Topic and partition.
    pub assigned: Vec<(String, u32)>,
}

/// Describes groups, in the order of `names`; one that does not exist is [`GroupState::Dead`].
pub(super) fn describe<C: ClientContext>(
    client: &Client<C>,
    names: &[&str],
    wait: Duration,
) -> Result<Vec<Group>, String> {
    let texts: Vec<CString> = names
        .iter()
        .map(|name| CString::new(*name).map_err(|_| format!("group \"{name}\": a name with a zero byte")))
        .collect::<Result<_, String>>()?;
    let mut pointers: Vec<*const c_char> = texts.iter().map(|text| text.as_ptr()).collect();
    // SAFETY: every pointer made here is destroyed here, in reverse order; librdkafka copies the names; `client`
    // outlives the calls.
    unsafe {
        let options = sys::rd_kafka_AdminOptions_new(
            client.native_ptr(),
            sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS,
        );
        let millis = wait.as_millis() as i32;
        sys::rd_kafka_AdminOptions_set_request_timeout(options, millis, std::ptr::null_mut(), 0);
        let queue = sys::rd_kafka_queue_new(client.native_ptr());
        sys::rd_kafka_DescribeConsumerGroups(
            client.native_ptr(),
            pointers.as_mut_ptr(),
            pointers.len(),
            options,
            queue,
        );
        // The library's own limit ends the call; the second one is for a library that does not.
        let event = sys::rd_kafka_queue_poll(queue, millis.saturating_add(5_000));
        let found = if event.is_null() { Err("no answer from the broker".to_owned()) } else { read(event) };
        if !event.is_null() {
            sys::rd_kafka_event_destroy(event);
        }
        sys::rd_kafka_queue_destroy(queue);
        sys::rd_kafka_AdminOptions_destroy(options);
        found.map(|found| sorted(found, names))
    }
}

/// librdkafka answers in the order of arrival.
fn sorted(found: Vec<Group>, names: &[&str]) -> Vec<Group> {
    let group = |name: &&str| found.iter().find(|group| group.name == *name).cloned();
    names.iter().map(|name| group(name).unwrap_or_else(|| Group::unknown(name))).collect()
}

/// # Safety
/// `event` must be a valid event; nothing read from it is kept.
unsafe fn read(event: *mut sys::rd_kafka_event_t) -> Result<Vec<Group>, String> {
    use sys::rd_kafka_resp_err_t as Code;
    // SAFETY: as above; librdkafka's accessors return pointers that live as long as the event.
    unsafe {
        if sys::rd_kafka_event_error(event) != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(text(sys::rd_kafka_event_error_string(event)));
        }
        let result = sys::rd_kafka_event_DescribeConsumerGroups_result(event);
        if result.is_null() {
            return Err("the broker answered something else".to_owned());
        }
        let mut count = 0;
        let groups = sys::rd_kafka_DescribeConsumerGroups_result_groups(result, &mut count);
        let mut found = Vec::with_capacity(count);
        for at in 0..count {
            let group = *groups.add(at);
            let name = text(sys::rd_kafka_ConsumerGroupDescription_group_id(group));
            let error = sys::rd_kafka_ConsumerGroupDescription_error(group);
            let code = if error.is_null() { Code::RD_KAFKA_RESP_ERR_NO_ERROR } else { sys::rd_kafka_error_code(error) };
            match code {
                Code::RD_KAFKA_RESP_ERR_NO_ERROR => found.push(described(name, group)),
                // Never joined and never committed.
                Code::RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND => {}
                _ => return Err(format!("group \"{name}\": {}", text(sys::rd_kafka_error_string(error)))),
            }
        }
        Ok(found)
    }
}

/// # Safety
/// `group` must be a valid description.
unsafe fn described(name: String, group: *const sys::rd_kafka_ConsumerGroupDescription_t) -> Group {
    use sys::rd_kafka_consumer_group_state_t as State;
    use sys::rd_kafka_consumer_group_type_t as Type;
    // SAFETY: as above.
    unsafe {
        let state = match sys::rd_kafka_ConsumerGroupDescription_state(group) {
            State::RD_KAFKA_CONSUMER_GROUP_STATE_PREPARING_REBALANCE
            | State::RD_KAFKA_CONSUMER_GROUP_STATE_COMPLETING_REBALANCE => GroupState::Rebalancing,
            State::RD_KAFKA_CONSUMER_GROUP_STATE_STABLE => GroupState::Stable,
            State::RD_KAFKA_CONSUMER_GROUP_STATE_EMPTY => GroupState::Empty,
            State::RD_KAFKA_CONSUMER_GROUP_STATE_DEAD => GroupState::Dead,
            _ => GroupState::Unknown,
        };
        let consumer_protocol = match sys::rd_kafka_ConsumerGroupDescription_type(group) {
            Type::RD_KAFKA_CONSUMER_GROUP_TYPE_CONSUMER => Some(true),
            Type::RD_KAFKA_CONSUMER_GROUP_TYPE_CLASSIC => Some(false),
            _ => None,
        };
        let count = sys::rd_kafka_ConsumerGroupDescription_member_count(group);
        let members = (0..count).map(|at| member(sys::rd_kafka_ConsumerGroupDescription_member(group, at)));
        Group { name, state, consumer_protocol, members: members.collect() }
    }
}

/// # Safety
/// `member` must be a valid description.
unsafe fn member(member: *const sys::rd_kafka_MemberDescription_t) -> Member {
    // SAFETY: as above; a list of partitions has `cnt` elements.
    unsafe {
        let mut assigned = Vec::new();
        let assignment = sys::rd_kafka_MemberDescription_assignment(member);
        let list =
            if assignment.is_null() { std::ptr::null() } else { sys::rd_kafka_MemberAssignment_partitions(assignment) };
        if !list.is_null() {
            for at in 0..(*list).cnt.max(0) as usize {
                let part = (*list).elems.add(at);
                assigned.push((text((*part).topic), (*part).partition.max(0) as u32));
            }
        }
        Member {
            instance: text(sys::rd_kafka_MemberDescription_group_instance_id(member)),
            host: text(sys::rd_kafka_MemberDescription_host(member)),
            assigned,
        }
    }
}

/// # Safety
/// `pointer` must be null or a text that ends with a zero byte.
unsafe fn text(pointer: *const c_char) -> String {
    // SAFETY: as above.
    unsafe { if pointer.is_null() { String::new() } else { CStr::from_ptr(pointer).to_string_lossy().into_owned() } }
}
