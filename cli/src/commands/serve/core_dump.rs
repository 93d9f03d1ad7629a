/// Keeps the secrets of a server out of core dumps, and its memory from being read by other
/// programs of the same user.
///
/// Only long-running commands do this: afterwards files below `/dev/fd` cannot be opened any more.
/// A system that refuses goes on as before.
#[cfg(unix)]
pub(in crate::commands) fn forbid_core_dumps() {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
    // A pipe in core_pattern gets the dump whatever the limit says.
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};

        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

#[cfg(not(unix))]
pub(in crate::commands) fn forbid_core_dumps() {}
