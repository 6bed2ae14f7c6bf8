//! Numbers and byte strings with a meaning. Each is its own type, so that none can stand for another.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

number!(
    /// An account, as the server counts them: 1, 2, 3… Never re-used.
    UserId
);
number!(
    /// A device of an account: one login that was remembered. Unique on the server, never re-used.
    DeviceId
);
number!(
    /// A room, public, private or direct. Never re-used.
    RoomId
);
number!(
    /// The place of a message in its room: 1, 2, 3… without holes. 0 stands before the first.
    Seq
);
number!(
    /// An uploaded file.
    FileId
);

impl RoomId {
    /// The room that everybody enters on registration.
    pub const LOBBY: Self = Self(1);
}

impl Seq {
    /// Before the first message of a room.
    pub const ZERO: Self = Self(0);

    /// The place after this one. The highest number, which no room reaches, stays as it is.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

macro_rules! bytes {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// How many bytes it has.
            pub const LEN: usize = $len;

            /// Reads the lower or upper case hexadecimal form; `None` for anything else.
            #[must_use]
            pub fn parse_hex(text: &str) -> Option<Self> {
                let digits = text.as_bytes();
                if digits.len() != $len * 2 {
                    return None;
                }
                let mut out = [0; $len];
                for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
                    let high = char::from(pair[0]).to_digit(16)?;
                    let low = char::from(pair[1]).to_digit(16)?;
                    *byte = u8::try_from(high * 16 + low).ok()?;
                }
                Some(Self(out))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_bytes(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                serde_bytes::ByteArray::deserialize(from).map(|bytes| Self(bytes.into_array()))
            }
        }
    };
}

bytes!(
    /// Made by a client for one post, of the time and of chance or of chance alone, before it is first
    /// sent: the same nonce is the same post, however often it arrives.
    Nonce,
    16
);
bytes!(
    /// BLAKE3 of a file's content.
    Hash,
    32
);
bytes!(
    /// SHA-256 of the server's public key (its SubjectPublicKeyInfo in DER, as in RFC 7469).
    Pin,
    32
);

impl Pin {
    /// The first 64 bits as four pronounceable words (proquints, arXiv:0901.4016), for comparing
    /// by eye and over the telephone.
    #[must_use]
    pub fn words(&self) -> String {
        const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
        const VOWELS: &[u8; 4] = b"aiou";
        let mut out = String::with_capacity(23);
        for pair in self.0[..8].chunks_exact(2) {
            let word = usize::from(pair[0]) << 8 | usize::from(pair[1]);
            if !out.is_empty() {
                out.push('-');
            }
            for (letters, shift) in [
                (&CONSONANTS[..], 12),
                (&VOWELS[..], 10),
                (&CONSONANTS[..], 6),
                (&VOWELS[..], 4),
                (&CONSONANTS[..], 0),
            ] {
                out.push(char::from(letters[word >> shift & (letters.len() - 1)]));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_back() {
        let hash = Hash([0xa5; 32]);
        assert_eq!(Hash::parse_hex(&hash.to_string()), Some(hash));
        assert_eq!(Hash::parse_hex("a5"), None);
        assert_eq!(Nonce::parse_hex(&"g".repeat(32)), None);
        assert_eq!(Nonce::parse_hex(&"é".repeat(16)), None);
    }

    #[test]
    fn the_last_place_has_none_after_it() {
        assert_eq!(Seq(7).next(), Seq(8));
        assert_eq!(Seq(u64::MAX).next(), Seq(u64::MAX));
    }

    #[test]
    fn pins_read_as_proquints() {
        let mut pin = Pin([0; 32]);
        pin.0[..4].copy_from_slice(&[127, 0, 0, 1]);
        pin.0[4..8].copy_from_slice(&[63, 84, 220, 193]);
        assert_eq!(pin.words(), "lusab-babad-gutih-tugad");
    }
}
