//! Makes the canonical form of any target, and again the canonical form of that: it stays the same.
#![no_main]

use keyfob_sigv4::{Credentials, Request, Scope, Signer, Timestamp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|target: &str| {
    let target = format!("/{target}");
    let Some((path, query)) = canonical(&target) else {
        return;
    };
    let (_, again) = canonical(&format!("/?{query}")).unwrap();
    assert_eq!(again, query);
    // The path is encoded once more each time, but there is nothing left to normalize.
    let (path, _) = canonical(&path).unwrap();
    assert!(!path.contains("//") && !path.contains("/./"));
});

fn canonical(target: &str) -> Option<(String, String)> {
    let request = Request::from_parts("GET", "https", "example.com", target).ok()?;
    let signer = Signer::new(Scope::new("us-east-1", "service").unwrap());
    let credentials = Credentials::new("AKIDEXAMPLE", "secret").unwrap();
    let explained = signer.explain(&request, &credentials, Timestamp::from_unix_seconds(0)).unwrap();
    let mut lines = explained.canonical_request().split('\n').skip(1);
    Some((lines.next()?.to_owned(), lines.next()?.to_owned()))
}
