//! The text of a log entry: the row after a change, and what was different before it.
//!
//! It is small, because every subscriber's catching up reads it: keys are short, texts are held
//! once and named by their place, UUIDs are 22 characters, words are numbers, times count from the
//! row's last change, and the row before is told by its differences. What keys and numbers mean
//! never changes, because old entries stay.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::row::{
    ContextKey, ContextRef, ConversationStatus, Direction, Failure, InitiatedBy, MediaType, Owner,
    OwnerKind, Row, ScreenPopTarget, Work,
};
use crate::domain::time::Time;

/// Stands before a text that would otherwise be taken for a packed UUID, or that begins with it.
const MARK: char = '~';

/// A text's place in [`Record::texts`].
type Text = u16;
/// A context's place in [`Record::contexts`].
type Context = u16;
/// Kind, object, custom key.
type PackedContext = (Code<ContextKey>, Text, Text);
/// Milliseconds from [`Record::base`].
type Offset = i64;
/// Left out; given as null; given.
type Given<T> = Option<Option<T>>;

#[derive(Serialize, Deserialize)]
struct Record {
    /// `updatedAt` of the row after.
    #[serde(rename = "z")]
    base: i64,
    #[serde(rename = "l")]
    texts: Vec<String>,
    #[serde(rename = "k", default, skip_serializing_if = "Vec::is_empty")]
    contexts: Vec<PackedContext>,
    #[serde(rename = "a")]
    after: Fields,
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    before: Option<Fields>,
}

/// Declares the fields of a row, each of which may be left out. Left out of `after` it is null;
/// left out of `before` it is what it is in `after`.
macro_rules! fields {
    ($($name:ident $key:literal: $kind:ty),+ $(,)?) => {
        #[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
        struct Fields {
            $(#[serde(rename = $key, default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
            $name: Given<$kind>,)+
        }

        impl Fields {
            /// What of `self` is not in `base`.
            fn unlike(self, base: &Fields) -> Fields {
                Fields { $($name: if self.$name == base.$name { None } else { Some(self.$name.flatten()) },)+ }
            }

            fn over(self, base: &Fields) -> Fields {
                Fields { $($name: self.$name.or_else(|| base.$name.clone()),)+ }
            }
        }
    };
}

fields! {
    initiated_by "i": Code<InitiatedBy>,
    registered_at "r": Offset,
    initial_screen_pop_target "p": Code<ScreenPopTarget>,
    conversation_start "cs": Offset,
    conversation_end "ce": Offset,
    direction "d": Code<Direction>,
    original_media_type "m": Code<MediaType>,
    active_media_type "am": Code<MediaType>,
    status "s": Code<ConversationStatus>,
    status_since "ss": Offset,
    waiting_since "w": Offset,
    last_queue_id "q": Text,
    last_queue_name "qn": Text,
    owner "o": (Code<OwnerKind>, Text, Option<Text>, Offset),
    failure "e": (Code<Work>, Text, Offset),
    status_number "n": u32,
    created_at "c": Offset,
    updated_at "u": Offset,
    agents "g": Vec<Text>,
    handled_by "h": Vec<Text>,
    contexts "x": Vec<Context>,
}

/// Tells a null that was given from a field that was left out.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Given<T>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// An enum of the schema, written as its place in the declaration.
#[derive(Clone, Copy, PartialEq)]
struct Code<T>(T);

trait Word: Copy + PartialEq + 'static {
    const WORDS: &'static [Self];
}

macro_rules! coded {
    ($($word:ident),+) => {
        $(impl Word for $word {
            const WORDS: &'static [Self] = Self::ALL;
        })+
    };
}

coded!(
    InitiatedBy,
    ScreenPopTarget,
    Direction,
    MediaType,
    ConversationStatus,
    OwnerKind,
    Work,
    ContextKey
);

