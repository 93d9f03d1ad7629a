//! `keyfob`: AWS credentials on the command line.

fn main() -> std::process::ExitCode {
    keyfob::main()
}
