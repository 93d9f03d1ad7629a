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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{env, process::Command};

    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

    use super::*;

    #[test]
    fn a_process_without_core_dumps_is_not_dumpable_and_has_no_room_for_one() {
        // In a process of its own, because it cannot be undone.
        let child = Command::new(env::current_exe().unwrap())
            .args(["--ignored", "--exact"])
            .arg("commands::serve::core_dump::tests::child")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success(), "{text}");
        assert!(text.contains("1 passed"), "{text}");
    }

    #[test]
    #[ignore = "run by the test above"]
    fn child() {
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::Dumpable);
        forbid_core_dumps();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        assert_eq!(getrlimit(Resource::Core).maximum, Some(0));
    }
}
