//! A 128-bit identity: an event, a ticket, a cause. Printed and parsed as a UUID.

use std::fmt;

/// 16 bytes, compared bytewise.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Id(pub [u8; 16]);

impl Id {
    /// No ticket, no cause.
    pub const NIL: Id = Id([0; 16]);

    /// Reads the 36-character form `8-4-4-4-12`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Id> {
        let text = text.as_bytes();
        if text.len() != 36 {
            return None;
        }
        let mut id = [0u8; 16];
        let mut digits = 0usize;
        for (at, byte) in text.iter().enumerate() {
            if matches!(at, 8 | 13 | 18 | 23) {
                if *byte != b'-' {
                    return None;
                }
                continue;
            }
            let digit = (*byte as char).to_digit(16)? as u8;
            id[digits / 2] = id[digits / 2] << 4 | digit;
            digits += 1;
        }
        Some(Id(id))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Id;

    #[test]
    fn an_id_reads_back_what_it_prints() {
        let id = Id(*b"0123456789abcdef");
        assert_eq!(Id::parse(&id.to_string()), Some(id));
        for bad in ["", "0", "30313233-3435-3637-3839-61626364656g", "303132333-435-3637-3839-616263646566"] {
            assert_eq!(Id::parse(bad), None, "{bad}");
        }
    }
}
