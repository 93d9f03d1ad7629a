//! What is the same in all accounts: regions, an image, and instance types.

use super::list::{Filters, named, numbered, page};
use crate::server::{
    query::{
        Parameters,
        xml::{element, parent},
    },
    refusal::Refusal,
};

/// The regions, and whether the account has to ask for one before it can use it.
const REGIONS: [(&str, bool); 9] = [
    ("ap-northeast-1", false),
    ("ap-southeast-2", false),
    ("eu-central-1", false),
    ("eu-north-1", false),
    ("eu-west-1", false),
    ("us-east-1", false),
    ("us-east-2", false),
    ("us-west-2", false),
    ("af-south-1", true),
];

pub(super) const IMAGE_ID: &str = "ami-0123456789abcdef0";

/// The instance types, with their virtual processors, mebibytes of memory, and whether they burst.
/// Each has two processors in a core, and none has disks of its own.
///
/// Source: Amazon EC2 instance types, "General purpose" and "Compute optimized".
const TYPES: [(&str, u32, u32, bool); 4] = [
    ("t3.micro", 2, 1024, true),
    ("t3.small", 2, 2048, true),
    ("m5.large", 2, 8192, false),
    ("c5.xlarge", 4, 8192, false),
];

pub(super) fn is_type(name: &str) -> bool {
    TYPES.iter().any(|(known, ..)| *known == name)
}

pub(super) fn describe_regions(parameters: &Parameters) -> Result<String, Refusal> {
    let names = numbered(parameters, "RegionName");
    let is_known = |name: &&&str| REGIONS.iter().any(|(known, _)| known == *name);
    if let Some(name) = names.iter().find(|name| !is_known(name)) {
        let message = format!("Invalid region provided: {name}");
        return Err(Refusal::bad("InvalidParameterValue", message));
    }
    let has_all = parameters.get("AllRegions") == Some("true");
    let wanted = REGIONS.iter().filter(|(name, is_asked_for)| {
        names.contains(name) || names.is_empty() && (has_all || !is_asked_for)
    });
    let items = wanted.map(|(name, is_asked_for)| {
        let status = match is_asked_for {
            true => "not-opted-in",
            false => "opt-in-not-required",
        };
        let endpoint = format!("ec2.{name}.amazonaws.com");
        let xml = element("regionName", name)
            + &element("regionEndpoint", &endpoint)
            + &element("optInStatus", status);
        item(
            &[
                ("region-name", name),
                ("endpoint", &endpoint),
                ("opt-in-status", status),
            ],
            xml,
        )
    });
    let known = ["region-name", "endpoint", "opt-in-status"];
    list("regionInfo", &known, items, parameters)
}

pub(super) fn describe_images(parameters: &Parameters) -> Result<String, Refusal> {
    for id in numbered(parameters, "ImageId") {
        check_image(id)?;
    }
    let owners = numbered(parameters, "Owner");
    let (name, owner) = (
        "al2023-ami-2023.9.20261101.0-kernel-6.1-x86_64",
        "137112412989",
    );
    let xml = [
        ("imageId", IMAGE_ID),
        (
            "imageLocation",
            "amazon/al2023-ami-2023.9.20261101.0-kernel-6.1-x86_64",
        ),
        ("imageState", "available"),
        ("imageOwnerId", owner),
        ("creationDate", "2026-11-01T00:00:00.000Z"),
        ("isPublic", "true"),
        ("architecture", "x86_64"),
        ("imageType", "machine"),
        ("imageOwnerAlias", "amazon"),
        ("name", name),
        ("rootDeviceType", "ebs"),
        ("rootDeviceName", "/dev/xvda"),
        ("virtualizationType", "hvm"),
        ("hypervisor", "xen"),
        ("enaSupport", "true"),
        ("platformDetails", "Linux/UNIX"),
        ("usageOperation", "RunInstances"),
    ];
    let xml = xml.map(|(name, text)| element(name, text)).concat();
    let filters = [
        ("architecture", "x86_64"),
        ("image-id", IMAGE_ID),
        ("name", name),
        ("owner-alias", "amazon"),
        ("owner-id", owner),
        ("state", "available"),
    ];
    let is_owned = owners.is_empty() || owners.contains(&"amazon") || owners.contains(&owner);
    let images = is_owned.then(|| item(&filters, xml)).into_iter();
    let known = filters.map(|(name, _)| name);
    list("imagesSet", &known, images, parameters)
}

pub(super) fn check_image(id: &str) -> Result<(), Refusal> {
    if id == IMAGE_ID {
        return Ok(());
    }
    let message = format!("The image id '[{id}]' does not exist");
    Err(Refusal::bad("InvalidAMIID.NotFound", message))
}

pub(super) fn describe_instance_types(parameters: &Parameters) -> Result<String, Refusal> {
    let wanted = numbered(parameters, "InstanceType");
    let unknown: Vec<&str> = wanted
        .iter()
        .copied()
        .filter(|name| !is_type(name))
        .collect();
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        let message = format!("The following supplied instance types do not exist: [{unknown}]");
        return Err(Refusal::bad("InvalidInstanceType", message));
    }
    let types = TYPES
        .iter()
        .filter(|(name, ..)| wanted.is_empty() || wanted.contains(name));
    let items = types.map(|(name, processors, memory, is_burstable)| {
        let burstable = is_burstable.to_string();
        let cores = (processors / 2).to_string();
        let xml = element("instanceType", name)
            + &element("currentGeneration", "true")
            + &element("freeTierEligible", &(*name == "t3.micro").to_string())
            + &element("bareMetal", "false")
            + &element("hypervisor", "nitro")
            + &parent(
                "processorInfo",
                &parent("supportedArchitectures", &element("item", "x86_64")),
            )
            + &parent(
                "vCpuInfo",
                &(element("defaultVCpus", &processors.to_string())
                    + &element("defaultCores", &cores)
                    + &element("defaultThreadsPerCore", "2")),
            )
            + &parent("memoryInfo", &element("sizeInMiB", &memory.to_string()))
            + &element("instanceStorageSupported", "false")
            + &element("burstablePerformanceSupported", &burstable);
        let filters = [
            ("burstable-performance-supported", &*burstable),
            ("current-generation", "true"),
            ("instance-type", name),
            ("memory-info.size-in-mib", &memory.to_string()),
            ("vcpu-info.default-vcpus", &processors.to_string()),
        ];
        item(&filters, xml)
    });
    let known = [
        "burstable-performance-supported",
        "current-generation",
        "instance-type",
        "memory-info.size-in-mib",
        "vcpu-info.default-vcpus",
    ];
    list("instanceTypeSet", &known, items, parameters)
}

/// Something with the values of its filters, and what is shown of it.
struct Item {
    filters: Vec<(String, String)>,
    xml: String,
}

fn item(filters: &[(&str, &str)], xml: String) -> Item {
    Item {
        filters: named(filters),
        xml,
    }
}

/// Returns the page of the items that the filters admit, of those filters that are `known`.
fn list(
    set: &str,
    known: &[&str],
    items: impl Iterator<Item = Item>,
    parameters: &Parameters,
) -> Result<String, Refusal> {
    let filters = Filters::read(known, parameters)?;
    let admitted = items.filter(|item| filters.admit(&item.filters));
    let admitted: Vec<String> = admitted.map(|item| item.xml).collect();
    page(set, &admitted, parameters)
}
