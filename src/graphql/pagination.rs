//! Relay's `first`, `after`, `last`, `before`: 0 to 200, 50 by default, never both ways at once.

use async_graphql::Error;
use async_graphql::connection::PageInfo;

use super::error::bad_input;
use crate::store::{Page, Slice};

const LARGEST_PAGE: usize = 200;
const DEFAULT_PAGE: usize = 50;

/// Checks the arguments of a connection.
///
/// # Errors
/// `BAD_USER_INPUT` naming the argument.
pub(crate) fn page(
    first: Option<i32>,
    after: Option<String>,
    last: Option<i32>,
    before: Option<String>,
) -> Result<Page, Error> {
    if first.is_some() && last.is_some() {
        return Err(bad_input("last", "give first or last, not both"));
    }
    let first = first.map(|wanted| size("first", wanted)).transpose()?;
    let last = last.map(|wanted| size("last", wanted)).transpose()?;
    let neither = first.is_none() && last.is_none();
    Ok(Page {
        first: if neither { Some(DEFAULT_PAGE) } else { first },
        last,
        after,
        before,
    })
}

pub(crate) fn page_info<T>(slice: &Slice<T>) -> PageInfo {
    PageInfo {
        has_previous_page: slice.has_previous,
        has_next_page: slice.has_next,
        start_cursor: slice.items.first().map(|item| item.cursor.clone()),
        end_cursor: slice.items.last().map(|item| item.cursor.clone()),
    }
}

fn size(argument: &'static str, wanted: i32) -> Result<usize, Error> {
    usize::try_from(wanted)
        .ok()
        .filter(|wanted| *wanted <= LARGEST_PAGE)
        .ok_or_else(|| bad_input(argument, format!("{argument} must be 0 to {LARGEST_PAGE}")))
}
