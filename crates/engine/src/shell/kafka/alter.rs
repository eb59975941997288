//! Changes single properties of a topic and leaves the others as they are (KIP-339). rdkafka wraps only the older call,
//! which sets back to its default whatever is not named.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::client::{Client, ClientContext};

/// Sets these properties of one topic: all of them or none.
pub(super) fn alter<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    values: &[(String, String)],
    wait: Duration,
) -> Result<(), String> {
    let text = |text: &str| CString::new(text).map_err(|_| format!("\"{text}\" has a zero byte"));
    let name = text(topic)?;
    let values: Vec<(CString, CString)> =
        values.iter().map(|(name, value)| Ok((text(name)?, text(value)?))).collect::<Result<_, String>>()?;
    // SAFETY: every pointer made here is destroyed here, in reverse order; librdkafka copies the texts; `client`
    // outlives the calls.
    unsafe {
        let resource =
            sys::rd_kafka_ConfigResource_new(sys::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC, name.as_ptr());
        let mut done = Ok(());
        for (name, value) in &values {
            let set = sys::rd_kafka_AlterConfigOpType_t::RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET;
            let error =
                sys::rd_kafka_ConfigResource_add_incremental_config(resource, name.as_ptr(), set, value.as_ptr());
            if !error.is_null() {
                done = Err(CStr::from_ptr(sys::rd_kafka_error_string(error)).to_string_lossy().into_owned());
                sys::rd_kafka_error_destroy(error);
            }
        }
        if done.is_ok() {
            let queue = sys::rd_kafka_queue_new(client.native_ptr());
            let mut resources = [resource];
            let (list, count) = (resources.as_mut_ptr(), resources.len());
            sys::rd_kafka_IncrementalAlterConfigs(client.native_ptr(), list, count, std::ptr::null(), queue);
            let event = sys::rd_kafka_queue_poll(queue, wait.as_millis() as i32);
            if event.is_null() {
                done = Err("no answer from the broker; it may or may not have changed".to_owned());
            } else {
                done = read(event);
                sys::rd_kafka_event_destroy(event);
            }
            sys::rd_kafka_queue_destroy(queue);
        }
        sys::rd_kafka_ConfigResource_destroy(resource);
        done
    }
}

/// # Safety
/// `event` must be a valid event; nothing read from it is kept.
unsafe fn read(event: *mut sys::rd_kafka_event_t) -> Result<(), String> {
    use sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR as NO_ERROR;
    // SAFETY: as above; librdkafka's accessors return pointers that live as long as the event.
    unsafe {
        if sys::rd_kafka_event_error(event) != NO_ERROR {
            return Err(CStr::from_ptr(sys::rd_kafka_event_error_string(event)).to_string_lossy().into_owned());
        }
        let result = sys::rd_kafka_event_IncrementalAlterConfigs_result(event);
        if result.is_null() {
            return Err("the broker answered something else".to_owned());
        }
        let mut count = 0;
        let resources = sys::rd_kafka_IncrementalAlterConfigs_result_resources(result, &mut count);
        for at in 0..count {
            let resource = *resources.add(at);
            let code = sys::rd_kafka_ConfigResource_error(resource);
            if code != NO_ERROR {
                let why = sys::rd_kafka_ConfigResource_error_string(resource);
                let why = if why.is_null() { sys::rd_kafka_err2str(code) } else { why };
                return Err(CStr::from_ptr(why).to_string_lossy().into_owned());
            }
        }
        Ok(())
    }
}