impl<T: Word> Serialize for Code<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let place = T::WORDS.iter().position(|word| *word == self.0);
        place
            .expect("every word is among its enum's words")
            .serialize(to)
    }
}

impl<'de, T: Word> Deserialize<'de> for Code<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let place = usize::deserialize(from)?;
        let word = T::WORDS.get(place);
        word.copied()
            .map(Self)
            .ok_or_else(|| D::Error::custom("a word of a later version"))
    }
}

/// Packs the rows of one change.
pub(super) fn pack(before: Option<&Row>, after: &Row) -> String {
    let mut packer = Packer {
        base: after.updated_at.as_millis(),
        texts: Vec::new(),
        contexts: Vec::new(),
    };
    let after = packer.fields(after);
    let before = before.map(|row| packer.fields(row).unlike(&after));
    serde_json::to_string(&Record {
        base: packer.base,
        texts: packer.texts.iter().map(|text| shortened(text)).collect(),
        contexts: packer.contexts,
        after,
        before,
    })
    .expect("plain values are always JSON")
}

/// The rows before and after. `Ok(None)`: the JSON lacks what every row has.
pub(super) fn unpack(text: &str) -> Result<Option<(Option<Row>, Row)>, serde_json::Error> {
    let record: Record = serde_json::from_str(text)?;
    let unpacker = Unpacker {
        base: record.base,
        texts: record.texts.into_iter().map(lengthened).collect(),
        contexts: record.contexts,
    };
    let before = match record.before {
        None => None,
        Some(before) => match unpacker.row(before.over(&record.after)) {
            Some(row) => Some(row),
            None => return Ok(None),
        },
    };
    Ok(unpacker.row(record.after).map(|after| (before, after)))
}

struct Packer {
    base: i64,
    texts: Vec<String>,
    contexts: Vec<PackedContext>,
}

impl Packer {
    fn fields(&mut self, row: &Row) -> Fields {
        let offset = |time: Time| Some(time.as_millis().wrapping_sub(self.base));
        let of = |time: Option<Time>| time.and_then(offset).map(Some);
        Fields {
            initiated_by: Some(Some(Code(row.initiated_by))),
            registered_at: of(row.registered_at),
            initial_screen_pop_target: row.initial_screen_pop_target.map(|word| Some(Code(word))),
            conversation_start: of(row.conversation_start),
            conversation_end: of(row.conversation_end),
            direction: row.direction.map(|word| Some(Code(word))),
            original_media_type: row.original_media_type.map(|word| Some(Code(word))),
            active_media_type: row.active_media_type.map(|word| Some(Code(word))),
            status: Some(Some(Code(row.status))),
            status_since: Some(offset(row.status_since)),
            waiting_since: of(row.waiting_since),
            status_number: Some(Some(row.status_number)),
            created_at: Some(offset(row.created_at)),
            // The row after needs none: its times count from it.
            updated_at: Some(offset(row.updated_at)).filter(|at| *at != Some(0)),
            last_queue_id: row
                .last_queue_id
                .as_ref()
                .map(|id| Some(self.text(id.as_str()))),
            last_queue_name: row
                .last_queue_name
                .as_ref()
                .map(|name| Some(self.text(name))),
            owner: row.owner.as_ref().map(|owner| Some(self.owner(owner))),
            failure: row
                .failure
                .as_ref()
                .map(|failure| Some(self.failure(failure))),
            agents: some(row.agents.iter().map(|id| self.text(id.as_str())).collect()),
            handled_by: some(
                row.handled_by
                    .iter()
                    .map(|id| self.text(id.as_str()))
                    .collect(),
            ),
            contexts: some(
                row.contexts
                    .iter()
                    .map(|context| self.context(context))
                    .collect(),
            ),
        }
    }

    fn owner(&mut self, owner: &Owner) -> (Code<OwnerKind>, Text, Option<Text>, Offset) {
        let id = self.text(&owner.genesys_id);
        let name = owner.name.as_ref().map(|name| self.text(name));
        (
            Code(owner.kind),
            id,
            name,
            owner.since.as_millis().wrapping_sub(self.base),
        )
    }

