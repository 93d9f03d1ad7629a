use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use bytes::Bytes;
use keyfob_sigv4::Timestamp;

use super::{Client, found};
use crate::{
    error::Error,
    events::{LifecycleState, MaintenanceEvent, SpotAction, parse_rebalance},
    metadata::{IamInfo, IdentityDocument, Interface, Placement},
    path::Path,
};

/// Each method is one item, or one directory, of the metadata. What an instance need not have is an `Option`: `None` is HTTP
/// 404, and anything else that keeps it away is an error.
///
/// All of them fail as [`get`](Client::get) does, and with [`ErrorKind::Response`](crate::ErrorKind::Response) when the
/// item is not what its name says.
///
/// Source: EC2 User Guide, "Instance metadata categories".
impl Client {
    /// `i-…`.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn instance_id(&self) -> Result<String, Error> {
        self.line("instance-id").await
    }

    /// Such as `t3.micro`.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn instance_type(&self) -> Result<String, Error> {
        self.line("instance-type").await
    }

    /// The image it was launched from, `ami-…`.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn ami_id(&self) -> Result<String, Error> {
        self.line("ami-id").await
    }

    /// The private host name.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn hostname(&self) -> Result<String, Error> {
        self.line("hostname").await
    }

    /// The hardware address of the primary interface.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn mac(&self) -> Result<String, Error> {
        self.line("mac").await
    }

    /// The private IPv4 address of the primary interface; `None` in a subnet with IPv6 only.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn local_ipv4(&self) -> Result<Option<Ipv4Addr>, Error> {
        self.parsed("local-ipv4").await
    }

    /// The public IPv4 address.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn public_ipv4(&self) -> Result<Option<Ipv4Addr>, Error> {
        self.parsed("public-ipv4").await
    }

    /// The primary IPv6 address.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn ipv6(&self) -> Result<Option<Ipv6Addr>, Error> {
        self.parsed("ipv6").await
    }

    /// The region: `placement/region`, or, where that is missing, the region in the identity document. It is never cut out
    /// of the name of the zone.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn region(&self) -> Result<String, Error> {
        let missing = match found(self.line("placement/region").await) {
            Ok(Some(region)) => return Ok(region),
            Ok(None) => Error::bad_response("the identity document names no region"),
            Err(error) => return Err(error),
        };
        self.identity_document().await?.region.ok_or(missing)
    }

    /// Where the instance is.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn placement(&self) -> Result<Placement, Error> {
        let items = self.items("placement/").await?;
        Ok(Placement::from_items(&items))
    }

    /// The network interfaces, the primary one first.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn interfaces(&self) -> Result<Vec<Interface>, Error> {
        let mut by_mac = BTreeMap::<String, BTreeMap<String, String>>::new();
        for (path, value) in self.items("network/interfaces/macs/").await? {
            if let Some((mac, item)) = path.split_once('/') {
                by_mac
                    .entry(mac.to_owned())
                    .or_default()
                    .insert(item.to_owned(), value);
            }
        }
        let mut all: Vec<Interface> = by_mac
            .into_iter()
            .map(|(mac, items)| Interface::from_items(mac, &items))
            .collect();
        all.sort_by_key(|interface| interface.device_number);
        Ok(all)
    }

    /// The instance's tags; `None` when the instance does not allow them in its metadata
    /// (`InstanceMetadataTags=enabled` does).
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn tags(&self) -> Result<Option<BTreeMap<String, String>>, Error> {
        let directory = Path::known("/latest/meta-data/tags/instance/");
        let Some(keys) = found(self.list(directory.as_str()).await)? else {
            return Ok(None);
        };
        let mut tags = BTreeMap::new();
        for key in keys {
            // A tag may be deleted between the list and the question.
            if let Some(value) = found(self.get(directory.child(&key)?.as_str()).await)? {
                tags.insert(key, value);
            }
        }
        Ok(Some(tags))
    }

    /// The value of one tag; `None` when there is none or tags are not allowed in the metadata.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn tag(&self, key: &str) -> Result<Option<String>, Error> {
        let path = Path::known("/latest/meta-data/tags/instance/").child(key)?;
        found(self.get(path.as_str()).await)
    }

    /// The instance profile; `None` without one.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn iam_info(&self) -> Result<Option<IamInfo>, Error> {
        let info = self.optional("iam/info").await?;
        info.map(|info| IamInfo::parse(&info)).transpose()
    }

    /// The identity document. Whether EC2 signed it is for `Certificate` to say (feature `verify`).
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn identity_document(&self) -> Result<IdentityDocument, Error> {
        let path = "/latest/dynamic/instance-identity/document";
        IdentityDocument::parse(self.get_bytes(path).await?)
    }

    /// The user data, byte for byte; `None` without any. `unpack_user_data` (feature `user-data`) takes it apart.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn user_data(&self) -> Result<Option<Bytes>, Error> {
        self.optional("/latest/user-data").await
    }

    /// The notice that this Spot Instance will be interrupted; `None` while there is none.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn spot_action(&self) -> Result<Option<SpotAction>, Error> {
        let notice = self.optional("spot/instance-action").await?;
        notice.map(|notice| SpotAction::parse(&notice)).transpose()
    }

    /// When EC2 recommended to replace this Spot Instance; `None` while it has not.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn rebalance_recommendation(&self) -> Result<Option<Timestamp>, Error> {
        let notice = self.optional("events/recommendations/rebalance").await?;
        notice.map(|notice| parse_rebalance(&notice)).transpose()
    }

    /// What is scheduled for the instance: reboots, retirement, work on the host.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn scheduled_events(&self) -> Result<Vec<MaintenanceEvent>, Error> {
        self.events("events/maintenance/scheduled").await
    }

    /// What was scheduled and is over or called off.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn past_events(&self) -> Result<Vec<MaintenanceEvent>, Error> {
        self.events("events/maintenance/history").await
    }

    /// Where the Auto Scaling group means the instance to go; `None` outside a group.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn lifecycle_state(&self) -> Result<Option<LifecycleState>, Error> {
        let state = found(self.get("autoscaling/target-lifecycle-state").await)?;
        Ok(state.map(|state| LifecycleState::parse(&state)))
    }

    async fn line(&self, path: &str) -> Result<String, Error> {
        Ok(self.get(path).await?.trim().to_owned())
    }

    async fn optional(&self, path: &str) -> Result<Option<Bytes>, Error> {
        found(self.get_bytes(path).await)
    }

    async fn parsed<T: FromStr>(&self, path: &str) -> Result<Option<T>, Error> {
        let Some(text) = found(self.line(path).await)? else {
            return Ok(None);
        };
        let unusable =
            |_| Error::bad_response(format!("{path} is not of the form that its name says"));
        text.parse().map(Some).map_err(unusable)
    }

    async fn events(&self, path: &str) -> Result<Vec<MaintenanceEvent>, Error> {
        let events = self.optional(path).await?;
        events.map_or_else(
            || Ok(Vec::new()),
            |events| MaintenanceEvent::parse_list(&events),
        )
    }

    /// All items below a directory of the metadata, by path from there.
    async fn items(&self, directory: &str) -> Result<BTreeMap<String, String>, Error> {
        let base = Path::new(directory)?;
        let mut walk = self.walk(directory)?;
        let mut items = BTreeMap::new();
        while let Some(entry) = walk.next().await {
            let entry = entry?;
            let name = entry
                .path
                .strip_prefix(base.as_str())
                .unwrap_or(&entry.path);
            let value = String::from_utf8_lossy(entry.value.as_deref().unwrap_or_default());
            items.insert(name.to_owned(), value.trim().to_owned());
        }
        Ok(items)
    }
}
