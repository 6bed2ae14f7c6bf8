//! MessagePack seen as JSON and back, so that golden files can be read in any language. Byte
//! strings stand as `{"bin": "hex"}`. It knows no type of the wire.

use std::fmt;

use liao_common::codec;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, SeqAccess, Visitor},
    ser::{SerializeMap, SerializeSeq},
};
use serde_json::{Map, Value, json};

/// The JSON view of one encoded value.
pub(crate) fn view(bytes: &[u8]) -> Value {
    codec::decode::<View>(bytes).expect("well-formed MessagePack").0
}

/// The bytes that [`view`] shows, with the keys in the order of JSON.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    codec::encode(&Wire(value))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits = text.trim().as_bytes();
    assert!(digits.len().is_multiple_of(2), "hexadecimal digits come in pairs");
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks_exact(2).map(byte).collect()
}

/// The hexadecimal text of a byte string in the view; `None` for every other value.
pub(crate) fn bin(value: &Value) -> Option<&str> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    map.get("bin")?.as_str()
}

struct View(Value);

impl<'de> Deserialize<'de> for View {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Look).map(View)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value but floats and extensions")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(json!({ "bin": hex(bytes) }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut out = Vec::new();
        while let Some(View(value)) = from.next_element()? {
            out.push(value);
        }
        Ok(out.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut out = Map::new();
        while let Some((key, View(value))) = from.next_entry::<String, View>()? {
            out.insert(key, value);
        }
        Ok(out.into())
    }
}

struct Wire<'a>(&'a Value);

impl Serialize for Wire<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if let Some(text) = bin(self.0) {
            return to.serialize_bytes(&unhex(text));
        }
        match self.0 {
            Value::Array(items) => {
                let mut seq = to.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| seq.serialize_element(&Wire(item)))?;
                seq.end()
            }
            Value::Object(map) => {
                let mut out = to.serialize_map(Some(map.len()))?;
                map.iter().try_for_each(|(key, value)| out.serialize_entry(key, &Wire(value)))?;
                out.end()
            }
            plain => plain.serialize(to),
        }
    }
}
