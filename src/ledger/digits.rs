//! Bytes in hex, as they stand in records: a call has several.

use std::sync::Arc;

/// Most bytes that are written.
const BYTES_MAX: usize = 32;

/// These bytes behind a prefix. Of more than 32 none is written.
pub(super) fn in_hex(prefix: &str, bytes: &[u8]) -> Arc<str> {
    let mut digits = [0; 2 * BYTES_MAX];
    let digits = digits.get_mut(..2 * bytes.len()).unwrap_or_default();
    let written = hex::encode_to_slice(bytes, digits).ok().and_then(|()| str::from_utf8(digits).ok());
    [prefix, written.unwrap_or_default()].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_two_digits() {
        assert_eq!(&*in_hex("lg_", &[0, 0x1f, 0xa0]), "lg_001fa0");
        assert_eq!(in_hex("", &[7; BYTES_MAX]).len(), 2 * BYTES_MAX);
    }
}
