use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use bytes::Bytes;
use keyfob_sigv4::Timestamp;

use crate::{
    client::{Client, found},
    error::Error,
    events::{LifecycleState, MaintenanceEvent, SpotAction, parse_rebalance},
    metadata::{IamInfo, IdentityDocument, Interface, Placement},
    path::Path,
};

const TAGS: Path<'static> = Path::known("/latest/meta-data/tags/instance/");

/// Typed lookups. Each method gets one item, or one directory, of the metadata.
///
/// An item that an instance need not have is an `Option`: `None` is HTTP 404, and every other
/// failure is an error. All of them fail as [`get`](Client::get) does, and with
/// [`ErrorKind::Response`](crate::ErrorKind::Response) if the item does not have the format that
/// its name promises.
///
/// Source: EC2 User Guide, "Instance metadata categories".
impl Client {
    /// Returns the id of the instance, `i-…`.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn instance_id(&self) -> Result<String, Error> {
        self.line("instance-id").await
    }

    /// Returns the type of the instance, such as `t3.micro`.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn instance_type(&self) -> Result<String, Error> {
        self.line("instance-type").await
    }

    /// Returns the id of the image that the instance was launched from, `ami-…`.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn ami_id(&self) -> Result<String, Error> {
        self.line("ami-id").await
    }

    /// Returns the private host name.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn hostname(&self) -> Result<String, Error> {
        self.line("hostname").await
    }

    /// Returns the hardware address of the primary interface.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn mac(&self) -> Result<String, Error> {
        self.line("mac").await
    }

    /// Returns the private IPv4 address of the primary interface; `None` in a subnet with IPv6
    /// only.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn local_ipv4(&self) -> Result<Option<Ipv4Addr>, Error> {
        self.parsed("local-ipv4").await
    }

    /// Returns the public IPv4 address.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn public_ipv4(&self) -> Result<Option<Ipv4Addr>, Error> {
        self.parsed("public-ipv4").await
    }

    /// Returns the primary IPv6 address.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn ipv6(&self) -> Result<Option<Ipv6Addr>, Error> {
        self.parsed("ipv6").await
    }

    /// Returns the region: `placement/region`, or, if that does not exist, the region in the
    /// identity document.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "server")] {
    /// use keyfob_imds::{Client, server::Imds};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_imds::Error> {
    /// let instance = Imds::builder().region("eu-west-1").start().await?;
    /// let client = Client::builder().endpoint(instance.endpoint()).build()?;
    /// assert_eq!(client.region().await?, "eu-west-1");
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub async fn region(&self) -> Result<String, Error> {
        if let Some(region) = found(self.line("placement/region").await)? {
            return Ok(region);
        }
        // Not the zone without its last letter: in a Local Zone that is not the region.
        let document = self.identity_document().await?;
        document
            .region
            .ok_or_else(|| Error::response("the identity document names no region"))
    }

    /// Returns where the instance is.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "server")] {
    /// use keyfob_imds::{Client, server::Imds};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_imds::Error> {
    /// let instance = Imds::builder().start().await?;
    /// let client = Client::builder().endpoint(instance.endpoint()).build()?;
    /// let placement = client.placement().await?;
    /// assert_eq!(placement.availability_zone.as_deref(), Some("us-east-1a"));
    /// assert_eq!(placement.group_name, None);
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub async fn placement(&self) -> Result<Placement, Error> {
        let items = self.items("placement/").await?;
        Ok(Placement::from_items(&items))
    }

    /// Returns the network interfaces, the primary one first.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "server")] {
    /// use keyfob_imds::{Client, server::Imds};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let instance = Imds::builder().start().await?;
    /// let client = Client::builder().endpoint(instance.endpoint()).build()?;
    /// let interfaces = client.interfaces().await?;
    /// assert_eq!(interfaces[0].mac, "02:00:00:00:00:0a");
    /// assert_eq!(interfaces[0].local_ipv4s, ["10.0.0.10".parse::<std::net::Ipv4Addr>()?]);
    /// # Ok(())
    /// # }
    /// # }
    /// ```
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

    /// Returns the instance's tags; `None` if they are not allowed in its metadata
    /// (`InstanceMetadataTags=enabled` allows them).
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn tags(&self) -> Result<Option<BTreeMap<String, String>>, Error> {
        let Some(keys) = found(self.list(TAGS.as_str()).await)? else {
            return Ok(None);
        };
        let mut tags = BTreeMap::new();
        for key in keys {
            // A tag may be deleted between the listing and this request.
            if let Some(value) = self.tag(&key).await? {
                tags.insert(key, value);
            }
        }
        Ok(Some(tags))
    }

    /// Returns the value of one tag; `None` if it does not exist or tags are not allowed in the
    /// metadata.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "server")] {
    /// use keyfob_imds::{Client, server::Imds};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_imds::Error> {
    /// let instance = Imds::builder()
    ///     .item("meta-data/tags/instance/cost center", "42")
    ///     .start()
    ///     .await?;
    /// let client = Client::builder().endpoint(instance.endpoint()).build()?;
    /// assert_eq!(client.tag("cost center").await?.as_deref(), Some("42"));
    /// assert_eq!(client.tag("Name").await?, None);
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub async fn tag(&self, key: &str) -> Result<Option<String>, Error> {
        self.get_optional(TAGS.child(key)?.as_str()).await
    }

    /// Returns the instance profile; `None` if there is none.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn iam_info(&self) -> Result<Option<IamInfo>, Error> {
        let info = self.optional("iam/info").await?;
        info.map(|info| IamInfo::parse(&info)).transpose()
    }

    /// Returns the identity document. `metadata::Certificate` (feature `verify`) verifies that EC2
    /// signed it.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "server")] {
    /// use keyfob_imds::{Client, server::Imds};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_imds::Error> {
    /// let instance = Imds::builder().start().await?;
    /// let client = Client::builder().endpoint(instance.endpoint()).build()?;
    /// let document = client.identity_document().await?;
    /// assert_eq!(document.account_id.as_deref(), Some("123456789012"));
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub async fn identity_document(&self) -> Result<IdentityDocument, Error> {
        let path = "/latest/dynamic/instance-identity/document";
        IdentityDocument::parse(self.get_bytes(path).await?)
    }

    /// Returns the user data, byte for byte; `None` if there is none. `metadata::unpack_user_data`
    /// (feature `user-data`) unpacks it.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "server")] {
    /// use keyfob_imds::{Client, server::Imds};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_imds::Error> {
    /// let instance = Imds::builder().item("user-data", "#!/bin/sh\n").start().await?;
    /// let client = Client::builder().endpoint(instance.endpoint()).build()?;
    /// assert_eq!(client.user_data().await?.as_deref(), Some(&b"#!/bin/sh\n"[..]));
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub async fn user_data(&self) -> Result<Option<Bytes>, Error> {
        self.optional("/latest/user-data").await
    }

    /// Returns the notice that this Spot Instance will be interrupted; `None` while there is none.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn spot_action(&self) -> Result<Option<SpotAction>, Error> {
        let notice = self.optional("spot/instance-action").await?;
        notice.map(|notice| SpotAction::parse(&notice)).transpose()
    }

    /// Returns when EC2 recommended to replace this Spot Instance; `None` while it has not.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn rebalance_recommendation(&self) -> Result<Option<Timestamp>, Error> {
        let notice = self.optional("events/recommendations/rebalance").await?;
        notice.map(|notice| parse_rebalance(&notice)).transpose()
    }

    /// Returns the events that are scheduled for the instance: reboots, retirement, work on the
    /// host.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "server")] {
    /// use keyfob_imds::{Client, server::Imds};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_imds::Error> {
    /// let scheduled = r#"[{"Code": "system-reboot", "State": "active"}]"#;
    /// let instance = Imds::builder()
    ///     .item("meta-data/events/maintenance/scheduled", scheduled)
    ///     .start()
    ///     .await?;
    /// let client = Client::builder().endpoint(instance.endpoint()).build()?;
    /// assert_eq!(client.scheduled_events().await?[0].code, "system-reboot");
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub async fn scheduled_events(&self) -> Result<Vec<MaintenanceEvent>, Error> {
        self.events("events/maintenance/scheduled").await
    }

    /// Returns the scheduled events that are over or were canceled.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn past_events(&self) -> Result<Vec<MaintenanceEvent>, Error> {
        self.events("events/maintenance/history").await
    }

    /// Returns the state that the Auto Scaling group moves the instance to; `None` outside a group.
    ///
    /// # Errors
    ///
    /// As for [`get`](Client::get).
    pub async fn lifecycle_state(&self) -> Result<Option<LifecycleState>, Error> {
        let state = self
            .get_optional("autoscaling/target-lifecycle-state")
            .await?;
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
        let value = text
            .parse()
            .map_err(|_| Error::response(format!("{path} does not have the format of its name")))?;
        Ok(Some(value))
    }

    async fn events(&self, path: &str) -> Result<Vec<MaintenanceEvent>, Error> {
        match self.optional(path).await? {
            Some(events) => MaintenanceEvent::parse_list(&events),
            None => Ok(Vec::new()),
        }
    }

    /// Returns all items below a directory of the metadata, by path from there.
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
