//! Reads any document as each of the events and as the identity document: it never panics, and no
//! error repeats the document.
#![no_main]

use keyfob_imds::{
    events::{LifecycleState, MaintenanceEvent, SpotAction, parse_rebalance},
    metadata::IdentityDocument,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &[u8]| {
    let errors = [
        SpotAction::parse(document).err(),
        parse_rebalance(document).err(),
        MaintenanceEvent::parse_list(document).err(),
        IdentityDocument::parse(document.to_vec()).err(),
    ];
    assert!(!format!("{errors:?}").contains("canary"));
    let state = String::from_utf8_lossy(document);
    assert_eq!(LifecycleState::parse(&state).as_str(), state.trim());
});
