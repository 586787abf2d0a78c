//! The organisation's queues, users and wrap-up codes, for pickers and filters.

use async_graphql::connection::PageInfo;
use async_graphql::{Error, ID, SimpleObject};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::genesys::directory::{Listed, WrapUpCode as Code};
use crate::graphql::error::bad_input;
use crate::graphql::pagination;

/// A Genesys queue.
#[derive(SimpleObject)]
pub struct Queue {
    /// Genesys' id of the queue.
    pub queue_id: ID,
    /// Its name today.
    pub name: Option<String>,
}

/// A Genesys user, who may be an agent.
#[derive(SimpleObject)]
pub struct Agent {
    /// Genesys' id of the user.
    pub user_id: ID,
    /// The user's name.
    pub name: Option<String>,
}

/// Says how a conversation ended for an agent.
#[derive(SimpleObject)]
pub struct WrapUpCode {
    /// Genesys' id of the code.
    pub code: ID,
    /// Its name; closing takes either.
    pub name: String,
}

/// A page of queues.
#[derive(SimpleObject)]
pub struct QueueConnection {
    /// The queues with their cursors.
    pub edges: Vec<QueueEdge>,
    /// The queues.
    pub nodes: Vec<Queue>,
    /// Whether there is more.
    pub page_info: PageInfo,
}

/// A queue in a page.
#[derive(SimpleObject)]
pub struct QueueEdge {
    /// For `after` of the same list.
    pub cursor: String,
    /// The queue.
    pub node: Queue,
}

/// A page of agents.
#[derive(SimpleObject)]
pub struct AgentConnection {
    /// The agents with their cursors.
    pub edges: Vec<AgentEdge>,
    /// The agents.
    pub nodes: Vec<Agent>,
    /// Whether there is more.
    pub page_info: PageInfo,
}

/// An agent in a page.
#[derive(SimpleObject)]
pub struct AgentEdge {
    /// For `after` of the same list.
    pub cursor: String,
    /// The agent.
    pub node: Agent,
}

/// What of a list is wanted.
pub(crate) struct Wanted {
    search: String,
    first: usize,
    after: Option<(String, String)>,
}

/// A page of a list, each item with its cursor.
pub(crate) struct Found {
    items: Vec<(String, Listed)>,
    has_previous: bool,
    has_next: bool,
}

impl Wanted {
    /// # Errors
    /// `BAD_USER_INPUT` naming the argument.
    pub(crate) fn read(
        search: Option<String>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Self, Error> {
        let page = pagination::page(first, None, None, None)?;
        let after = after
            .map(|cursor| {
                place(&cursor).ok_or_else(|| bad_input("after", "not a cursor of this list"))
            })
            .transpose()?;
        Ok(Self {
            search: search.unwrap_or_default().trim().to_lowercase(),
            first: page.first.unwrap_or_default(),
            after,
        })
    }

    /// The page of a sorted list. A place whose item is gone still has what comes after it.
    pub(crate) fn of(&self, listing: &[Listed], may_see: impl Fn(&Listed) -> bool) -> Found {
        let after = self
            .after
            .as_ref()
            .map(|(name, id)| (name.clone(), id.as_str()));
        let matches = |item: &&Listed| item.key().0.contains(&self.search) && may_see(item);
        let mut has_previous = false;
        let mut found: Vec<&Listed> = Vec::new();
        for item in listing.iter().filter(matches) {
            if after.as_ref().is_some_and(|after| item.key() <= *after) {
                has_previous = true;
            } else if found.len() <= self.first {
                found.push(item);
            } else {
                break;
            }
        }
        let has_next = found.len() > self.first;
        found.truncate(self.first);
        Found {
            items: found
                .into_iter()
                .map(|item| (cursor(item), item.clone()))
                .collect(),
            has_previous,
            has_next,
        }
    }
}

impl Found {
    fn page_info(&self) -> PageInfo {
        PageInfo {
            has_previous_page: self.has_previous,
            has_next_page: self.has_next,
            start_cursor: self.items.first().map(|(cursor, _)| cursor.clone()),
            end_cursor: self.items.last().map(|(cursor, _)| cursor.clone()),
        }
    }
}

impl From<Found> for QueueConnection {
    fn from(found: Found) -> Self {
        let node = |item: &Listed| Queue {
            queue_id: ID(item.id.clone()),
            name: item.name.clone(),
        };
        Self {
            page_info: found.page_info(),
            nodes: found.items.iter().map(|(_, item)| node(item)).collect(),
            edges: found
                .items
                .into_iter()
                .map(|(cursor, item)| QueueEdge {
                    cursor,
                    node: node(&item),
                })
                .collect(),
        }
    }
}

impl From<Found> for AgentConnection {
    fn from(found: Found) -> Self {
        let node = |item: &Listed| Agent {
            user_id: ID(item.id.clone()),
            name: item.name.clone(),
        };
        Self {
            page_info: found.page_info(),
            nodes: found.items.iter().map(|(_, item)| node(item)).collect(),
            edges: found
                .items
                .into_iter()
                .map(|(cursor, item)| AgentEdge {
                    cursor,
                    node: node(&item),
                })
                .collect(),
        }
    }
}

impl From<&Code> for WrapUpCode {
    fn from(code: &Code) -> Self {
        Self {
            code: ID(code.id.clone()),
            name: code.name.clone(),
        }
    }
}

fn cursor(item: &Listed) -> String {
    let (name, id) = item.key();
    URL_SAFE_NO_PAD.encode(format!("{id}\n{name}"))
}

fn place(cursor: &str) -> Option<(String, String)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (id, name) = text.split_once('\n')?;
    Some((name.to_owned(), id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(names: &[&str]) -> Vec<Listed> {
        let mut all: Vec<Listed> = names
            .iter()
            .map(|name| Listed {
                id: format!("id-{name}"),
                name: Some((*name).to_owned()),
            })
            .collect();
        all.sort_by(|a, b| a.key().cmp(&b.key()));
        all
    }

    fn page(
        listing: &[Listed],
        search: &str,
        first: i32,
        after: Option<String>,
    ) -> (Vec<String>, PageInfo) {
        let wanted = Wanted::read(Some(search.to_owned()), Some(first), after).unwrap();
        let found = QueueConnection::from(wanted.of(listing, |_| true));
        let names = found.nodes.iter().filter_map(|node| node.name.clone());
        (names.collect(), found.page_info)
    }

    #[test]
    fn pages_follow_each_other_through_the_whole_list() {
        let all = listing(&["b", "A", "c", "Support", "support 2"]);
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let (names, info) = page(&all, "", 2, after);
            seen.extend(names);
            after = info.end_cursor;
            if !info.has_next_page {
                break;
            }
        }
        assert_eq!(seen, ["A", "b", "c", "Support", "support 2"]);
    }

    #[test]
    fn a_search_takes_any_case_and_the_place_of_what_is_gone_still_holds() {
        let all = listing(&["Support", "Sales", "Support North", "Supply"]);
        let (names, info) = page(&all, " SUPP ", 1, None);
        assert_eq!(names, ["Supply"]);
        assert!(info.has_next_page && !info.has_previous_page);
        let fewer = listing(&["Support", "Sales", "Support North"]);
        let (names, info) = page(&fewer, "supp", 5, info.end_cursor);
        assert_eq!(names, ["Support", "Support North"]);
        assert!(!info.has_next_page && !info.has_previous_page);
    }

    #[test]
    fn wrong_arguments_are_refused() {
        assert!(Wanted::read(None, Some(201), None).is_err());
        assert!(Wanted::read(None, None, Some("?".into())).is_err());
    }
}
