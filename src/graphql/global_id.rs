//! Relay's global object identification: an opaque id that says what it names.

use std::str::FromStr;

use async_graphql::ID;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::ids::{ConversationId, ParticipantId};
use crate::domain::row::{ContextKey, ContextRef, ContextVerb};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GlobalId {
    Conversation(ConversationId),
    Participant(ConversationId, ParticipantId),
    ContextLink(ConversationId, ContextRef, ContextVerb),
}

impl GlobalId {
    pub(crate) fn encode(&self) -> ID {
        let parts: Vec<String> = match self {
            Self::Conversation(id) => vec!["C".into(), id.to_string()],
            Self::Participant(id, participant) => {
                vec!["P".into(), id.to_string(), participant.to_string()]
            }
            Self::ContextLink(id, context, verb) => vec![
                "L".into(),
                id.to_string(),
                context.key.as_str().into(),
                context.custom_key.clone(),
                context.object_id.clone(),
                verb.as_str().into(),
            ],
        };
        let text = serde_json::to_string(&parts).expect("a list of strings is JSON");
        ID(URL_SAFE_NO_PAD.encode(text))
    }

    pub(crate) fn decode(id: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(id).ok()?;
        let parts: Vec<String> = serde_json::from_slice(&bytes).ok()?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let conversation = |text: &str| ConversationId::from_str(text).ok();
        match parts.as_slice() {
            ["C", id] => Some(Self::Conversation(conversation(id)?)),
            ["P", id, participant] => {
                Some(Self::Participant(conversation(id)?, (*participant).into()))
            }
            ["L", id, key, custom_key, object_id, verb] => Some(Self::ContextLink(
                conversation(id)?,
                ContextRef {
                    key: ContextKey::from_word(key)?,
                    custom_key: (*custom_key).to_owned(),
                    object_id: (*object_id).to_owned(),
                },
                ContextVerb::from_word(verb)?,
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_what_it_was_made_of() {
        let id = ConversationId::from_uuid(uuid::Uuid::from_u128(7));
        let context = ContextRef {
            key: ContextKey::Custom,
            custom_key: "a:b".into(),
            object_id: "\"x\" ü".into(),
        };
        for named in [
            GlobalId::Conversation(id),
            GlobalId::Participant(id, "p-1".into()),
            GlobalId::ContextLink(id, context, ContextVerb::Updated),
        ] {
            assert_eq!(GlobalId::decode(&named.encode()), Some(named));
        }
    }

    #[test]
    fn what_is_no_id_names_nothing() {
        for text in ["", "x", "W10", "WyJDIiwieCJd"] {
            assert_eq!(GlobalId::decode(text), None, "{text}");
        }
    }
}
