use keyfob_sts::{Endpoint, EndpointBuilder};

use crate::{
    failure::Failure,
    s3::{Addressing, uri::bucket_url},
};

/// The endpoint that settings choose, and where its URLs have the bucket.
#[derive(Debug)]
pub(crate) struct Address {
    builder: EndpointBuilder,
    addressing: Addressing,
    is_custom: bool,
}

impl Address {
    /// Returns the addresses at the endpoint of this builder, which has a region.
    pub(crate) fn new(builder: EndpointBuilder, addressing: Addressing) -> Self {
        Self {
            builder,
            addressing,
            is_custom: false,
        }
    }

    /// Says whether the endpoint is a URL of the user's own.
    pub(crate) fn custom(mut self, yes: bool) -> Self {
        self.is_custom = yes;
        self
    }

    pub(crate) fn is_custom(&self) -> bool {
        self.is_custom
    }

    pub(crate) fn addressing(&self) -> Addressing {
        self.addressing
    }

    /// Returns the endpoint of another region, or of the one that the settings choose. A URL of the
    /// user's own is the same for all.
    ///
    /// # Errors
    ///
    /// If the settings contradict each other, or if there is no endpoint in that region.
    pub(crate) fn endpoint(&self, region: Option<&str>) -> Result<Endpoint, Failure> {
        let builder = self.builder.clone();
        let builder = match region {
            Some(region) => builder.region(region),
            None => Ok(builder),
        };
        let service = match self.addressing {
            Addressing::OnlyVirtual => "S3 transfer acceleration",
            _ => "S3",
        };
        builder.and_then(EndpointBuilder::build).map_err(|error| {
            let message = format!("{service} cannot be used with these settings: {error}");
            Failure::configuration(message)
        })
    }

    /// Returns the URL of a bucket, or of the account, in a region, without a `/` at its end, and
    /// the endpoint that it is below.
    ///
    /// # Errors
    ///
    /// As [`endpoint`](Self::endpoint), or if the bucket has to be in the host but cannot be there.
    pub(crate) fn resolve(
        &self,
        bucket: Option<&str>,
        region: Option<&str>,
    ) -> Result<(String, Endpoint), Failure> {
        let endpoint = self.endpoint(region)?;
        let url = endpoint.url();
        let url = match bucket {
            Some(bucket) => bucket_url(bucket, &url, self.addressing)?,
            None => url.trim_end_matches('/').to_owned(),
        };
        Ok((url, endpoint))
    }
}
