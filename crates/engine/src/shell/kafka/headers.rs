//! Record headers byte for byte: rdkafka panics on a name that is not UTF-8, and takes none that is.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::os::raw::{c_char, c_void};
use std::ptr;

use rdkafka::bindings as sys;
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, OwnedHeaders};

use crate::core::headers::Header;

const OK: sys::rd_kafka_resp_err_t = sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;

/// Calls `visit` for each header of a message, in order. librdkafka ends a name at its first zero byte. Headers that it
/// cannot parse count as none.
pub(super) fn each(message: &BorrowedMessage<'_>, mut visit: impl FnMut(Header<'_>)) {
    let mut all = ptr::null_mut();
    // SAFETY: the message lives longer than this call, and owns what the call parses.
    if unsafe { sys::rd_kafka_message_headers(message.ptr(), &mut all) } != OK || all.is_null() {
        return;
    }
    // SAFETY: `all` belongs to the message.
    for at in 0..unsafe { sys::rd_kafka_header_cnt(all) } {
        let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
        // SAFETY: `all` belongs to the message; a call without an error has set all three.
        if unsafe { sys::rd_kafka_header_get_all(all, at, &mut name, &mut value, &mut size) } != OK {
            return;
        }
        // SAFETY: the name ends with a zero byte and the value has `size` bytes; both live as long as the message.
        let header = unsafe {
            let value = (!value.is_null()).then(|| std::slice::from_raw_parts(value.cast::<u8>(), size));
            (CStr::from_ptr(name).to_bytes(), value)
        };
        visit(header);
    }
}

/// Headers to send, in order.
pub(super) fn built<'h>(from: impl ExactSizeIterator<Item = Header<'h>>) -> OwnedHeaders {
    let headers = OwnedHeaders::new_with_capacity(from.len());
    for (name, value) in from {
        add(&headers, name, value);
    }
    headers
}

fn add(headers: &OwnedHeaders, name: &[u8], value: Option<&[u8]>) {
    let borrowed: *const BorrowedHeaders = headers.as_borrowed();
    let (bytes, size) = value.map_or((ptr::null(), 0), |value| (value.as_ptr().cast::<c_void>(), value.len()));
    // SAFETY: a `BorrowedHeaders` has no fields, and its address is that of librdkafka's own list. That list is ours
    // alone until it is sent, so adding to it, which copies name and value, disturbs nobody. It cannot fail.
    unsafe {
        let list = borrowed.cast_mut().cast::<sys::rd_kafka_headers_t>();
        sys::rd_kafka_header_add(list, name.as_ptr().cast::<c_char>(), name.len() as isize, bytes, size as isize);
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::message::Headers as _;

    use super::*;

    #[test]
    fn headers_are_built_byte_for_byte() {
        let all: [Header<'_>; 4] =
            [(b"gr\xfc\xdfe", Some(b"\xff\x00")), (b"null", None), (b"empty", Some(b"")), (b"", Some(b"no name"))];
        let built = built(all.into_iter());
        assert_eq!(built.count(), all.len());
        let list = std::ptr::from_ref(built.as_borrowed()).cast::<sys::rd_kafka_headers_t>();
        for (at, header) in all.into_iter().enumerate() {
            let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
            // SAFETY: `built` owns the list; names end with a zero byte.
            let read = unsafe {
                assert_eq!(sys::rd_kafka_header_get_all(list, at, &mut name, &mut value, &mut size), OK);
                let value = (!value.is_null()).then(|| std::slice::from_raw_parts(value.cast::<u8>(), size));
                (CStr::from_ptr(name).to_bytes(), value)
            };
            assert_eq!(read, header);
        }
    }
}
