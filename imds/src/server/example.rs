use serde_json::json;

use crate::server::tree::Tree;

/// The account of AWS's own examples.
const ACCOUNT: &str = "123456789012";

/// Returns the metadata of an example instance without a role.
pub(crate) fn instance(region: &str) -> Tree {
    let mut tree = Tree::default();
    for (path, value) in [
        ("ami-id", "ami-0123456789abcdef0"),
        ("ami-launch-index", "0"),
        ("events/maintenance/history", "[]"),
        ("events/maintenance/scheduled", "[]"),
        ("instance-action", "none"),
        ("instance-id", "i-0123456789abcdef0"),
        ("instance-life-cycle", "on-demand"),
        ("instance-type", "t3.micro"),
        ("local-ipv4", "10.0.0.10"),
        ("mac", "02:00:00:00:00:0a"),
        (
            "network/interfaces/macs/02:00:00:00:00:0a/device-number",
            "0",
        ),
        (
            "network/interfaces/macs/02:00:00:00:00:0a/interface-id",
            "eni-0123456789abcdef0",
        ),
        (
            "network/interfaces/macs/02:00:00:00:00:0a/local-ipv4s",
            "10.0.0.10",
        ),
        (
            "network/interfaces/macs/02:00:00:00:00:0a/mac",
            "02:00:00:00:00:0a",
        ),
        (
            "network/interfaces/macs/02:00:00:00:00:0a/owner-id",
            ACCOUNT,
        ),
        (
            "network/interfaces/macs/02:00:00:00:00:0a/security-group-ids",
            "sg-0123456789abcdef0",
        ),
        (
            "network/interfaces/macs/02:00:00:00:00:0a/subnet-id",
            "subnet-0123456789abcdef0",
        ),
        (
            "network/interfaces/macs/02:00:00:00:00:0a/vpc-id",
            "vpc-0123456789abcdef0",
        ),
        ("profile", "default-hvm"),
        ("reservation-id", "r-0123456789abcdef0"),
        ("security-groups", "default"),
        ("services/domain", "amazonaws.com"),
        ("services/partition", "aws"),
        ("system", "nitro"),
    ] {
        tree.set(&format!("meta-data/{path}"), value);
    }
    place(&mut tree, region);
    tree
}

/// Sets everything that depends on the region.
pub(crate) fn place(tree: &mut Tree, region: &str) {
    let zone = format!("{region}a");
    let host = match region {
        "us-east-1" => "ip-10-0-0-10.ec2.internal".to_owned(),
        _ => format!("ip-10-0-0-10.{region}.compute.internal"),
    };
    tree.set("meta-data/hostname", host.clone());
    tree.set("meta-data/local-hostname", host);
    tree.set("meta-data/placement/availability-zone", zone.clone());
    tree.set("meta-data/placement/region", region.to_owned());
    let document = json!({
        "accountId": ACCOUNT,
        "architecture": "x86_64",
        "availabilityZone": zone,
        "imageId": "ami-0123456789abcdef0",
        "instanceId": "i-0123456789abcdef0",
        "instanceType": "t3.micro",
        "pendingTime": "2026-01-01T00:00:00Z",
        "privateIp": "10.0.0.10",
        "region": region,
        "version": "2017-09-30",
    });
    tree.set("dynamic/instance-identity/document", document.to_string());
}

/// Sets the instance profile of a role and the names in the role's directories.
pub(crate) fn role(tree: &mut Tree, role: &str, extended: bool) {
    let info = json!({
        "Code": "Success",
        "LastUpdated": "2026-01-01T00:00:00Z",
        "InstanceProfileArn": format!("arn:aws:iam::{ACCOUNT}:instance-profile/{role}"),
        "InstanceProfileId": "AIPA0123456789EXAMPLE",
    });
    tree.set("meta-data/iam/info", info.to_string());
    tree.set(&format!("meta-data/iam/security-credentials/{role}"), "");
    if extended {
        tree.set(
            &format!("meta-data/iam/security-credentials-extended/{role}"),
            "",
        );
    }
}
