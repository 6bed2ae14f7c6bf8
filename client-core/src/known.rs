//! Dials a server by what this computer knows of it at that moment. The files own the keys: what is
//! forgotten there, by whatever program, is not believed any more at the next attempt.

use liao_common::id::Pin;
use tokio::task::spawn_blocking;

use crate::{
    address::Address,
    authorities::Authorities,
    clock,
    dial::{self, BoxFuture, Dialer, Stream},
    home::Home,
    trust::{ConnectError, Trust},
};

/// See the module.
#[derive(Clone, Debug)]
pub struct KnownDialer {
    /// Where keys are looked up.
    pub home: Home,
    /// Where the server is.
    pub address: Address,
    /// The key that a link named; it counts only while none is known.
    pub named: Option<Pin>,
    /// Who may vouch for a server of which that is known.
    pub authorities: Authorities,
}

impl KnownDialer {
    /// Why the server is believed now.
    ///
    /// # Errors
    /// [`ConnectError::KeyUnknown`] and [`ConnectError::KeysUnreadable`].
    pub async fn trust(&self) -> Result<Trust, ConnectError> {
        let (home, address) = (self.home.clone(), self.address.clone());
        let known = spawn_blocking(move || home.server(&address)).await;
        let known = known.map_err(|error| ConnectError::KeysUnreadable(error.to_string()))?;
        let known = known.map_err(|error| ConnectError::KeysUnreadable(error.to_string()))?;
        let known = known.map(|server| match (server.vouched, server.next) {
            (true, _) => Trust::Vouched(self.authorities.clone()),
            (false, Some(next)) => Trust::Moving { pin: server.pin, next },
            (false, None) => Trust::Pinned(server.pin),
        });
        known.or(self.named.map(Trust::Named)).ok_or(ConnectError::KeyUnknown)
    }

    /// The server has the key now that it had announced. The old one is not believed any more.
    async fn moved(&self) {
        let (home, address) = (self.home.clone(), self.address.clone());
        let since_ms = clock::wall_ms();
        let moving = spawn_blocking(move || home.remember_moved(&address, since_ms));
        match moving.await {
            Ok(Ok(())) => {}
            // Believed until the end of the program, and tried again with the next write.
            Ok(Err(error)) => tracing::warn!(%error, "the server's new key is not written down"),
            Err(error) => tracing::warn!(%error, "the server's new key is not kept"),
        }
    }
}

impl Dialer for KnownDialer {
    fn connect(&self) -> BoxFuture<'_, Result<Stream, ConnectError>> {
        Box::pin(async {
            let stream = dial::open(&self.address, false).await?;
            Ok(Box::new(stream) as Stream)
        })
    }

    fn secure(&self, stream: Stream) -> BoxFuture<'_, Result<Stream, ConnectError>> {
        Box::pin(async {
            let trust = self.trust().await?;
            let (stream, shown) = dial::secure_and_see(stream, &self.address, &trust).await?;
            if matches!(trust, Trust::Moving { next, .. } if shown == Some(next)) {
                self.moved().await;
            }
            Ok(stream)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::KnownServer;

    #[tokio::test]
    async fn what_is_forgotten_is_not_believed_at_the_next_attempt() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(folder.path()).unwrap();
        let address = Address::parse("chat.example.org").unwrap();
        let (pin, named) = (Pin([1; 32]), Pin([2; 32]));
        let dialer = KnownDialer {
            home: home.clone(),
            address: address.clone(),
            named: None,
            authorities: Authorities::none(),
        };
        let by_link = KnownDialer { named: Some(named), ..dialer.clone() };
        let unknown = dialer.trust().await;
        assert!(matches!(unknown, Err(ConnectError::KeyUnknown)), "{unknown:?}");
        assert_eq!(by_link.trust().await.unwrap(), Trust::Named(named));

        let known = KnownServer {
            address: address.clone(),
            pin,
            since_ms: 1,
            name: String::new(),
            vouched: false,
            next: None,
        };
        home.remember_server(known.clone()).unwrap();
        assert_eq!(dialer.trust().await.unwrap(), Trust::Pinned(pin));
        assert_eq!(by_link.trust().await.unwrap(), Trust::Pinned(pin), "a link outweighs nothing");

        home.remember_server(KnownServer { vouched: true, ..known }).unwrap();
        let trust = by_link.trust().await.unwrap();
        assert_eq!(trust, Trust::Vouched(by_link.authorities.clone()), "whichever key it has");

        // Another program does it.
        assert!(Home::open(folder.path()).unwrap().forget_server(&address).unwrap());
        let forgotten = dialer.trust().await;
        assert!(matches!(forgotten, Err(ConnectError::KeyUnknown)), "{forgotten:?}");

        std::fs::write(folder.path().join("known_servers.toml"), "what?").unwrap();
        let broken = by_link.trust().await;
        assert!(matches!(broken, Err(ConnectError::KeysUnreadable(_))), "{broken:?}");
    }
}
