//! The value of a field that is part of a conversation's row: as a GraphQL value for the schema, and
//! as JSON for answers that are written without it.

use std::borrow::Cow;
use std::io::Write;

use async_graphql::Value;
use async_graphql::resolver_utils::EnumType;

use crate::domain::ids::ConversationId;
use crate::domain::time::Time;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Plain<'a> {
    Null,
    Text(Cow<'a, str>),
    /// A variant of an enum of the schema.
    Word(&'static str),
    Number(i32),
    Moment(Time),
    Id(ConversationId),
}

impl<'a> Plain<'a> {
    pub(super) fn text(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(Cow::Borrowed(text)))
    }

    pub(super) fn moment(time: Option<Time>) -> Self {
        time.map_or(Self::Null, Self::Moment)
    }

    /// `E` is the schema's enum of a word of the domain.
    pub(super) fn word<E: EnumType + From<W>, W>(word: Option<W>) -> Self {
        let name = |value: E| E::items().iter().find(|item| item.value == value);
        word.and_then(|word| name(E::from(word)))
            .map_or(Self::Null, |item| Self::Word(item.name))
    }

    /// Appends the value as JSON.
    pub(crate) fn put(&self, json: &mut Vec<u8>) {
        match self {
            Self::Null => json.extend_from_slice(b"null"),
            Self::Text(text) => {
                serde_json::to_writer(json, text).expect("memory takes what is written");
            }
            Self::Number(number) => {
                write!(json, "{number}").expect("memory takes what is written");
            }
            Self::Word(word) => put_quoted(json, word),
            Self::Moment(time) => put_quoted(json, &time.to_string()),
            Self::Id(id) => {
                let mut text = uuid::Uuid::encode_buffer();
                put_quoted(json, id.as_uuid().as_hyphenated().encode_lower(&mut text));
            }
        }
    }
}

/// Appends a text in which nothing has to be escaped.
fn put_quoted(json: &mut Vec<u8>, text: &str) {
    json.push(b'"');
    json.extend_from_slice(text.as_bytes());
    json.push(b'"');
}

impl From<Plain<'_>> for Value {
    fn from(plain: Plain<'_>) -> Self {
        match plain {
            Plain::Null => Self::Null,
            Plain::Text(text) => Self::String(text.into_owned()),
            Plain::Word(word) => Self::Enum(async_graphql::Name::new(word)),
            Plain::Number(number) => Self::from(number),
            Plain::Moment(time) => Self::String(time.to_string()),
            Plain::Id(id) => Self::String(id.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let id = "3f0c8a52-1d44-4b7e-9a60-52c1d7e80a11".parse().unwrap();
        for plain in [
            Plain::Null,
            Plain::text(Some("a \"quoted\" \\ \u{1} \u{2028} é")),
            Plain::text(None),
            Plain::Word("ON_HOLD"),
            Plain::Number(-7),
            Plain::Moment(Time::from_millis(1_795_435_200_123)),
            Plain::moment(None),
            Plain::Id(id),
        ] {
            let mut json = Vec::new();
            plain.put(&mut json);
            let value = Value::from(plain);
            assert_eq!(json, serde_json::to_vec(&value).unwrap());
        }
    }
}
