//! `keyfob`: AWS credentials on the command line.

fn main() {}