    fn failure(&mut self, failure: &Failure) -> (Code<Work>, Text, Offset) {
        let message = self.text(&failure.message);
        (
            Code(failure.work),
            message,
            failure.at.as_millis().wrapping_sub(self.base),
        )
    }

    fn context(&mut self, context: &ContextRef) -> Context {
        let object_id = self.text(&context.object_id);
        let packed = (Code(context.key), object_id, self.text(&context.custom_key));
        place_in(&mut self.contexts, packed)
    }

    fn text(&mut self, text: &str) -> Text {
        match self.texts.iter().position(|held| held == text) {
            Some(place) => place_number(place),
            None => place_in(&mut self.texts, text.to_owned()),
        }
    }
}

/// The place of an item, which is added where it is new.
fn place_in<T: PartialEq>(list: &mut Vec<T>, item: T) -> u16 {
    let place = list.iter().position(|held| *held == item);
    place_number(place.unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    }))
}

fn place_number(place: usize) -> u16 {
    u16::try_from(place).expect("a row has fewer than 65,536 texts")
}

fn some<T>(list: Vec<T>) -> Given<Vec<T>> {
    (!list.is_empty()).then_some(Some(list))
}

struct Unpacker {
    base: i64,
    texts: Vec<String>,
    contexts: Vec<PackedContext>,
}

impl Unpacker {
    fn row(&self, fields: Fields) -> Option<Row> {
        let of = |offset: Given<Offset>| offset.flatten().map(|offset| self.time(offset));
        Some(Row {
            initiated_by: fields.initiated_by.flatten()?.0,
            registered_at: of(fields.registered_at),
            initial_screen_pop_target: fields
                .initial_screen_pop_target
                .flatten()
                .map(|code| code.0),
            conversation_start: of(fields.conversation_start),
            conversation_end: of(fields.conversation_end),
            direction: fields.direction.flatten().map(|code| code.0),
            original_media_type: fields.original_media_type.flatten().map(|code| code.0),
            active_media_type: fields.active_media_type.flatten().map(|code| code.0),
            status: fields.status.flatten()?.0,
            status_since: of(fields.status_since)?,
            waiting_since: of(fields.waiting_since),
            last_queue_id: self.text(fields.last_queue_id)?.map(Into::into),
            last_queue_name: self.text(fields.last_queue_name)?.map(Into::into),
            owner: match fields.owner.flatten() {
                Some((Code(kind), id, name, since)) => Some(Owner {
                    kind,
                    genesys_id: self.texts.get(usize::from(id))?.clone(),
                    name: self.text(Some(name))?.map(Into::into),
                    since: self.time(since),
                }),
                None => None,
            },
            failure: match fields.failure.flatten() {
                Some((Code(work), message, at)) => Some(Failure {
                    work,
                    message: self.texts.get(usize::from(message))?.clone(),
                    at: self.time(at),
                }),
                None => None,
            },
            status_number: fields.status_number.flatten()?,
            created_at: of(fields.created_at)?,
            updated_at: of(fields.updated_at).unwrap_or(Time::from_millis(self.base)),
            agents: self.texts(fields.agents)?,
            handled_by: self.texts(fields.handled_by)?,
            contexts: self.contexts(&fields.contexts.flatten().unwrap_or_default())?,
        })
    }

    fn time(&self, offset: Offset) -> Time {
        Time::from_millis(self.base.wrapping_add(offset))
    }

    /// `None`: there should be a text and is none.
    fn text(&self, place: Given<Text>) -> Given<&str> {
        match place.flatten() {
            None => Some(None),
            Some(place) => self
                .texts
                .get(usize::from(place))
                .map(|text| Some(text.as_str())),
        }
    }

