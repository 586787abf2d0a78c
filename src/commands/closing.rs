//! Closing a conversation: asked of Genesys step by step, then read back until it shows.
//!
//! Nothing is written because it was asked for: what Genesys shows is recorded, like any snapshot.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::running::Outcome;
use super::{CommandError, Commands, visible};
use crate::domain::audit::Deed;
use crate::domain::caller::Caller;
use crate::domain::closing::{AgentTask, Plan, is_over};
use crate::domain::event::Fact;
use crate::domain::ids::{ConversationId, ParticipantId, QueueId, UserId};
use crate::domain::row::{ConversationStatus, Work};
use crate::domain::snapshot::Medium;
use crate::domain::update::ChangeCause;
use crate::genesys::actions::{self, Seat};
use crate::genesys::client::ApiError;
use crate::ingest::Written;

/// A wish to close a conversation.
#[derive(Clone, PartialEq, Eq)]
pub struct Close {
    pub conversation_id: ConversationId,
    /// Only this agent leaves.
    pub user: Option<UserId>,
    /// Id or exact name of one of the queue's codes.
    pub wrap_up_code: Option<String>,
    /// For Genesys only: neither stored nor logged.
    pub wrap_up_notes: Option<String>,
    /// Genesys' full teardown instead of the steps.
    pub force: bool,
}

/// Closing did not go through.
#[derive(Debug, thiserror::Error)]
#[error("closing: {}", summary(steps))]
pub struct CloseFailure {
    pub steps: Vec<CloseStep>,
    /// What Genesys said to the first step it did not do.
    pub cause: ApiError,
}

/// What became of one participant, or of the conversation as a whole.
#[derive(Debug)]
pub struct CloseStep {
    /// `None`: the conversation as a whole.
    pub participant: Option<ParticipantId>,
    pub user: Option<UserId>,
    pub state: StepState,
    pub cause: Option<ApiError>,
    /// Which kind of work it was that did not succeed.
    work: Work,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Genesys shows it.
    Done,
    /// Genesys said no.
    Refused,
    /// Genesys took it but does not show it yet, or gave no answer.
    Pending,
}

/// A wrap-up code for each agent's task, in the same order; or why it is not known.
type Codes = Vec<Result<Option<String>, ApiError>>;

/// What Genesys answered to one step.
struct Asked {
    work: Work,
    answer: Result<(), ApiError>,
}

impl Commands {
    /// Closes a conversation and tells what Genesys shows then. One that has ended is given back
    /// unchanged.
    ///
    /// # Errors
    /// There is no such conversation or agent or code; Genesys refuses a step.
    pub async fn close(&self, caller: &Caller, close: Close) -> Outcome {
        self.check_visible(caller, close.conversation_id)
            .await
            .map_err(Arc::new)?;
        self.record(caller, Deed::Closed, close.conversation_id)
            .await
            .map_err(Arc::new)?;
        let work = || {
            let (commands, caller, close) = (self.clone(), caller.clone(), close.clone());
            async move { commands.close_now(&caller, &close).await.map_err(Arc::new) }
        };
        self.running.once(&close, work).await
    }

    async fn close_now(&self, caller: &Caller, close: &Close) -> Result<Written, CommandError> {
        let id = close.conversation_id;
        if let Some(ended) = self.store.load(&[id]).await?.remove(&id)
            && ended.row.status == ConversationStatus::Ended
        {
            return Ok(Written {
                conversation: Arc::new(ended),
                committed: Vec::new(),
                created: false,
                as_of: None,
            });
        }
        let read = self.read(caller, id).await;
        if let Err(CommandError::Genesys(cause)) = &read {
            let message = format!("closing: the conversation cannot be read: {cause}");
            self.note_failure(caller, id, Work::Closing, message)
                .await?;
        }
        let present = visible(caller, read?)?;
        if present.conversation.row.status == ConversationStatus::Ended {
            return Ok(present);
        }
        self.ask_and_watch(caller, close, present).await
    }

    async fn ask_and_watch(
        &self,
        caller: &Caller,
        close: &Close,
        present: Written,
    ) -> Result<Written, CommandError> {
        let plan = close.plan(&present)?;
        let codes = self.codes(close, &plan, &present).await?;
        let mut agents = Vec::with_capacity(plan.agents.len());
        for (task, code) in plan.agents.iter().zip(&codes) {
            agents.push(self.ask_agent(close, task, code).await);
        }
        let whole = self.ask_whole(close, &plan).await;
        let refused = whole.iter().chain(&agents).all(|it| it.answer.is_err());
        let shown = self
            .read_back(caller, close.conversation_id, present, |written| {
                refused || close.shows(&plan, written)
            })
            .await?;
        let steps = close.steps(&plan, agents, whole, &shown);
        self.conclude(caller, close, steps, shown).await
    }

