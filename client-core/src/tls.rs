//! TLS 1.3 with a known key, or with one that a certificate authority vouches for. Which of them it
//! is decides the caller; nothing is remembered here.

use std::sync::Arc;

use liao_common::{id::Pin, limits};
use rustls::{
    ClientConfig, Error, RootCertStore, crypto,
    pki_types::{CertificateDer, ServerName},
    server::ParsedCertificate,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::spawn_blocking,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{authorities::Authorities, trust::ConnectError};

mod overheard;
mod verifier;

use overheard::Overheard;
use verifier::{Doubt, Found, Rule, Verifier};

/// What makes a server the right one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// It has this key.
    Key(Pin),
    /// It has this key, or already the one that it announced.
    KeyOrNext(Pin, Pin),
    /// One of these vouches for its key.
    Vouched(Authorities),
    /// Whoever it is; whether one of these vouches for it is only told.
    Any(Authorities),
}

/// The key of a server that has shown to have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The key.
    pub pin: Pin,
    /// An authority vouches for it.
    pub vouched: bool,
}

/// Handshakes over `stream` and gives the encrypted stream with the key that was shown.
///
/// # Errors
/// [`ConnectError::PinChanged`], [`ConnectError::Uncertified`], [`ConnectError::Expired`],
/// [`ConnectError::NotYetValid`], [`ConnectError::Unencrypted`], or [`ConnectError::Tls`] for
/// everything else.
pub async fn secure<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    host: &str,
    wanted: Wanted,
) -> Result<(TlsStream<Overheard<S>>, Shown), ConnectError> {
    let (stream, first) = Overheard::new(stream);
    let name = ServerName::try_from(host.to_owned()).ok();
    let verifier = Arc::new(verifier(wanted, name.clone()).await?);
    let config = client_config(Arc::clone(&verifier))?;
    // A host that cannot stand in a handshake is left out of it. No authority vouches for it then.
    let name = name
        .map_or_else(|| ServerName::try_from("liao"), Ok)
        .map_err(|error| ConnectError::Tls(error.to_string()))?;
    let done = TlsConnector::from(config).connect(name, stream).await;
    match (done, verifier.found()) {
        (Ok(stream), Some(Found { pin, vouched })) => {
            if stream.get_ref().1.alpn_protocol() != Some(limits::ALPN) {
                return Err(ConnectError::Protocol("no common ALPN protocol".to_owned()));
            }
            Ok((stream, Shown { pin, vouched: vouched.is_ok() }))
        }
        (Ok(_), None) => Err(ConnectError::Tls("the server showed no key".to_owned())),
        (Err(error), Some(found)) => {
            let failed = || ConnectError::Tls(error.to_string());
            Err(distrust(verifier.rule(), found).unwrap_or_else(failed))
        }
        (Err(_), None) if first.is_refusal() => Err(ConnectError::Unencrypted),
        (Err(error), None) => Err(ConnectError::Tls(error.to_string())),
    }
}

/// Why a key that was found is not the right one, if it is not.
fn distrust(rule: &Rule, Found { pin, vouched }: Found) -> Option<ConnectError> {
    match (rule, vouched) {
        (Rule::Key(expected, next), _) if pin != *expected && pin != *next => {
            Some(ConnectError::PinChanged { expected: *expected, found: pin })
        }
        (Rule::Vouched, Err(Doubt::Unknown)) => Some(ConnectError::Uncertified { found: pin }),
        (Rule::Vouched, Err(Doubt::Expired)) => Some(ConnectError::Expired),
        (Rule::Vouched, Err(Doubt::NotYetValid)) => Some(ConnectError::NotYetValid),
        _ => None,
    }
}

async fn verifier(
    wanted: Wanted,
    name: Option<ServerName<'static>>,
) -> Result<Verifier, ConnectError> {
    let (rule, authorities) = match wanted {
        Wanted::Key(pin) => {
            return Ok(Verifier::new(Rule::Key(pin, pin), RootCertStore::empty().into(), name));
        }
        Wanted::KeyOrNext(pin, next) => {
            return Ok(Verifier::new(Rule::Key(pin, next), RootCertStore::empty().into(), name));
        }
        Wanted::Vouched(authorities) => (Rule::Vouched, authorities),
        Wanted::Any(authorities) => (Rule::Any, authorities),
    };
    let roots = spawn_blocking(move || authorities.roots()).await;
    let roots = roots.map_err(|error| ConnectError::Tls(error.to_string()))?;
    Ok(Verifier::new(rule, roots, name))
}

/// The pin of a certificate: SHA-256 of its SubjectPublicKeyInfo.
///
/// # Errors
/// When the certificate cannot be parsed.
pub fn pin_of(certificate: &CertificateDer<'_>) -> Result<Pin, Error> {
    let parsed = ParsedCertificate::try_from(certificate)?;
    let key = parsed.subject_public_key_info();
    let suite = crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
    let hash = suite.tls13().map(|suite| suite.common.hash_provider.hash(key.as_ref()));
    let bytes = hash.and_then(|hash| hash.as_ref().try_into().ok());
    bytes.map(Pin).ok_or_else(|| Error::General("no SHA-256".to_owned()))
}

fn client_config(verifier: Arc<Verifier>) -> Result<Arc<ClientConfig>, ConnectError> {
    let provider = Arc::clone(&verifier.provider);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| ConnectError::Tls(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![limits::ALPN.to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests;
