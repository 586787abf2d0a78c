//! Pages of lists, by the place of their rows and not by counting.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::Condition;
use sea_orm::sea_query::{Expr, ExprTrait, Order, SimpleExpr};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::cursor::Position;
use super::error::BadPage;

/// How many items a page has when nothing is said.
const DEFAULT_SIZE: usize = 50;

/// Which part of a list is asked for, as Relay has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Page {
    pub first: Option<usize>,
    pub last: Option<usize>,
    pub after: Option<String>,
    pub before: Option<String>,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice<T> {
    pub items: Vec<Item<T>>,
    pub has_previous: bool,
    pub has_next: bool,
    /// The place in the log that the list reflects.
    pub position: Position,
}

/// An item of a list, with the cursor that names its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Item<T> {
    pub cursor: String,
    pub node: T,
}

impl Page {
    /// How many items are wanted.
    pub(super) fn size(&self) -> Result<usize, BadPage> {
        match (self.first, self.last) {
            (Some(_), Some(_)) => Err(BadPage::BothDirections),
            (first, last) => Ok(first.or(last).unwrap_or(DEFAULT_SIZE)),
        }
    }

    /// How many items are wanted, of a page that begins at the list's start.
    pub fn only_first(&self) -> Option<usize> {
        let bounds = (&self.last, &self.after, &self.before);
        (bounds == (&None, &None, &None)).then(|| self.first.unwrap_or(DEFAULT_SIZE))
    }

    /// Whether the end of the list is wanted rather than its beginning.
    pub(super) const fn is_backward(&self) -> bool {
        self.last.is_some()
    }

    /// Cuts what was read, one more than asked for and in reading direction, to the page.
    pub(super) fn slice<T>(
        &self,
        mut items: Vec<Item<T>>,
        position: Position,
    ) -> Result<Slice<T>, BadPage> {
        let size = self.size()?;
        let more = items.len() > size;
        items.truncate(size);
        let (has_previous, has_next) = if self.is_backward() {
            items.reverse();
            (more, self.before.is_some())
        } else {
            (self.after.is_some(), more)
        };
        Ok(Slice {
            items,
            has_previous,
            has_next,
            position,
        })
    }

    /// The conditions that keep to the rows between the page's cursors, in a list ordered by
    /// `columns` and read by keys of type `K`.
    pub(super) fn between<K: Key>(
        &self,
        list: &K::List,
        columns: &[SimpleExpr],
        descending: bool,
    ) -> Result<Condition, BadPage> {
        let place = |text: &Option<String>, argument| match text {
            None => Ok(None),
            Some(text) => decode::<K>(text, list)
                .map(|key| Some(Expr::tuple(key.values())))
                .ok_or(BadPage::Cursor { argument }),
        };
        let row = || Expr::tuple(columns.iter().cloned());
        let later = |place: SimpleExpr| {
            if descending {
                row().lt(place)
            } else {
                row().gt(place)
            }
        };
        let earlier = |place: SimpleExpr| {
            if descending {
                row().gt(place)
            } else {
                row().lt(place)
            }
        };
        Ok(Condition::all()
            .add_option(place(&self.after, "after")?.map(later))
            .add_option(place(&self.before, "before")?.map(earlier)))
    }

    /// The direction in which the rows are read.
    pub(super) const fn order(&self, descending: bool) -> Order {
        if descending == self.is_backward() {
            Order::Asc
        } else {
            Order::Desc
        }
    }
}

/// What names a row's place in a list.
pub(super) trait Key: Serialize + DeserializeOwned {
    /// What tells lists apart: a cursor of one means nothing in another.
    type List: Serialize + DeserializeOwned + PartialEq;

    /// The values of the ordering columns.
    fn values(&self) -> Vec<SimpleExpr>;
}

pub(super) fn encode<K: Key>(key: &K, list: &K::List) -> String {
    let json = serde_json::to_vec(&(list, key)).expect("plain values are always JSON");
    URL_SAFE_NO_PAD.encode(json)
}

fn decode<K: Key>(text: &str, list: &K::List) -> Option<K> {
    let json = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (of, key): (K::List, K) = serde_json::from_slice(&json).ok()?;
    (of == *list).then_some(key)
}
