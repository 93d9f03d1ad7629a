//! Reads the service and the region of any host name: what it tells can stand in a scope, and port,
//! case and final dot make no difference.
#![no_main]

use keyfob_sigv4::{HostScope, Scope};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|host: &str| {
    let told = HostScope::parse(host);
    let scope = Scope::from_host(host);
    let Some(told) = told else {
        scope.unwrap_err();
        return;
    };
    let region = told.region().unwrap_or("us-east-1");
    let stated = Scope::new(region, told.service()).unwrap();
    assert_eq!(scope.ok(), told.region().map(|_| stated));
    let name = host.split(':').next().unwrap_or_default();
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_uppercase();
    for same in [format!("{name}:443"), format!("{name}.")] {
        assert_eq!(HostScope::parse(&same).as_ref(), Some(&told));
    }
});
