//! Bits, exp-Golomb numbers and NAL units: the alphabet of an H.264 stream.

/// Collects bits, most significant first.
#[derive(Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// The last `filled` bits of this are not in `bytes` yet; always fewer than eight between calls.
    pending: u64,
    filled: u32,
}

/// What a NAL unit carries, with its importance for the decoder.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum NalKind {
    /// A picture predicted from the one before it.
    Predicted = 0x61,
    /// A picture that stands alone and at which players may start.
    Key = 0x65,
    /// Sequence parameter set.
    Sequence = 0x67,
    /// Picture parameter set.
    Picture = 0x68,
}

// === impl BitWriter ===

impl BitWriter {
    /// Appends the lowest `count` bits of `value`, at most 32.
    pub(super) fn put(&mut self, value: u32, count: u32) {
        self.pending = (self.pending << count) | u64::from(value);
        self.filled += count;
        while self.filled >= 8 {
            self.filled -= 8;
            let [.., byte] = (self.pending >> self.filled).to_be_bytes();
            self.bytes.push(byte);
        }
        self.pending &= (1 << self.filled) - 1;
    }

    /// Appends one bit.
    pub(super) fn flag(&mut self, set: bool) {
        self.put(u32::from(set), 1);
    }

    /// Appends an unsigned exp-Golomb number, `ue(v)` in the standard; at most 65534.
    pub(super) fn unsigned(&mut self, value: u32) {
        let code = value + 1;
        let length = u32::BITS - code.leading_zeros();
        self.put(code, 2 * length - 1);
    }

    /// Appends a signed exp-Golomb number, `se(v)` in the standard.
    pub(super) fn signed(&mut self, value: i32) {
        let twice = 2 * value.unsigned_abs();
        self.unsigned(if value > 0 { twice - 1 } else { twice });
    }

    /// Ends the payload with its stop bit and wraps it as a NAL unit.
    pub(super) fn into_nal(mut self, kind: NalKind) -> Vec<u8> {
        self.flag(true);
        self.put(0, (8 - self.filled) % 8);

        let mut nal = Vec::with_capacity(self.bytes.len() + self.bytes.len() / 64 + 2);
        nal.push(kind as u8);
        let mut zeros = 0;
        for byte in self.bytes {
            // Three bytes 00 00 0x would look like a start code; a 03 in between prevents that.
            if zeros == 2 && byte <= 3 {
                nal.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            nal.push(byte);
        }
        nal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits_of(write: impl FnOnce(&mut BitWriter)) -> String {
        let mut bits = BitWriter::default();
        write(&mut bits);
        let nal = bits.into_nal(NalKind::Picture);
        let all: String = nal[1..].iter().map(|byte| format!("{byte:08b}")).collect();
        // Without the stop bit and the zeros after it.
        all[..all.rfind('1').unwrap()].to_owned()
    }

    #[test]
    fn exp_golomb_numbers_are_written_as_in_the_standards_table() {
        let unsigned = ["1", "010", "011", "00100", "00101", "00110", "00111", "0001000"];
        for (value, code) in (0..).zip(unsigned) {
            assert_eq!(bits_of(|bits| bits.unsigned(value)), code);
        }
        for (value, code) in [(0, "1"), (1, "010"), (-1, "011"), (2, "00100"), (-2, "00101")] {
            assert_eq!(bits_of(|bits| bits.signed(value)), code);
        }
    }

    #[test]
    fn numbers_longer_than_what_is_pending_keep_every_bit() {
        let bits = bits_of(|bits| {
            bits.put(0b101, 3);
            bits.put(u32::MAX, 32);
            bits.put(0, 7);
        });
        assert_eq!(bits, format!("101{}0000000", "1".repeat(32)));
    }

    #[test]
    fn a_start_code_never_shows_inside_a_unit() {
        let mut bits = BitWriter::default();
        for byte in [0, 0, 1, 0, 0, 0, 0, 3] {
            bits.put(byte, 8);
        }
        let nal = bits.into_nal(NalKind::Key);
        assert_eq!(nal, [0x65, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3, 3, 0x80]);
    }
}
