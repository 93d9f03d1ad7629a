use http::Method;

use crate::s3::{Call, Client, Error};

/// Creates a bucket in the region of the client.
///
/// # Errors
///
/// If S3 refuses.
pub(crate) async fn create_bucket(client: &Client, bucket: &str) -> Result<(), Error> {
    let region = client.region()?;
    let mut call = Call::new("CreateBucket", Method::PUT).bucket(bucket);
    // S3 refuses this region where it is the default.
    if region != "us-east-1" {
        call = call.content(format!(
            "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
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