    fn texts<T: for<'a> From<&'a str>>(&self, places: Given<Vec<Text>>) -> Option<Vec<T>> {
        let places = places.flatten().unwrap_or_default();
        places
            .into_iter()
            .map(|place| self.texts.get(usize::from(place)).map(|text| T::from(text)))
            .collect()
    }

    fn contexts(&self, places: &[Context]) -> Option<Vec<ContextRef>> {
        places
            .iter()
            .map(|place| {
                let (Code(key), object_id, custom_key) = *self.contexts.get(usize::from(*place))?;
                Some(ContextRef {
                    key,
                    custom_key: self.texts.get(usize::from(custom_key))?.clone(),
                    object_id: self.texts.get(usize::from(object_id))?.clone(),
                })
            })
            .collect()
    }
}

/// A UUID in its usual form becomes 22 characters; every other text stays itself.
fn shortened(text: &str) -> String {
    if let Ok(uuid) = uuid::Uuid::try_parse(text)
        && uuid.as_hyphenated().to_string() == text
    {
        return URL_SAFE_NO_PAD.encode(uuid.as_bytes());
    }
    if text.starts_with(MARK) || packed_uuid(text).is_some() {
        return format!("{MARK}{text}");
    }
    text.to_owned()
}

fn lengthened(text: String) -> String {
    if let Some(own) = text.strip_prefix(MARK) {
        return own.to_owned();
    }
    match packed_uuid(&text) {
        Some(uuid) => uuid.as_hyphenated().to_string(),
        None => text,
    }
}

