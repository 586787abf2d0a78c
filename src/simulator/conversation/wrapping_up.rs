//! After-call work: how it begins as an agent leaves, and how it ends.

use uuid::Uuid;

use super::super::clock::Stamp;
use super::super::org::Org;
use super::super::truth::{Status, Told};
use super::steps::{Outcome, Scene, refuse};
use super::words::{Role, Why};
use super::{AcwState, AfterCallWork, Conversation, Participant, Wrapup};

impl Conversation {
    /// Finishes after-call work, the oldest first; for an agent who still talks the code is kept until he leaves.
    pub(super) fn wrap_up(
        &mut self,
        s: &Scene<'_>,
        participant: Option<Uuid>,
        user: Option<Uuid>,
        code: Option<String>,
        notes: Option<String>,
    ) -> Outcome {
        let code = match code {
            None => s.org.codes.first().map_or_else(
                || "ININ-WRAP-UP-SKIPPED".to_owned(),
                |code| code.id.to_string(),
            ),
            Some(code) if s.org.code_name(&code).is_some() => code,
            Some(code) => return refuse(format!("no wrap-up code {code}")),
        };
        let named = participant.is_some() || user.is_some();
        let found = self.participants.iter_mut().find(|one| {
            one.role.is_staff()
                && participant.is_none_or(|id| id == one.id)
                && user.is_none_or(|id| one.user == Some(id))
                && (one.wraps_up() || (named && (one.is_staff_on() || one.is_parked())))
        });
        let Some(one) = found else {
            return refuse("nobody has after-call work to do");
        };
        one.wrapup = Some(Wrapup {
            code,
            notes,
            end: s.at,
        });
        if !one.wraps_up() {
            return Ok(Some(self.told));
        }
        finish_acw(one, AcwState::Complete, s);
        Ok(Some(self.after_acw()))
    }

    pub(crate) fn skip_wrap_up(&mut self, s: &Scene<'_>, participant: Uuid) -> Outcome {
        let Some(one) = self
            .participants
            .iter_mut()
            .find(|one| one.id == participant && one.wraps_up())
        else {
            return refuse("no after-call work to skip");
        };
        finish_acw(one, AcwState::Skipped, s);
        Ok(Some(self.after_acw()))
    }

    /// After-call work that ends beside a running talk changes nothing for it.
    fn after_acw(&self) -> Told {
        if self.told.status == Status::AfterCallWork {
            self.finished()
        } else {
            self.told
        }
    }
}

pub(super) fn finish_acw(one: &mut Participant, state: AcwState, s: &Scene<'_>) {
    one.end_acw = Some(s.at);
    one.legs.iter_mut().for_each(|leg| leg.end_acw(state, s.at));
}

/// An agent's or user's legs end; if he talked and must wrap up, that begins, or is done when the code is there already.
pub(super) fn staff_leaves(org: &Org, one: &mut Participant, why: Why, at: Stamp, acw: bool) {
    let talked = one.connected().is_some();
    one.open_legs().for_each(|leg| leg.end(why, at));
    if let Some(user) = one.user {
        org.release(user);
    }
    if !talked || one.role != Role::Agent {
        return;
    }
    let Some(leg) = one.legs.first_mut() else {
        return;
    };
    if !acw {
        one.start_acw = Some(at);
        one.end_acw = Some(at);
        leg.acw = Some(AfterCallWork {
            state: AcwState::Skipped,
            start: at,
            end: Some(at),
        });
    } else if one.wrapup_required {
        leg.begin_acw(at);
        one.start_acw = Some(at);
        if one.wrapup.is_some() {
            leg.end_acw(AcwState::Complete, at);
            one.end_acw = Some(at);
        }
    }
}
