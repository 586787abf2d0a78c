//! The enums of the schema, each the public face of one of the domain's.

use async_graphql::Enum;

/// Who began the conversation.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::row::InitiatedBy")]
pub enum InitiatedBy {
    /// A customer or an agent, in Genesys. Presumed as long as no registration says otherwise.
    Genesys,
    /// DCM created it.
    Dcm,
}

/// What DCM opens when an agent answers.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::row::ScreenPopTarget")]
pub enum ScreenPopTarget {
    /// The page of the external party.
    #[graphql(name = "EXTERNALPARTY")]
    ExternalParty,
    /// The page of the case.
    Case,
    /// The page of the task.
    Task,
}

/// Direction, seen from the contact centre.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::row::Direction")]
pub enum Direction {
    /// The customer reached out.
    Inbound,
    /// The contact centre reached out.
    Outbound,
}

/// A medium.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::row::MediaType")]
pub enum MediaType {
    /// A telephone call.
    Voice,
    /// A call back to the customer; a voicemail waits as one, too.
    Callback,
    /// A web chat.
    Chat,
    /// An e-mail.
    Email,
    /// A message thread: SMS, web messaging and the like.
    Message,
}

/// The universal status of a conversation, calculated from all its participants.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "crate::domain::row::ConversationStatus")]
pub enum ConversationStatus {
    /// Known (registered, or first seen), nothing active in it yet.
    Created,
    /// A callback that waits for its time.
    Scheduled,
    /// An IVR, bot or workflow has it.
    InFlow,
    /// In a queue, no agent on it.
    WaitingInQueue,
    /// Offered to an agent.
    Alerting,
    /// Being dialled out.
    Dialing,
    /// An agent is on it, during a consultation too.
    Connected,
    /// Every active agent leg holds.
    OnHold,
    /// An agent set it aside.
    Parked,
    /// The mailbox has it.
    Voicemail,
    /// Between two internal legs. A badge should show it only after it has lasted one second.
    Transferring,
    /// The customer talks to an outside party and nobody of ours is on it.
    TransferredOut,
    /// The talk is over, an agent still wraps up.
    AfterCallWork,
    /// An open message or e-mail thread nobody works on.
    Idle,
    /// Over. With `errorMessage` set, Genesys ended it with an error.
    Ended,
}

/// What kind of DCM object a context is.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::row::ContextKey")]
pub enum ContextKey {
    /// A case.
    Case,
    /// A task.
    Task,
    /// An external party.
    #[graphql(name = "EXTERNALPARTY")]
    ExternalParty,
    /// A user.
    User,
    /// Anything else: `customKey` says what.
    Custom,
}

/// What the conversation did to the object.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::row::ContextVerb")]
pub enum ContextVerb {
    /// It began about this object; only a registration says so.
    Initial,
    /// The object was created during the conversation.
    Created,
    /// The object was changed during the conversation.
    Updated,
}

/// Who can own a conversation.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::row::OwnerKind")]
pub enum OwnerKind {
    /// The team of a queue.
    Team,
    /// A user.
    User,
}

/// What a change means to a subscription's filter.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::filter::Membership")]
pub enum Membership {
    /// It did not match before and does now.
    Entered,
    /// It matched before and still does.
    Stayed,
    /// It no longer matches, or may no longer be seen.
    Left,
}

/// Why a change was made.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::update::ChangeCause")]
pub enum ChangeCause {
    /// Genesys notified it.
    GenesysEvent,
    /// A registration.
    Registered,
    /// A link was made, refreshed or taken away.
    Linked,
    /// Read back after a close.
    Closed,
    /// Read again on request.
    Refreshed,
    /// Found out afterwards, from what Genesys' own times tell.
    Reconciled,
    /// An ended conversation lives again.
    Reopened,
    /// Corrected from Genesys' later word.
    Enriched,
    /// Erased on request.
    Erased,
}

/// What kind of fact a change touched.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::update::ChangeKind")]
pub enum ChangeKind {
    /// `calculatedStatus`.
    Status,
    /// `lastQueueId`.
    Queue,
    /// `owner`, but for a change to null.
    Owner,
    /// `participants` and their sessions.
    Participants,
    /// `context`.
    Context,
    /// The other scalars: start, end, direction, media, registration.
    Details,
    /// `errorMessage` was set or cleared.
    Error,
}

/// Whether what Genesys does reaches the gateway.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::feed::FeedState")]
pub enum FeedState {
    /// Every wanted topic is subscribed on a socket that answers, and nothing is being repaired.
    Live,
    /// Connected again; what was missed is being read.
    CatchingUp,
    /// Some wanted topic has no socket that answers.
    Disconnected,
}

/// The direction of an order.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum OrderDirection {
    /// Smallest or oldest first.
    Asc,
    /// Largest or newest first.
    Desc,
}

/// What conversations are ordered by.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::store::OrderField")]
pub enum ConversationOrderField {
    /// `conversationStart`, else `createdAt`.
    StartedAt,
    /// `createdAt`.
    CreatedAt,
    /// `updatedAt`.
    UpdatedAt,
    /// `statusSince`.
    StatusSince,
}
