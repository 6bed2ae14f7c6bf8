//! What happened in a chat besides what was said, as one sentence. Pure.

use liao_client_core::timeline::{Content, Row};

use super::message::Look;
use crate::view::reasons::{farewell_sentence, role_sentence};

/// Whether a row is the room's own and stands apart from what people say.
pub(super) const fn is_one(row: &Row) -> bool {
    matches!(
        row.content,
        Content::Join
            | Content::Leave
            | Content::Removed(_)
            | Content::Role(..)
            | Content::Topic(_)
            | Content::Invite(_)
            | Content::Damaged
    )
}

/// The sentence for a row that has no words of its own.
pub(super) fn sentence(look: &Look<'_>, row: &Row) -> String {
    let words = look.base.words;
    let name = look.name(row.from);
    match &row.content {
        Content::Redacted => match row.taken_back_by {
            Some(by) => words.fill("timeline.deleted_by", &[("name", &look.name(by))]),
            None => words.t("timeline.deleted").to_owned(),
        },
        Content::Damaged => words.t("timeline.damaged").to_owned(),
        Content::Join => words.fill("room.joined", &[("name", &name)]),
        Content::Leave => words.fill("room.left", &[("name", &name)]),
        Content::Removed(farewell) => {
            farewell_sentence(words, name, look.name(farewell.by), farewell)
        }
        Content::Role(other, rank) => {
            let other = other.map_or("…", |user| look.name(user));
            role_sentence(words, name, other, *rank)
        }
        Content::Topic(topic) if topic.is_empty() => {
            words.fill("room.topic_removed", &[("name", &name)])
        }
        Content::Topic(topic) => words.fill("room.topic_set", &[("name", &name), ("topic", topic)]),
        Content::Invite(other) => {
            let other = other.map_or("…", |user| look.name(user));
            words.fill("room.invited", &[("name", &name), ("other", &other)])
        }
        Content::Unknown(_) | Content::Text(_) | Content::File(_) => {
            words.t("timeline.unknown").to_owned()
        }
    }
}
