//! Reads any answer as credentials: it never panics, and no error shows the document's secrets or
//! the token of the request.
#![no_main]

use bytes::Bytes;
use http::Response;
use keyfob_imds::{container, parse_credentials};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &[u8])| {
    let (status, document) = input;
    let sent = container::authorization("canary-token-of-the-request").unwrap();
    let mut shown = format!("{:?}", parse_credentials(document).err());
    let mut response = Response::new(Bytes::copy_from_slice(document));
    *response.status_mut() = http::StatusCode::from_u16(100 + status % 500).unwrap();
    shown += &format!("{:?}", container::credentials(&response, Some(&sent)).err());
    assert!(!shown.contains("canary-token-of-the-request"), "{shown}");
});
