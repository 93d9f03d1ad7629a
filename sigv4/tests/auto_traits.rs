//! All public types can be sent to and shared between threads, as part of the API.

use keyfob_sigv4::{
    AmzDate, Credentials, Explanation, HostScope, Payload, Presigned, Request, Rules, Scope,
    Secret, Signature, Signer, SigningKey, Timestamp, TokenRule, Ttl,
    chunked::{self, Streaming},
    event_stream, post_policy,
    resign::{BodyResigner, Resigned, Resigner},
    verify,
};

fn assert_send_sync<T: Send + Sync>() {}

macro_rules! assert_all {
    ($($type:ty),+ $(,)?) => { $(assert_send_sync::<$type>();)+ };
}

#[test]
fn all_types_are_send_and_sync() {
    assert_all!(
        Signer,
        Signature,
        Presigned,
        Explanation,
        Credentials,
        Secret,
        SigningKey
    );
    assert_all!(
        Request<'_>,
        Payload<'_>,
        Streaming,
        Rules,
        TokenRule,
        Scope,
        HostScope,
        Ttl
    );
    assert_all!(Timestamp, AmzDate, Resigner, Resigned, BodyResigner);
    assert_all!(keyfob_sigv4::Error);
    assert_all!(
        verify::Verifier,
        verify::Claim<'_>,
        verify::Verified,
        verify::Error
    );
    assert_all!(verify::PostClaim<'_>, verify::VerifiedPost);
    assert_all!(verify::Dialect, verify::ErrorKind, keyfob_sigv4::ErrorKind);
    assert_all!(post_policy::PostPolicy, post_policy::PostForm);
    assert_all!(
        chunked::Chunked,
        chunked::ChunkEncoder,
        chunked::ChunkDecoder
    );
    assert_all!(
        chunked::ChunkSigner,
        chunked::ChunkVerifier,
        chunked::ChunkSignature
    );
    assert_all!(
        chunked::ChunkError,
        chunked::ChunkErrorKind,
        chunked::Checksum
    );
    assert_all!(event_stream::EventSigner, event_stream::EventVerifier);
    assert_all!(event_stream::Message, event_stream::HeaderValue);
}

#[test]
#[cfg(feature = "std")]
fn readers_are_send_and_sync_if_their_source_is() {
    assert_all!(chunked::ChunkReader<std::io::Empty>);
    assert_all!(chunked::ChunkFrames<std::iter::Empty<Vec<u8>>>);
}

#[test]
#[cfg(feature = "http-body")]
fn bodies_are_send_and_sync_if_their_source_is() {
    assert_all!(chunked::ChunkBody<()>, chunked::ChunkBodyError<()>);
}

#[test]
#[cfg(feature = "diagnose")]
fn differences_are_send_and_sync() {
    use keyfob_sigv4::diagnose::{Difference, Part, ServerView};

    assert_all!(ServerView, Difference, Part);
}

#[test]
#[cfg(feature = "tokens")]
fn tokens_are_send_and_sync() {
    use keyfob_sigv4::token::{
        AppSync, AppSyncConnection, CacheKind, CodeCommitLogin, DsqlUser, EksToken, Token,
    };

    assert_all!(Token, EksToken, CodeCommitLogin, AppSync, AppSyncConnection);
    assert_all!(CacheKind, DsqlUser);
}

#[test]
#[cfg(feature = "v4a")]
fn asymmetric_keys_are_send_and_sync() {
    use keyfob_sigv4::v4a;

    assert_all!(
        v4a::Signer,
        v4a::SigningKey,
        v4a::VerifyingKey,
        v4a::RegionSet
    );
}
