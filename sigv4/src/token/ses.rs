use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::{error::Error, key::SigningKey, scope::Scope, secret::Secret};

/// Derives the SMTP password of SES from a secret access key, for one region.
///
/// The user name is the access key id. The password is valid as long as the key. Temporary
/// credentials have no SMTP password.
///
/// Source: Amazon SES, "Obtaining SMTP credentials by converting existing AWS credentials".
///
/// # Errors
///
/// [`ErrorKind::Region`](crate::ErrorKind::Region) if the region is malformed.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Secret, token};
/// let secret = Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
/// let password = token::ses_smtp_password(&secret, "us-east-1")?;
/// assert_eq!(password.expose(), "BLBM/9hSUELfq8Gw+rU1YcBjkOxGbhT2XG763xVLGWL9");
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
pub fn ses_smtp_password(secret: &Secret, region: &str) -> Result<Secret, Error> {
    // The scheme has a fixed date, and puts its version, 4, before the MAC.
    let key = SigningKey::derive_on(secret, &Scope::new(region, "ses")?, "11111111");
    let mut bytes = [4; 33];
    bytes[1..].copy_from_slice(&key.mac(b"SendRawEmail"));
    Ok(Secret::new(BASE64_STANDARD.encode(bytes)))
}
