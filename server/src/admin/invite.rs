//! Invites: the right to register on a server that is not open to everybody.

use std::{fmt::Write as _, sync::Arc};

use liao_common::{
    fault::{Fault, FaultCode},
    id::Hash,
};
use serde::{Deserialize, Serialize};

use crate::{chat::hub::Hub, entropy, state::record::Invite};

/// How long an invite holds, in milliseconds.
const HOLDS_MS: u64 = 7 * 24 * 3600 * 1000;

/// An invite to be.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct AddInvite {
    /// How many may register with it.
    pub uses: u32,
}

/// The code to hand on. The server keeps its hash only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// 128 random bits in hexadecimal.
    pub code: String,
}

/// Makes an invite.
///
/// # Errors
/// A storage fault.
pub(super) async fn add(hub: &Arc<Hub>, ask: AddInvite) -> Result<Invited, Fault> {
    let bytes: [u8; 16] =
        entropy::bytes().map_err(|_| Fault::new(FaultCode::Internal, "no entropy"))?;
    let mut code = String::with_capacity(32);
    for byte in bytes {
        let _ = write!(code, "{byte:02x}");
    }
    let hash = Hash(blake3::hash(code.as_bytes()).into());
    let decide = move |tx: &mut crate::engine::Transaction<'_, '_>| {
        tx.put_invite(&Invite { code: hash, uses: ask.uses.max(1), until: tx.now_ms() + HOLDS_MS });
        Ok(Invited { code })
    };
    hub.engine.run(decide).await
}
