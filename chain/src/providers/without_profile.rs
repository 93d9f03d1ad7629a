//! What is left when nothing names a profile.

use crate::{
    config::Settings, cure::Skip, error::shown, origin::Origin, profiles::FileKind, shell,
};

/// Returns the name of the provider of a profile.
pub(super) fn profile_name(settings: &Settings) -> String {
    format!("profile \"{}\"", shown(settings.profile_name()))
}

/// Returns the smallest change that leaves suitable settings in which nothing names a profile, and
/// those settings. `default` counts then, without the files that keep it from being suitable.
pub(super) fn without_profile(
    settings: &Settings,
    is_suitable: impl Fn(&Settings) -> bool,
) -> Option<(Skip, Settings)> {
    const HIDDEN: [&[FileKind]; 4] = [
        &[],
        &[FileKind::Credentials],
        &[FileKind::Config],
        &[FileKind::Credentials, FileKind::Config],
    ];
    let variables = settings.variables();
    let mut change = Skip::default();
    if let Origin::Argument { name } = settings.profile_origin() {
        change = Skip::without(shell::option(name, settings.profile_name()));
    }
    // A file that is not there at all would make a profile that is named an error, so nothing may
    // name one.
    let named = settings.rules().profile_variables.iter().copied();
    let is_set = |name: &&str| variables.raw(name).is_some();
    change = change.and(Skip::unset(named.filter(is_set)));
    let suits = |hidden: &[FileKind]| {
        let settings = settings.with_default_profile(hidden);
        is_suitable(&settings).then_some((hidden.to_vec(), settings))
    };
    let (hidden, left) = HIDDEN.into_iter().find_map(suits)?;
    let empty_file = if cfg!(windows) { "NUL" } else { "/dev/null" };
    let hide = |change: Skip, kind: &FileKind| change.and(Skip::set(kind.variable(), empty_file));
    Some((hidden.iter().fold(change, hide), left))
}