    /// The code's id for each agent, by his own queue; an agent of none goes by the last queue.
    async fn codes(
        &self,
        close: &Close,
        plan: &Plan,
        present: &Written,
    ) -> Result<Codes, CommandError> {
        let Some(wanted) = &close.wrap_up_code else {
            return Ok(vec![Ok(None); plan.agents.len()]);
        };
        let last = present.conversation.row.last_queue_id.as_ref();
        let mut codes = Vec::with_capacity(plan.agents.len());
        for task in &plan.agents {
            let code = match task.queue.as_ref().or(last) {
                Some(queue) => self.code_of(queue, wanted).await?,
                None => Ok(wanted.clone()),
            };
            codes.push(code.map(Some));
        }
        if plan.agents.is_empty()
            && let Some(queue) = last
        {
            // Nobody gets it, but a wrong one is told.
            let _ = self.code_of(queue, wanted).await?;
        }
        Ok(codes)
    }

    /// Where the queue's codes cannot be read, Genesys itself judges an id; a name is lost.
    async fn code_of(
        &self,
        queue: &QueueId,
        wanted: &str,
    ) -> Result<Result<String, ApiError>, CommandError> {
        match self.directory.find_wrap_up_code(queue, wanted).await {
            Ok(Some(code)) => Ok(Ok(code.id)),
            Ok(None) => Err(bad_input(
                "input.wrapUpCode",
                "neither id nor name of one of the queue's codes",
            )),
            Err(_) if Uuid::try_parse(wanted).is_ok() => Ok(Ok(wanted.to_owned())),
            Err(cause) => Ok(Err(cause)),
        }
    }

    /// Sets the wrap-up, then disconnects; who is refused the wrap-up is disconnected all the same.
    async fn ask_agent(
        &self,
        close: &Close,
        task: &AgentTask,
        code: &Result<Option<String>, ApiError>,
    ) -> Asked {
        let seat = |medium: Medium| Seat {
            conversation: close.conversation_id,
            participant: &task.participant,
            medium,
        };
        let here = seat(task.medium);
        let notes = close.wrap_up_notes.as_deref();
        let mut asked = Asked {
            work: Work::WrapUp,
            answer: match code {
                Ok(Some(code)) => actions::wrap_up(&self.genesys, here, code, notes).await,
                Ok(None) if task.media.is_empty() => {
                    actions::skip_wrap_up(&self.genesys, here).await
                }
                Ok(None) => Ok(()),
                Err(cause) => Err(cause.clone()),
            },
        };
        for medium in task.media.iter().filter(|_| !close.force) {
            let left = actions::leave(&self.genesys, seat(*medium)).await;
            asked = asked.and(Asked::closing(left));
        }
        asked
    }

    async fn ask_whole(&self, close: &Close, plan: &Plan) -> Option<Asked> {
        let id = close.conversation_id;
        if close.force {
            let answer = actions::tear_down(&self.genesys, id).await;
            return Some(Asked::closing(answer));
        }
        let mut whole: Option<Asked> = None;
        for medium in &plan.media {
            let asked = Asked::closing(actions::disconnect(&self.genesys, id, *medium).await);
            whole = Some(match whole {
                Some(before) => before.and(asked),
                None => asked,
            });
        }
        whole
    }

    /// Reads until what was asked for shows, or the time is over; then once more.
    async fn read_back(
        &self,
        caller: &Caller,
        id: ConversationId,
        present: Written,
        is_done: impl Fn(&Written) -> bool,
    ) -> Result<Written, CommandError> {
        let deadline = Instant::now() + self.config.close_wait;
        let mut wait = self.config.close_poll.max(Duration::from_millis(1));
        let mut shown = present;
        loop {
            match self.read_for(caller, id, ChangeCause::Closed).await {
                Ok(read) => shown = read,
                Err(CommandError::Genesys(error)) => {
                    tracing::info!(conversation.id = %id, %error, "a closed conversation cannot be read back");
                }
                Err(other) => return Err(other),
            }
            let now = Instant::now();
            if is_done(&shown) || now >= deadline {
                return Ok(shown);
            }
            sleep_until(deadline.min(now + wait)).await;
            wait *= 2;
        }
    }

