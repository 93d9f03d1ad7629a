//! Makes the released command smaller, on Linux.
//!
//! It has no tables for unwinding: an eighth of its size. A panic ends the command in its hook,
//! before anything unwinds. What is lost are the frames of `RUST_BACKTRACE`. Linkers that know no
//! `-T`, such as mold, need another profile than `release`.
//!
//! The list of addresses that the loader relocates is packed, if this system's library can read it:
//! glibc 2.36 and later can.

use std::{env, process::Command};

fn main() {
    const SCRIPT: &str = "without_unwind_tables.ld";
    println!("cargo::rerun-if-changed={SCRIPT}");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    if is("PROFILE", "release")
        && is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
    {
        let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{folder}/{SCRIPT}");
        if env::var("HOST") == env::var("TARGET") && minor_of_glibc() >= Some(36) {
            println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
        }
    }
}

/// Returns the second number of this system's glibc, whose first one is 2.
fn minor_of_glibc() -> Option<u32> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let version = String::from_utf8(output.ok()?.stdout).ok()?;
    version.trim().strip_prefix("glibc 2.")?.parse().ok()
}
