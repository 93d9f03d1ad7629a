//! Makes the released command smaller, on Linux.
//!
//! It has no tables for unwinding: an eighth of its size. A panic ends the command in its hook,
//! before anything unwinds. What is lost are the frames of `RUST_BACKTRACE`. Linkers that know no
//! `-T`, such as mold, need another profile than `release`.
//!
//! The list of addresses that the loader relocates is packed, if this system's library can read it:
//! glibc 2.36 and later can. Functions that are the same are there once, if the linker is the LLD
//! of Rust, as it is since 1.90 on x86-64.

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
        if is("TARGET", "x86_64-unknown-linux-gnu") && links_with_lld() {
            println!("cargo::rustc-link-arg-bins=-Wl,--icf=all");
        }
    }
}

/// Returns true if the compiler is a released one that links with its LLD, and no other
/// linker was chosen.
fn links_with_lld() -> bool {
    let chosen = ["RUSTC_LINKER", "CARGO_ENCODED_RUSTFLAGS"].map(env::var_os);
    chosen.iter().flatten().all(|chosen| chosen.is_empty()) && minor_of_rust() >= Some(90)
}

/// Returns the second number of the compiler's version, whose first one is 1.
fn minor_of_rust() -> Option<u32> {
    let output = Command::new(env::var_os("RUSTC")?)
        .arg("--version")
        .output();
    let version = String::from_utf8(output.ok()?.stdout).ok()?;
    let minor = version.strip_prefix("rustc 1.")?.split('.').next()?;
    minor.parse().ok()
}

/// Returns the second number of this system's glibc, whose first one is 2.
fn minor_of_glibc() -> Option<u32> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let version = String::from_utf8(output.ok()?.stdout).ok()?;
    version.trim().strip_prefix("glibc 2.")?.parse().ok()
}
