use http::Method;

use crate::s3::{Call, Client, Error, xml};

/// Creates a bucket with these tags in the region of the client.
///
/// # Errors
///
/// If S3 refuses.
pub(crate) async fn create_bucket(
    client: &Client,
    bucket: &str,
    tags: impl Iterator<Item = (&'_ str, &'_ str)>,
) -> Result<(), Error> {
    let region = client.region()?;
    let mut call = Call::new("CreateBucket", Method::PUT).bucket(bucket);
    let mut configuration = String::new();
    // S3 refuses this region where it is the default.
    if region != "us-east-1" {
        configuration = format!("<LocationConstraint>{region}</LocationConstraint>");
    }
    let mut set = String::new();
    for (key, value) in tags {
        set += "<Tag><Key>";
        xml::escape(key, &mut set);
        set += "</Key><Value>";
        xml::escape(value, &mut set);
        set += "</Value></Tag>";
    }
    if !set.is_empty() {
        configuration += &format!("<Tags>{set}</Tags>");
    }
    if !configuration.is_empty() {
        call = call.content(format!(
            "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             {configuration}</CreateBucketConfiguration>"
        ));
    }
    client.send(&call).await.map(drop)
}

/// Deletes an empty bucket.
///
/// # Errors
///
/// If S3 refuses.
pub(crate) async fn delete_bucket(client: &Client, bucket: &str) -> Result<(), Error> {
    let call = Call::new("DeleteBucket", Method::DELETE).bucket(bucket);
    client.send(&call).await.map(drop)
}
