//! Whether a reader's schema can read what a writer's schema wrote, as Apache's Avro for Java decides it.
//!
//! The behaviour is that of `org.apache.avro.SchemaCompatibility` and `Schema.Parser` in the version that
//! tests/servers/avro/pom.xml names: verdict, kinds, paths, messages, their order, and which schemas are none. Its
//! surprises are kept, because a registry decides by them: unqualified names are compared, a result is remembered with
//! the path at which it was first found, and forward references are resolved last.
//!
//! What differs: JSON nested deeper than 127 and texts over [`BYTES_MAX`] are refused, and so is work beyond
//! the limits of [`check`], where Java would run out of stack or memory; numbers that no double can hold and lone surrogates
//! are no JSON here; and the letters of a name are those of JDK 17, whichever JDK runs Java.

mod batch;
mod build;
mod check;
mod default;
mod error;
mod json;
mod letters;
mod name;
mod report;
mod resolve;
mod same;
mod schema;

pub use batch::answer;
pub use check::{CheckError, check};
pub use error::ParseError;
pub use json::BYTES_MAX;
#[cfg(test)]
pub(crate) use letters::{is_digit, is_letter};
pub use report::{Incompatibility, Kind, Report};
pub use schema::Schema;
