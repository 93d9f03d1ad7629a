//! The cyclic redundancy checks of event streams and of S3's checksum trailers.

/// CRC-32 as in zlib and Ethernet (ISO 3309), which event streams use.
pub(crate) static CRC32: Tables<u32> = narrow(tables(0xedb8_8320));
/// CRC-32C (Castagnoli), RFC 3720 appendix B.4.
pub(crate) static CRC32C: Tables<u32> = narrow(tables(0x82f6_3b78));
/// CRC-64/NVME, from the NVM Express specification; the default of S3.
pub(crate) static CRC64_NVME: Tables<u64> = tables(0x9a6c_9329_ac4b_c9b5);

/// Table `i` maps a byte to its effect on the register after `i` more zero bytes.
pub(crate) type Tables<T> = [[T; 256]; 8];

#[derive(Clone, Copy)]
enum Width {
    Bits32(&'static Tables<u32>),
    Bits64(&'static Tables<u64>),
}

/// A running check: reflected, all ones at the start and inverted at the end.
///
/// A 64-bit register serves both widths. A 32-bit check never fills its upper half.
#[derive(Clone)]
pub(crate) struct Crc {
    width: Width,
    ones: u64,
    register: u64,
}

impl Crc {
    pub(crate) fn bits32(tables: &'static Tables<u32>) -> Self {
        Self::new(Width::Bits32(tables), u64::from(u32::MAX))
    }

    pub(crate) fn bits64(tables: &'static Tables<u64>) -> Self {
        Self::new(Width::Bits64(tables), u64::MAX)
    }

    fn new(width: Width, ones: u64) -> Self {
        Self {
            width,
            ones,
            register: ones,
        }
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        self.register = match self.width {
            Width::Bits32(tables) => updated(self.register, tables, data),
            Width::Bits64(tables) => updated(self.register, tables, data),
        };
    }

    pub(crate) fn value(&self) -> u64 {
        self.register ^ self.ones
    }
}

/// Takes eight bytes a step. Each goes through the table for its distance to the end of the step.
fn updated<T: Copy + Into<u64>>(mut register: u64, tables: &Tables<T>, data: &[u8]) -> u64 {
    let (words, rest) = data.as_chunks::<8>();
    for word in words {
        let mixed = (register ^ u64::from_le_bytes(*word)).to_le_bytes();
        register = 0;
        for (table, byte) in tables.iter().rev().zip(mixed) {
            register ^= table[usize::from(byte)].into();
        }
    }
    for byte in rest {
        register = tables[0][usize::from(register as u8 ^ byte)].into() ^ (register >> 8);
    }
    register
}

/// Returns the CRC-32 of one piece.
pub(crate) fn crc32(data: &[u8]) -> u32 {
    let mut crc = Crc::bits32(&CRC32);
    crc.update(data);
    crc.value() as u32
}

/// Returns the tables of 32 bits, which take half the room.
const fn narrow(wide: Tables<u64>) -> Tables<u32> {
    let mut tables = [[0; 256]; 8];
    let mut table = 0;
    while table < 8 {
        let mut byte = 0;
        while byte < 256 {
            tables[table][byte] = wide[table][byte] as u32;
            byte += 1;
        }
        table += 1;
    }
    tables
}

const fn tables(polynomial: u64) -> Tables<u64> {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut register = byte as u64;
        let mut table = 0;
        while table < 8 {
            let mut bit = 0;
            while bit < 8 {
                register = (register >> 1) ^ if register & 1 == 1 { polynomial } else { 0 };
                bit += 1;
            }
            tables[table][byte] = register;
            table += 1;
        }
        byte += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECK: &[u8] = b"123456789";

    fn checked(mut crc: Crc, pieces: &[&[u8]]) -> u64 {
        for piece in pieces {
            crc.update(piece);
        }
        crc.value()
    }

    #[test]
    fn the_check_values_of_the_catalog_are_computed() {
        assert_eq!(crc32(CHECK), 0xcbf4_3926);
        assert_eq!(checked(Crc::bits32(&CRC32C), &[CHECK]), 0xe306_9283);
        assert_eq!(
            checked(Crc::bits64(&CRC64_NVME), &[CHECK]),
            0xae8b_1486_0a79_9888
        );
    }

    #[test]
    fn pieces_have_the_check_of_the_whole() {
        let data: [u8; 61] = core::array::from_fn(|i| (i * 37) as u8);
        let whole = checked(Crc::bits64(&CRC64_NVME), &[&data]);
        for cut in 0..data.len() {
            let (a, b) = data.split_at(cut);
            assert_eq!(
                checked(Crc::bits64(&CRC64_NVME), &[a, b]),
                whole,
                "cut at {cut}"
            );
        }
    }
}
