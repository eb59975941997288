//! Keeps librdkafka from following the leader hints in fetch and produce answers (KIP-951): docs/adr/0008.
#![allow(unsafe_code)]

use std::os::raw::{c_int, c_void};
use std::sync::Once;

/// `RD_KAFKA_OP_RES_HANDLED` of librdkafka's `rd_kafka_op_res_t`; it then frees the hints.
const HANDLED: c_int = 1;

unsafe extern "C" {
    /// With the linker's `--wrap` this name means [`__wrap_rd_kafka_metadata_update_op`], here as in librdkafka.
    fn rd_kafka_metadata_update_op(client: *mut c_void, hints: *mut c_void) -> c_int;
}

/// Stands in for librdkafka's own function, which reads memory that nobody wrote when a hint names no leader. Without
/// hints a client learns of a new leader as it always did: an answer "not the leader" makes it ask for metadata.
#[unsafe(no_mangle)]
extern "C" fn __wrap_rd_kafka_metadata_update_op(_client: *mut c_void, _hints: *mut c_void) -> c_int {
    HANDLED
}

/// Whether the linker was told (.cargo/config.toml does).
pub fn are_dropped() -> bool {
    rd_kafka_metadata_update_op as *const () == __wrap_rd_kafka_metadata_update_op as *const ()
}

/// Says once per process that they are not dropped.
pub(super) fn warn_unless_dropped() {
    static SAID: Once = Once::new();
    if !are_dropped() {
        SAID.call_once(|| {
            tracing::warn!(
                "linked without --wrap=rd_kafka_metadata_update_op: a broker that restarts can crash this process; \
                 build with the repository's .cargo/config.toml, and without RUSTFLAGS, which replaces it"
            );
        });
    }
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn leader_hints_are_dropped() {
        assert!(super::are_dropped(), "RUSTFLAGS replaces what .cargo/config.toml says");
    }
}
