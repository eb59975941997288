//! Lets principals do things (KIP-140). rdkafka does not wrap this admin call.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::client::{Client, ClientContext};

/// One thing that one principal may do from any host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acl {
    /// `User:order-intake`
    pub principal: String,
    pub resource: Resource,
    pub name: String,
    pub pattern: Pattern,
    pub operation: Operation,
}

/// What an ACL is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    Topic,
    Group,
    TransactionalId,
}

/// Whether the name is the whole name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    Literal,
    Prefixed,
}

/// What may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Read,
    Write,
    Create,
    Delete,
    Describe,
    DescribeConfigs,
    AlterConfigs,
}

/// Creates ACLs; one that exists stays as it is. The first that the broker refuses is the error.
pub(super) fn create<C: ClientContext>(client: &Client<C>, acls: &[Acl], wait: Duration) -> Result<(), String> {
    let text = |text: &str| CString::new(text).map_err(|_| format!("\"{text}\" has a zero byte"));
    let names = |acl: &Acl| Ok((text(&acl.name)?, text(&acl.principal)?));
    let names: Vec<(CString, CString)> = acls.iter().map(names).collect::<Result<_, String>>()?;
    // SAFETY: every pointer made here is destroyed here, in reverse order; librdkafka copies the texts; `client`
    // outlives the calls.
    unsafe {
        let mut bindings = Vec::new();
        let mut done = Ok(());
        for (acl, (name, principal)) in acls.iter().zip(&names) {
            let mut why = [0; 256];
            let binding = sys::rd_kafka_AclBinding_new(
                resource(acl.resource),
                name.as_ptr(),
                pattern(acl.pattern),
                principal.as_ptr(),
                c"*".as_ptr(),
                operation(acl.operation),
                sys::rd_kafka_AclPermissionType_t::RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW,
                why.as_mut_ptr(),
                why.len(),
            );
            if binding.is_null() {
                done = Err(format!("{}: {}", acl.name, CStr::from_ptr(why.as_ptr()).to_string_lossy()));
                break;
            }
            bindings.push(binding);
        }
        if done.is_ok() && !bindings.is_empty() {
            let queue = sys::rd_kafka_queue_new(client.native_ptr());
            let (list, count) = (bindings.as_mut_ptr(), bindings.len());
            sys::rd_kafka_CreateAcls(client.native_ptr(), list, count, std::ptr::null(), queue);
            let event = sys::rd_kafka_queue_poll(queue, wait.as_millis() as i32);
            if event.is_null() {
                done = Err("no answer from the broker; they may or may not have been created".to_owned());
            } else {
                done = read(event, acls);
                sys::rd_kafka_event_destroy(event);
            }
            sys::rd_kafka_queue_destroy(queue);
        }
        for binding in bindings {
            sys::rd_kafka_AclBinding_destroy(binding);
        }
        done
    }
}

/// # Safety
/// `event` must be a valid event; nothing read from it is kept.
unsafe fn read(event: *mut sys::rd_kafka_event_t, acls: &[Acl]) -> Result<(), String> {
    use sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR as NO_ERROR;
    // SAFETY: as above; librdkafka's accessors return pointers that live as long as the event.
    unsafe {
        if sys::rd_kafka_event_error(event) != NO_ERROR {
            return Err(CStr::from_ptr(sys::rd_kafka_event_error_string(event)).to_string_lossy().into_owned());
        }
        let result = sys::rd_kafka_event_CreateAcls_result(event);
        if result.is_null() {
            return Err("the broker answered something else".to_owned());
        }
        let mut count = 0;
        let results = sys::rd_kafka_CreateAcls_result_acls(result, &mut count);
        for (at, acl) in acls.iter().enumerate().take(count) {
            let error = sys::rd_kafka_acl_result_error(*results.add(at));
            if !error.is_null() {
                // Of a refusal the broker's own text prints its data structures.
                let denied = sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
                let why = match sys::rd_kafka_error_code(error) {
                    code if code == denied => sys::rd_kafka_err2str(code),
                    _ => sys::rd_kafka_error_string(error),
                };
                let why = CStr::from_ptr(why).to_string_lossy();
                return Err(format!("\"{}\" for \"{}\": {why}", acl.principal, acl.name));
            }
        }
        Ok(())
    }
}

fn resource(of: Resource) -> sys::rd_kafka_ResourceType_t {
    use sys::rd_kafka_ResourceType_t as Type;
    match of {
        Resource::Topic => Type::RD_KAFKA_RESOURCE_TOPIC,
        Resource::Group => Type::RD_KAFKA_RESOURCE_GROUP,
        Resource::TransactionalId => Type::RD_KAFKA_RESOURCE_TRANSACTIONAL_ID,
    }
}

fn pattern(of: Pattern) -> sys::rd_kafka_ResourcePatternType_t {
    use sys::rd_kafka_ResourcePatternType_t as Type;
    match of {
        Pattern::Literal => Type::RD_KAFKA_RESOURCE_PATTERN_LITERAL,
        Pattern::Prefixed => Type::RD_KAFKA_RESOURCE_PATTERN_PREFIXED,
    }
}

fn operation(of: Operation) -> sys::rd_kafka_AclOperation_t {
    use sys::rd_kafka_AclOperation_t as Type;
    match of {
        Operation::Read => Type::RD_KAFKA_ACL_OPERATION_READ,
        Operation::Write => Type::RD_KAFKA_ACL_OPERATION_WRITE,
        Operation::Create => Type::RD_KAFKA_ACL_OPERATION_CREATE,
        Operation::Delete => Type::RD_KAFKA_ACL_OPERATION_DELETE,
        Operation::Describe => Type::RD_KAFKA_ACL_OPERATION_DESCRIBE,
        Operation::DescribeConfigs => Type::RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS,
        Operation::AlterConfigs => Type::RD_KAFKA_ACL_OPERATION_ALTER_CONFIGS,
    }
}
