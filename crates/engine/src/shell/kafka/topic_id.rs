//! A topic's identity, which changes when it is deleted and created again. rdkafka does not wrap this admin call.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::os::raw::c_char;
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::client::{Client, ClientContext};

/// The topic's id in base64, as Kafka's own tools print it.
pub(super) fn topic_id<C: ClientContext>(client: &Client<C>, topic: &str, wait: Duration) -> Result<String, String> {
    let name = CString::new(topic).map_err(|_| format!("topic \"{topic}\": a name with a zero byte"))?;
    let mut names: [*const c_char; 1] = [name.as_ptr()];
    // SAFETY: every pointer made here is destroyed here, in reverse order; `client` outlives the calls.
    unsafe {
        let queue = sys::rd_kafka_queue_new(client.native_ptr());
        let topics = sys::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), 1);
        sys::rd_kafka_DescribeTopics(client.native_ptr(), topics, std::ptr::null(), queue);
        let event = sys::rd_kafka_queue_poll(queue, wait.as_millis() as i32);
        let found = if event.is_null() {
            Err(format!("topic \"{topic}\": no answer from the broker"))
        } else {
            read(event, topic)
        };
        if !event.is_null() {
            sys::rd_kafka_event_destroy(event);
        }
        sys::rd_kafka_TopicCollection_destroy(topics);
        sys::rd_kafka_queue_destroy(queue);
        found
    }
}

/// # Safety
/// `event` must be a valid event; nothing read from it is kept.
unsafe fn read(event: *mut sys::rd_kafka_event_t, topic: &str) -> Result<String, String> {
    // SAFETY: as above; librdkafka's accessors return pointers that live as long as the event.
    unsafe {
        let result = sys::rd_kafka_event_DescribeTopics_result(event);
        if result.is_null() {
            let why = CStr::from_ptr(sys::rd_kafka_event_error_string(event)).to_string_lossy();
            return Err(format!("topic \"{topic}\": {why}"));
        }
        let mut count = 0;
        let found = sys::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        if count == 0 || found.is_null() {
            return Err(format!("topic \"{topic}\": the broker describes none"));
        }
        let description = *found;
        let error = sys::rd_kafka_TopicDescription_error(description);
        if !error.is_null() && sys::rd_kafka_error_code(error) != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            let why = CStr::from_ptr(sys::rd_kafka_error_string(error)).to_string_lossy();
            return Err(format!("topic \"{topic}\": {why}"));
        }
        let id = sys::rd_kafka_TopicDescription_topic_id(description);
        Ok(CStr::from_ptr(sys::rd_kafka_Uuid_base64str(id)).to_string_lossy().into_owned())
    }
}
