//! What takes the place of a provider of cryptography if the program has not installed one.
//!
//! A configuration needs a provider, also that of a client that only calls `http`. With this one
//! each handshake fails before anything is sent, because it starts with random bytes.

use std::{error::Error as StdError, sync::Arc};

use rustls::{
    CipherSuite, CipherSuiteCommon, ConnectionTrafficSecrets, Error, NamedGroup,
    SupportedCipherSuite, Tls12CipherSuite,
    crypto::{
        ActiveKeyExchange, CryptoProvider, GetRandomFailed, KeyExchangeAlgorithm, KeyProvider,
        SecureRandom, SupportedKxGroup, WebPkiSupportedAlgorithms,
        cipher::{
            AeadKey, InboundOpaqueMessage, InboundPlainMessage, KeyBlockShape, MessageDecrypter,
            MessageEncrypter, OutboundOpaqueMessage, OutboundPlainMessage, Tls12AeadAlgorithm,
            UnsupportedOperationError,
        },
        hash::{self, Hash, HashAlgorithm},
        tls12::Prf,
    },
    pki_types::PrivateKeyDer,
    sign::SigningKey,
};

use super::words::find;

pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        // A configuration needs one of both.
        cipher_suites: vec![SupportedCipherSuite::Tls12(&SUITE)],
        kx_groups: vec![&Nothing],
        signature_verification_algorithms: WebPkiSupportedAlgorithms {
            all: &[],
            mapping: &[],
        },
        secure_random: &Nothing,
        key_provider: &Nothing,
    }
}

/// Returns true if a handshake failed because there is no provider.
pub(in crate::client) fn is_missing(error: &(dyn StdError + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    causes.any(|error| matches!(find(error), Some(Error::FailedToGetRandomBytes)))
}

static SUITE: Tls12CipherSuite = Tls12CipherSuite {
    common: CipherSuiteCommon {
        suite: CipherSuite::TLS_NULL_WITH_NULL_NULL,
        hash_provider: &Nothing,
        confidentiality_limit: 0,
    },
    prf_provider: &Nothing,
    kx: KeyExchangeAlgorithm::ECDHE,
    sign: &[],
    aead_alg: &Nothing,
};

/// Cryptography that cannot do anything.
#[derive(Debug)]
struct Nothing;

impl Nothing {
    fn error() -> Error {
        Error::General("there is no provider of cryptography".to_owned())
    }
}

impl SecureRandom for Nothing {
    fn fill(&self, _: &mut [u8]) -> Result<(), GetRandomFailed> {
        Err(GetRandomFailed)
    }
}

impl KeyProvider for Nothing {
    fn load_private_key(&self, _: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        Err(Self::error())
    }
}

impl SupportedKxGroup for Nothing {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        Err(Self::error())
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp256r1
    }
}

impl Hash for Nothing {
    fn start(&self) -> Box<dyn hash::Context> {
        Box::new(Self)
    }

    fn hash(&self, _: &[u8]) -> hash::Output {
        hash::Output::new(&[])
    }

    fn output_len(&self) -> usize {
        0
    }

    fn algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::NONE
    }
}

impl hash::Context for Nothing {
    fn fork_finish(&self) -> hash::Output {
        hash::Output::new(&[])
    }

    fn fork(&self) -> Box<dyn hash::Context> {
        Box::new(Self)
    }

    fn finish(self: Box<Self>) -> hash::Output {
        hash::Output::new(&[])
    }

    fn update(&mut self, _: &[u8]) {}
}

impl Prf for Nothing {
    fn for_key_exchange(
        &self,
        _: &mut [u8; 48],
        _: Box<dyn ActiveKeyExchange>,
        _: &[u8],
        _: &[u8],
        _: &[u8],
    ) -> Result<(), Error> {
        Err(Self::error())
    }

    fn for_secret(&self, _: &mut [u8], _: &[u8], _: &[u8], _: &[u8]) {}
}

impl Tls12AeadAlgorithm for Nothing {
    fn encrypter(&self, _: AeadKey, _: &[u8], _: &[u8]) -> Box<dyn MessageEncrypter> {
        Box::new(Self)
    }

    fn decrypter(&self, _: AeadKey, _: &[u8]) -> Box<dyn MessageDecrypter> {
        Box::new(Self)
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        KeyBlockShape {
            enc_key_len: 0,
            fixed_iv_len: 0,
            explicit_nonce_len: 0,
        }
    }

    fn extract_keys(
        &self,
        _: AeadKey,
        _: &[u8],
        _: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

impl MessageEncrypter for Nothing {
    fn encrypt(
        &mut self,
        _: OutboundPlainMessage<'_>,
        _: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        Err(Self::error())
    }

    fn encrypted_payload_len(&self, length: usize) -> usize {
        length
    }
}

impl MessageDecrypter for Nothing {
    fn decrypt<'a>(
        &mut self,
        _: InboundOpaqueMessage<'a>,
        _: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        Err(Self::error())
    }
}
