//! Leaves the tables for unwinding out of the released command: an eighth of its size.
//!
//! A panic ends the command in its hook, before anything unwinds. What is lost are the frames of
//! `RUST_BACKTRACE`. Linkers that know no `-T`, such as mold, need another profile than `release`.

use std::env;

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
        println!("cargo::rustc-link-lib=static=gcc_eh");
    }
}