fn packed_uuid(text: &str) -> Option<uuid::Uuid> {
    if text.len() != 22 {
        return None;
    }
    let mut bytes = [0; 16];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    (length == bytes.len()).then(|| uuid::Uuid::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: &str = "5f0e0a3e-3f1f-4a8e-9d0f-1c1d1e1f2021";

    fn uuid(number: u128) -> String {
        uuid::Uuid::from_u128(0x6f0e_0a3e_3f1f_4a8e_9d0f_1c1d_1e1f_2021_u128.wrapping_mul(number))
            .to_string()
    }

    fn full_row() -> Row {
        let time = |seconds: i64| Time::from_millis(1_795_435_200_123 + seconds * 1_000);
        Row {
            initiated_by: InitiatedBy::Genesys,
            registered_at: Some(time(1)),
            initial_screen_pop_target: Some(ScreenPopTarget::ExternalParty),
            conversation_start: Some(time(0)),
            conversation_end: Some(time(86_400)),
            direction: Some(Direction::Outbound),
            original_media_type: Some(MediaType::Callback),
            active_media_type: Some(MediaType::Callback),
            status: ConversationStatus::WaitingInQueue,
            status_since: time(4_000),
            waiting_since: Some(time(3_900)),
            last_queue_id: Some(QUEUE.into()),
            last_queue_name: Some("Claims, Motor Vehicles, Second Level".to_owned()),
            owner: Some(Owner {
                kind: OwnerKind::User,
                genesys_id: uuid(1),
                name: Some("Maximiliane Mustermann".to_owned()),
                since: time(3_950),
            }),
            failure: Some(Failure {
                work: Work::Reading,
                message: "e".repeat(200),
                at: time(4_001),
            }),
            status_number: 12,
            created_at: time(0),
            updated_at: time(4_002),
            agents: (1..=5).map(|number| uuid(number).into()).collect(),
            handled_by: (1..=5).map(|number| uuid(number).into()).collect(),
            contexts: (11..=15)
                .map(|number| ContextRef {
                    key: ContextKey::ExternalParty,
                    custom_key: String::new(),
                    object_id: uuid(number),
                })
                .collect(),
        }
    }

    fn check(before: Option<&Row>, after: &Row) {
        let (unpacked_before, unpacked_after) = unpack(&pack(before, after)).unwrap().unwrap();
        assert_eq!(unpacked_before.as_ref(), before);
        assert_eq!(unpacked_after, *after);
    }

    /// A row that has nothing that can be absent.
    fn bare_row() -> Row {
        let full = full_row();
        Row {
            registered_at: None,
            initial_screen_pop_target: None,
            conversation_start: None,
            conversation_end: None,
            direction: None,
            original_media_type: None,
            active_media_type: None,
            waiting_since: None,
            last_queue_id: None,
            last_queue_name: None,
            owner: None,
            failure: None,
            agents: Vec::new(),
            handled_by: Vec::new(),
            contexts: Vec::new(),
            ..full
        }
    }

    #[test]
    fn rows_survive_whatever_is_absent() {
        let (full, bare) = (full_row(), bare_row());
        for after in [&full, &bare] {
            check(None, after);
            for before in [&full, &bare] {
                check(Some(before), after);
            }
        }
    }

    #[test]
    fn texts_survive_whatever_they_look_like() {
        let packed = shortened(QUEUE);
        let upper = QUEUE.to_uppercase();
        let bare = QUEUE.replace('-', "");
        let marked = format!("{MARK}{packed}");
        for text in [
            "", "~", "~~", "queue", QUEUE, &packed, &upper, &bare, &marked,
        ] {
            assert_eq!(lengthened(shortened(text)), text);
        }
    }

    #[test]
    fn a_full_entry_fits_into_a_kilobyte() {
        let after = full_row();
        let before = Row {
            status: ConversationStatus::AfterCallWork,
            status_since: Time::from_millis(1_795_435_200_123),
            status_number: 11,
            updated_at: Time::from_millis(1_795_435_200_123),
            waiting_since: None,
            owner: None,
            last_queue_id: Some(uuid(20).into()),
            last_queue_name: Some("Claims".to_owned()),
            agents: after.agents[..4].to_vec(),
            contexts: after.contexts[..4].to_vec(),
            failure: None,
            ..after.clone()
        };
        let record = pack(Some(&before), &after);
        assert!(record.len() <= 1_000, "{} bytes: {record}", record.len());
    }

    /// Old entries name words by these places.
    #[test]
    fn words_keep_their_places() {
        fn places<T: Word>(word: fn(T) -> &'static str) -> String {
            let words: Vec<_> = T::WORDS.iter().map(|item| word(*item)).collect();
            words.join(" ")
        }
        let words = [
            places(InitiatedBy::as_str),
            places(ScreenPopTarget::as_str),
            places(Direction::as_str),
            places(MediaType::as_str),
            places(ConversationStatus::as_str),
            places(OwnerKind::as_str),
            places(Work::as_str),
            places(ContextKey::as_str),
        ];
        let stored = [
            "GENESYS DCM",
            "EXTERNALPARTY CASE TASK",
            "Inbound Outbound",
            "voice callback chat email message",
            "CREATED SCHEDULED IN_FLOW WAITING_IN_QUEUE ALERTING DIALING CONNECTED ON_HOLD PARKED \
             VOICEMAIL TRANSFERRING TRANSFERRED_OUT AFTER_CALL_WORK IDLE ENDED",
            "TEAM USER",
            "READING CLOSING WRAP_UP GENESYS WATCHING",
            "CASE TASK EXTERNALPARTY USER CUSTOM",
        ];
        for (words, stored) in words.iter().zip(stored) {
            assert!(words.starts_with(stored), "{words}");
        }
    }

    #[test]
    fn a_stored_entry_keeps_its_form() {
        let before = Row {
            status: ConversationStatus::Created,
            ..bare_row()
        };
        let after = Row {
            last_queue_id: Some(QUEUE.into()),
            ..bare_row()
        };
        assert_eq!(
            pack(Some(&before), &after),
            r#"{"z":1795439202123,"l":["Xw4KPj8fSo6dDxwdHh8gIQ"],"a":{"i":0,"s":3,"ss":-2000,"q":0,"n":12,"c":-4002000},"b":{"s":0,"q":null}}"#
        );
    }
}
