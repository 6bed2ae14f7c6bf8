//! TLS 1.3 with a known key instead of a certificate authority. The verifier compares the key and
//! checks the handshake's signature: a copied certificate without its key is refused.

use std::sync::{Arc, Mutex, PoisonError};

use liao_common::{id::Pin, limits};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{self, CryptoProvider, WebPkiSupportedAlgorithms},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::trust::ConnectError;

mod overheard;

use overheard::Overheard;

/// Handshakes over `stream` and gives the encrypted stream with the key that was shown. With
/// `expected`, any other key is refused; without, the key is only reported.
///
/// # Errors
/// [`ConnectError::PinChanged`], [`ConnectError::Unencrypted`], or [`ConnectError::Tls`] for
/// everything else.
pub async fn secure<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    host: &str,
    expected: Option<Pin>,
) -> Result<(TlsStream<Overheard<S>>, Pin), ConnectError> {
    let (stream, first) = Overheard::new(stream);
    let verifier = Arc::new(KeyVerifier::new(expected));
    let config = client_config(Arc::clone(&verifier))?;
    // A host that cannot stand in a handshake is left out of it: the key decides, not the name.
    let name = ServerName::try_from(host.to_owned())
        .or_else(|_| ServerName::try_from("liao"))
        .map_err(|error| ConnectError::Tls(error.to_string()))?;
    let done = TlsConnector::from(config).connect(name, stream).await;
    match (done, verifier.found(), expected) {
        (Ok(stream), Some(found), _) => {
            if stream.get_ref().1.alpn_protocol() != Some(limits::ALPN) {
                return Err(ConnectError::Protocol("no common ALPN protocol".to_owned()));
            }
            Ok((stream, found))
        }
        (Ok(_), None, _) => Err(ConnectError::Tls("the server showed no key".to_owned())),
        (Err(_), Some(found), Some(expected)) if found != expected => {
            Err(ConnectError::PinChanged { expected, found })
        }
        (Err(_), None, _) if first.is_refusal() => Err(ConnectError::Unencrypted),
        (Err(error), ..) => Err(ConnectError::Tls(error.to_string())),
    }
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

fn client_config(verifier: Arc<KeyVerifier>) -> Result<Arc<ClientConfig>, ConnectError> {
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

#[derive(Debug)]
struct KeyVerifier {
    expected: Option<Pin>,
    found: Mutex<Option<Pin>>,
    provider: Arc<CryptoProvider>,
}

impl KeyVerifier {
    fn new(expected: Option<Pin>) -> Self {
        let provider = Arc::new(crypto::ring::default_provider());
        Self { expected, found: Mutex::default(), provider }
    }

    fn found(&self) -> Option<Pin> {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn algorithms(&self) -> &WebPkiSupportedAlgorithms {
        &self.provider.signature_verification_algorithms
    }
}

impl ServerCertVerifier for KeyVerifier {
    /// Names and dates are not looked at: the key is what is trusted, for as long as it stays.
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let pin = pin_of(certificate)?;
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(pin);
        if self.expected.is_some_and(|expected| expected != pin) {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not spoken".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls13_signature(message, certificate, signature, self.algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms().supported_schemes()
    }
}

#[cfg(test)]
mod tests;
