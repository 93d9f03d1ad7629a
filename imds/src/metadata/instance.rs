use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use keyfob_sigv4::Timestamp;

use crate::{error::Error, json::Members};

/// Where an instance is. Options that were not chosen at launch are `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Placement {
    /// The zone, such as `us-east-1a`, or `us-west-2-lax-1a` in a Local Zone.
    pub availability_zone: Option<String>,
    /// The id of the zone, such as `use1-az4`. It is the same in every account.
    pub availability_zone_id: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The placement group.
    pub group_name: Option<String>,
    /// The dedicated host.
    pub host_id: Option<String>,
    /// The partition in a partition placement group.
    pub partition_number: Option<u32>,
}

impl Placement {
    pub(crate) fn from_items(items: &BTreeMap<String, String>) -> Self {
        let text = |name: &str| items.get(name).cloned();
        Self {
            availability_zone: text("availability-zone"),
            availability_zone_id: text("availability-zone-id"),
            region: text("region"),
            group_name: text("group-name"),
            host_id: text("host-id"),
            partition_number: text("partition-number").and_then(|number| number.parse().ok()),
        }
    }
}

/// A network interface. Properties that it does not have are `None` or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interface {
    /// The hardware address.
    pub mac: String,
    /// The index on the instance. The primary interface has 0.
    pub device_number: Option<u32>,
    /// The id of the interface, `eni-…`.
    pub interface_id: Option<String>,
    /// The id of the subnet, `subnet-…`.
    pub subnet_id: Option<String>,
    /// The id of the VPC, `vpc-…`.
    pub vpc_id: Option<String>,
    /// The private IPv4 addresses.
    pub local_ipv4s: Vec<Ipv4Addr>,
    /// The public IPv4 addresses.
    pub public_ipv4s: Vec<Ipv4Addr>,
    /// The IPv6 addresses.
    pub ipv6s: Vec<Ipv6Addr>,
    /// The ids of the security groups, `sg-…`.
    pub security_group_ids: Vec<String>,
}

impl Interface {
    pub(crate) fn from_items(mac: String, items: &BTreeMap<String, String>) -> Self {
        let text = |name: &str| items.get(name).cloned();
        Self {
            device_number: text("device-number").and_then(|number| number.parse().ok()),
            interface_id: text("interface-id"),
            subnet_id: text("subnet-id"),
            vpc_id: text("vpc-id"),
            local_ipv4s: lines(items.get("local-ipv4s")),
            public_ipv4s: lines(items.get("public-ipv4s")),
            ipv6s: lines(items.get("ipv6s")),
            security_group_ids: lines(items.get("security-group-ids")),
            mac,
        }
    }
}

/// What the instance knows about its instance profile, which is not the role's policies.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IamInfo {
    /// `Success`, or why the role cannot be assumed.
    pub code: Option<String>,
    /// What `code` means, if it is not `Success`.
    pub message: Option<String>,
    /// The ARN of the instance profile. The role has another one.
    pub instance_profile_arn: Option<String>,
    /// The id of the instance profile, `AIPA…`.
    pub instance_profile_id: Option<String>,
    /// When the credentials were last refreshed.
    pub last_updated: Option<Timestamp>,
}

impl IamInfo {
    pub(crate) fn parse(document: &[u8]) -> Result<Self, Error> {
        let mut members = Members::parse(document, "IAM info")?;
        Ok(Self {
            code: members.text("Code"),
            message: members.text("Message"),
            instance_profile_arn: members.text("InstanceProfileArn"),
            instance_profile_id: members.text("InstanceProfileId"),
            last_updated: members.parsed("LastUpdated"),
        })
    }
}

/// Parses the lines of an item. Lines that are not of this type are left out.
fn lines<T: FromStr>(item: Option<&String>) -> Vec<T> {
    let lines = item.into_iter().flat_map(|text| text.lines());
    lines.filter_map(|line| line.trim().parse().ok()).collect()
}
