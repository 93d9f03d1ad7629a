//! The names of the headers that signing sets, and of those that announce an `aws-chunked` body.

pub(crate) const DATE: &str = "x-amz-date";
pub(crate) const CONTENT_SHA256: &str = "x-amz-content-sha256";
pub(crate) const REGION_SET: &str = "x-amz-region-set";
pub(crate) const SECURITY_TOKEN: &str = "x-amz-security-token";
pub(crate) const S3_SESSION_TOKEN: &str = "x-amz-s3session-token";
pub(crate) const DECODED_LENGTH: &str = "x-amz-decoded-content-length";
pub(crate) const TRAILER: &str = "x-amz-trailer";