    /// Keeps a failure with the conversation, or clears the one before.
    async fn conclude(
        &self,
        caller: &Caller,
        close: &Close,
        steps: Vec<CloseStep>,
        shown: Written,
    ) -> Result<Written, CommandError> {
        let id = close.conversation_id;
        let failed = steps.iter().find(|step| step.cause.is_some());
        if let Some((step, cause)) = failed.and_then(|step| Some((step, step.cause.clone()?))) {
            let work = step.work;
            let failure = CloseFailure { steps, cause };
            self.note_failure(caller, id, work, failure.to_string())
                .await?;
            return Err(CommandError::Close(failure));
        }
        let mut shown = shown;
        let wrapped_up = close.wrap_up_code.is_some().then_some(Work::WrapUp);
        for work in [Some(Work::Closing), wrapped_up].into_iter().flatten() {
            let succeeded = self.submit(caller, id, Fact::Succeeded { work }).await?;
            shown.conversation = succeeded.conversation;
            shown.committed.extend(succeeded.committed);
            shown.as_of = succeeded.as_of;
        }
        Ok(shown)
    }
}

impl Close {
    /// A teardown needs no agent's step but his wrap-up.
    fn plan(&self, present: &Written) -> Result<Plan, CommandError> {
        let user = self.user.as_ref();
        let mut plan = Plan::of(&present.conversation.facts.participants, user);
        if user.is_some() && plan.agents.is_empty() {
            return Err(bad_input("input.userId", "not an agent of it now"));
        }
        if self.force && self.wrap_up_code.is_none() {
            plan.agents.clear();
        }
        Ok(plan)
    }

    fn shows(&self, plan: &Plan, written: &Written) -> bool {
        let known = &written.conversation;
        let ends_wrap_up = self.force || self.wrap_up_code.is_some();
        plan.is_done(
            &known.facts.participants,
            known.row.status,
            ends_wrap_up,
            self.user.as_ref(),
        )
    }

    fn steps(
        &self,
        plan: &Plan,
        agents: Vec<Asked>,
        whole: Option<Asked>,
        shown: &Written,
    ) -> Vec<CloseStep> {
        let participants = &shown.conversation.facts.participants;
        let wraps_up = self.wrap_up_code.is_some();
        let over = is_over(shown.conversation.row.status, self.force);
        let of_agents = plan.agents.iter().zip(agents).map(|(task, asked)| {
            let done = task.is_done(participants, wraps_up);
            CloseStep::of_an_agent(task, asked, done)
        });
        of_agents
            .chain(whole.map(|asked| CloseStep::of_the_conversation(asked, over)))
            .collect()
    }
}

impl Asked {
    const fn closing(answer: Result<(), ApiError>) -> Self {
        Self {
            work: Work::Closing,
            answer,
        }
    }

    /// The first refusal is the one that is told.
    fn and(self, next: Self) -> Self {
        if self.answer.is_err() { self } else { next }
    }
}

impl CloseStep {
    fn of_an_agent(task: &AgentTask, asked: Asked, done: bool) -> Self {
        Self {
            participant: Some(task.participant.clone()),
            user: task.user.clone(),
            ..Self::of_the_conversation(asked, done)
        }
    }

    /// What shows is done, whatever was answered: another hand may have been quicker.
    fn of_the_conversation(asked: Asked, done: bool) -> Self {
        let cause = asked.answer.err().filter(|_| !done);
        let state = match &cause {
            _ if done => StepState::Done,
            Some(ApiError::Answered { .. } | ApiError::ClientRefused { .. }) => StepState::Refused,
            _ => StepState::Pending,
        };
        Self {
            participant: None,
            user: None,
            state,
            cause,
            work: asked.work,
        }
    }
}

impl StepState {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "DONE",
            Self::Refused => "REFUSED",
            Self::Pending => "PENDING",
        }
    }
}

fn summary(steps: &[CloseStep]) -> String {
    let told = steps.iter().map(|step| {
        let who = match &step.participant {
            Some(participant) => format!("participant {participant}"),
            None => "the conversation".to_owned(),
        };
        let why = step.cause.as_ref().map(|cause| format!(": {cause}"));
        format!("{who} {}{}", step.state.word(), why.unwrap_or_default())
    });
    told.collect::<Vec<_>>().join("; ")
}

fn bad_input(argument: &'static str, reason: &str) -> CommandError {
    CommandError::BadInput {
        argument,
        reason: reason.to_owned(),
    }
}
