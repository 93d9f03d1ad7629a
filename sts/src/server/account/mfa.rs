use hmac::{Hmac, KeyInit, Mac};
use keyfob_sigv4::{Secret, Timestamp};
use sha1::Sha1;

use super::ids::{self, BASE32};

/// The seconds for which a code is shown.
const STEP: i64 = 30;

/// A virtual MFA device: it shows a new code of six digits each 30 seconds.
///
/// # Examples
///
/// ```
/// use keyfob_sigv4::Timestamp;
/// use keyfob_sts::server::Account;
///
/// let account = Account::new("123456789012")?;
/// account.add_user("alice")?;
/// let device = account.add_mfa_device("alice")?;
/// assert_eq!(device.serial_number(), "arn:aws:iam::123456789012:mfa/alice");
/// let now = Timestamp::from_unix_seconds(1_795_780_800);
/// assert_eq!(device.code(now).expose().len(), 6);
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MfaDevice {
    serial_number: String,
    seed: Secret,
}

impl MfaDevice {
    pub(super) fn new(serial_number: String) -> Self {
        Self {
            serial_number,
            seed: ids::random_seed().into(),
        }
    }

    /// Returns the ARN of the device.
    pub fn serial_number(&self) -> &str {
        &self.serial_number
    }

    /// Returns the secret in Base32, as authenticator apps take it.
    pub fn seed(&self) -> &Secret {
        &self.seed
    }

    /// Returns the code that the device shows at a time.
    pub fn code(&self, now: Timestamp) -> Secret {
        totp(&bytes(self.seed.expose()), step(now)).into()
    }

    /// Returns the step whose code this is: the current one or, as clocks differ, one beside it.
    pub(super) fn step_of(&self, code: &str, now: Timestamp) -> Option<i64> {
        let seed = bytes(self.seed.expose());
        let current = step(now);
        (current - 1..=current + 1).find(|step| totp(&seed, *step) == code)
    }
}

fn step(now: Timestamp) -> i64 {
    now.unix_seconds().div_euclid(STEP)
}

/// Returns the code of six digits of a step.
///
/// Source: RFC 6238, and RFC 4226 section 5.3: four bits of the last byte tell which 31 bits count.
fn totp(seed: &[u8], step: i64) -> String {
    let mac = Hmac::<Sha1>::new_from_slice(seed);
    let mac = mac.unwrap_or_else(|_| unreachable!("any length is a key"));
    let hash = mac.chain_update(step.to_be_bytes()).finalize().into_bytes();
    let start = usize::from(hash[19] & 15);
    let bits = hash[start..start + 4]
        .iter()
        .fold(0, |bits: u32, byte| bits << 8 | u32::from(*byte));
    format!("{:06}", (bits & 0x7fff_ffff) % 1_000_000)
}

/// Decodes Base32; the seed has whole bytes.
fn bytes(seed: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(seed.len() * 5 / 8);
    let (mut bits, mut count) = (0u32, 0);
    for digit in seed
        .bytes()
        .filter_map(|byte| BASE32.iter().position(|known| *known == byte))
    {
        bits = bits << 5 | digit as u32;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: RFC 6238, appendix B, the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_specification() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = step(Timestamp::from_unix_seconds(seconds));
            assert_eq!(totp(b"12345678901234567890", step), code);
        }
        assert_eq!(
            bytes("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
            b"12345678901234567890"
        );
    }
}
