//! Reads any text as an endpoint and as the location of a container's credentials: it never panics,
//! and what is accepted has a host and no user.
#![no_main]

use keyfob_imds::{Endpoint, Path, container::Location, wire};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(endpoint) = Endpoint::new(text) {
        let path = Path::new("/latest/user-data").unwrap();
        let uri = wire::get_request(&endpoint, &path, None).into_parts().0.uri;
        assert!(uri.host().is_some_and(|host| !host.is_empty()));
        assert!(uri.path().ends_with("/latest/user-data") && uri.query().is_none());
        assert!(!uri.authority().unwrap().as_str().contains('@'));
    }
    if let Ok(location) = Location::full(text) {
        assert!(!location.host().is_empty());
        let again = Location::full(&location.to_string());
        assert!(again.is_ok_and(|again| again == location));
    }
    if let Ok(location) = Location::relative(text) {
        assert_eq!(location.host(), "169.254.170.2");
    }
});
