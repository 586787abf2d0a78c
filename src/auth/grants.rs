//! From what a token or a key allows to what the rest of the gateway asks for: teams become their
//! queues.

use std::collections::{BTreeSet, HashMap};

use crate::domain::api_key::{Grant, Narrowing};
use crate::domain::caller::{Caller, Scope};
use crate::domain::ids::QueueId;

/// The queues of DCM's teams. A queue that is mapped to no team is a team by its own id.
#[derive(Clone, Debug, Default)]
pub struct Teams(HashMap<String, String>);

impl Teams {
    /// `team_of` maps queues to teams.
    pub fn new(team_of: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(team_of.into_iter().collect())
    }

    /// The caller whom a grant describes.
    pub(super) fn caller(&self, subject: &str, grant: &Grant) -> Caller {
        let scope = grant
            .narrowing
            .as_ref()
            .map_or(Scope::Everything, |narrowing| self.scope(narrowing));
        Caller::new(subject, grant.permissions, scope)
    }

    fn scope(&self, narrowing: &Narrowing) -> Scope {
        let mut queues: BTreeSet<QueueId> = narrowing
            .queues
            .iter()
            .map(|id| id.as_str().into())
            .collect();
        for team in &narrowing.teams {
            queues.extend(self.queues_of(team));
        }
        Scope::Narrowed {
            queues: queues.into(),
            user: narrowing.user.clone(),
        }
    }

    fn queues_of<'a>(&'a self, team: &'a str) -> impl Iterator<Item = QueueId> + 'a {
        let mapped = self
            .0
            .iter()
            .filter(move |(_, of)| of.as_str() == team)
            .map(|(queue, _)| queue.as_str());
        let own = Some(team).filter(|team| !self.0.contains_key(*team));
        mapped.chain(own).map(QueueId::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::permission::Permissions;

    fn queues(teams: &[&str]) -> Vec<String> {
        let pairs = [("q1", "sales"), ("q2", "sales"), ("q3", "support")];
        let map = Teams::new(pairs.map(|(queue, team)| (queue.to_owned(), team.to_owned())));
        let narrowing = Narrowing {
            teams: teams.iter().map(|team| (*team).to_owned()).collect(),
            ..Narrowing::default()
        };
        match map.scope(&narrowing) {
            Scope::Narrowed { queues, .. } => queues.iter().map(ToString::to_string).collect(),
            Scope::Everything => panic!("not narrowed"),
        }
    }

    #[test]
    fn teams_stand_for_their_queues() {
        // A queue without a team is one by its own id; one with a team is not.
        assert_eq!(queues(&["sales"]), ["q1", "q2", "sales"]);
        assert_eq!(queues(&["support", "q9"]), ["q3", "q9", "support"]);
        assert!(queues(&["q1"]).is_empty());
        assert!(queues(&[]).is_empty());
    }

    #[test]
    fn no_narrowed_caller_is_an_administrator() {
        let narrowed = Grant {
            permissions: Permissions::all(),
            narrowing: Some(Narrowing::default()),
        };
        let caller = Teams::default().caller("a", &narrowed);
        assert!(!caller.may(crate::domain::permission::Permission::Admin));
    }
}
