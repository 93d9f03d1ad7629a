use crate::{
    config::table,
    finding::{Finding, FindingKind},
    origin::Origin,
    profiles::{FileKind, Part, Section, similar_property},
};

/// Returns the properties of a profile that no tool reads and whose names are nearly those of
/// others.
pub(super) fn misspelt(section: &Section) -> Vec<Finding> {
    let parts = [FileKind::Config, FileKind::Credentials].map(|kind| section.part(kind));
    let properties = parts.into_iter().flatten().flat_map(Part::iter);
    let read = table::ALL.iter().flat_map(|key| key.properties);
    let known: Vec<_> = read.chain(table::OTHER_PROPERTIES).copied().collect();
    let findings = properties.filter_map(|(name, value)| {
        let meant = similar_property(name, &known)?;
        let text = format!("{name} is not known to any tool: did you mean {meant}?");
        let origin = Origin::file(value.location(), section.name().name());
        Some(Finding::warning(FindingKind::UnknownProperty, text).with_origin(origin))
    });
    findings.collect()
}
