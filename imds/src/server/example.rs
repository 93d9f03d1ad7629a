use serde_json::json;

use crate::server::tree::Tree;

/// The account of AWS's own examples.
const ACCOUNT: &str = "123456789012";

/// Items in `meta-data/`.
const ITEMS: [(&str, &str); 19] = [
    ("ami-id", "ami-0123456789abcdef0"),
    ("ami-launch-index", "0"),
    ("ami-manifest-path", "(unknown)"),
    ("block-device-mapping/ami", "/dev/xvda"),
    ("block-device-mapping/root", "/dev/xvda"),
    ("events/maintenance/history", "[]"),
    ("events/maintenance/scheduled", "[]"),
    ("instance-action", "none"),
    ("instance-id", "i-0123456789abcdef0"),
    ("instance-life-cycle", "on-demand"),
    ("instance-type", "t3.micro"),
    ("local-ipv4", "10.0.0.10"),
    ("mac", "02:00:00:00:00:0a"),
    ("profile", "default-hvm"),
    ("reservation-id", "r-0123456789abcdef0"),
    ("security-groups", "default"),
    ("services/domain", "amazonaws.com"),
    ("services/partition", "aws"),
    ("system", "nitro"),
];

/// Items in the directory of the network interface.
const INTERFACE: [(&str, &str); 8] = [
    ("device-number", "0"),
    ("interface-id", "eni-0123456789abcdef0"),
    ("local-ipv4s", "10.0.0.10"),
    ("mac", "02:00:00:00:00:0a"),
    ("owner-id", ACCOUNT),
    ("security-group-ids", "sg-0123456789abcdef0"),
    ("subnet-id", "subnet-0123456789abcdef0"),
    ("vpc-id", "vpc-0123456789abcdef0"),
];

/// Returns the metadata of an example instance without a role.
pub(crate) fn instance(region: &str) -> Tree {
    let mut tree = Tree::default();
    for (path, value) in ITEMS {
        tree.set(&format!("meta-data/{path}"), value);
    }
    for (name, value) in INTERFACE {
        let directory = "meta-data/network/interfaces/macs/02:00:00:00:00:0a";
        tree.set(&format!("{directory}/{name}"), value);
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
