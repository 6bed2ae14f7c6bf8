//! Judges the key that a server shows. Whatever is wanted, the handshake's signature has to be the
//! key's: a copied certificate without its key is refused.

use std::sync::{Arc, Mutex, PoisonError};

use liao_common::id::Pin;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{self, CryptoProvider, WebPkiSupportedAlgorithms},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::pin_of;

/// What makes a key the right one.
#[derive(Debug)]
pub(super) enum Rule {
    /// It is this one or that one. Names and dates are not looked at: the key is what is trusted, for as
    /// long as it stays.
    Key(Pin, Pin),
    /// An authority vouches for it, now and for this name.
    Vouched,
    /// Any will do.
    Any,
}

/// Why no authority vouches for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// None did, or for another name, or not in a way that can be followed.
    Unknown,
    /// One did, and its word has expired by this computer's clock.
    Expired,
    /// One did, and its word does not hold yet by this computer's clock.
    NotYetValid,
}

/// What was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// The key.
    pub(super) pin: Pin,
    /// Whether an authority vouches for it.
    pub(super) vouched: Result<(), Doubt>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Verifier {
    rule: Rule,
    /// None where there is no authority to ask, or no name to ask for.
    authorities: Option<(Arc<WebPkiServerVerifier>, ServerName<'static>)>,
    found: Mutex<Option<Found>>,
    pub(super) provider: Arc<CryptoProvider>,
}

impl Verifier {
    pub(super) fn new(
        rule: Rule,
        roots: Arc<RootCertStore>,
        name: Option<ServerName<'static>>,
    ) -> Self {
        let provider = Arc::new(crypto::ring::default_provider());
        let builder =
            WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
        let authorities = builder.ok().zip(name);
        Self { rule, authorities, found: Mutex::default(), provider }
    }

    pub(super) fn found(&self) -> Option<Found> {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn rule(&self) -> &Rule {
        &self.rule
    }

    fn algorithms(&self) -> &WebPkiSupportedAlgorithms {
        &self.provider.signature_verification_algorithms
    }

    fn vouched(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Doubt> {
        let Some((authorities, name)) = &self.authorities else { return Err(Doubt::Unknown) };
        let at = |time| authorities.verify_server_cert(certificate, between, name, &[], time);
        let Err(error) = at(now) else { return Ok(()) };
        let (moment, doubt) = out_of_date(&error).ok_or(Doubt::Unknown)?;
        // Dates are looked at first. What is wrong at all times is not the clock's fault.
        match at(moment) {
            Err(error) if out_of_date(&error).is_none() => Err(Doubt::Unknown),
            _ => Err(doubt),
        }
    }
}

/// A moment at which the date would have been right, where the date is what is wrong.
fn out_of_date(error: &Error) -> Option<(UnixTime, Doubt)> {
    match error {
        Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => {
            Some((*not_after, Doubt::Expired))
        }
        Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. }) => {
            Some((*not_before, Doubt::NotYetValid))
        }
        _ => None,
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let pin = pin_of(certificate)?;
        let vouched = self.vouched(certificate, between, now);
        let found = Found { pin, vouched };
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        let right = match self.rule {
            Rule::Key(expected, next) => pin == expected || pin == next,
            Rule::Vouched => vouched.is_ok(),
            Rule::Any => true,
        };
        if !right {
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
