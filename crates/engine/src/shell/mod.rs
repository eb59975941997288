//! The shell: carries out what the core decides.

pub mod clock;
pub mod disk;
pub mod driver;
pub mod restore;
pub mod schemas;
pub mod sled_disk;
pub mod transport;
pub mod wire;
