//! Scripts: the life of a conversation as a list of steps with the milliseconds that pass before each at speed 1.

use super::conversation::steps::{Step, Target};
use super::conversation::words::{Direction, Media};

/// A step and how long after the one before it.
pub(crate) type Plan = Vec<(u64, Step)>;

/// A script made ready for one conversation.
pub(crate) struct Script {
    pub(crate) media: Media,
    pub(crate) direction: Direction,
    /// Agents wrap up after the talk.
    pub(crate) acw: bool,
    /// A third-party mail provider's own name.
    pub(crate) provider: Option<&'static str>,
    pub(crate) plan: Plan,
}

pub(crate) const NAMES: [&str; 28] = [
    "simple-voice",
    "abandoned-in-queue",
    "abandoned-in-ivr",
    "blind-transfer",
    "consult-transfer",
    "consult-cancelled",
    "conference",
    "conference-agent-leaves-first",
    "hold",
    "requeue",
    "rona-twice",
    "overflow",
    "transfer-to-user",
    "transfer-out",
    "voicemail",
    "callback",
    "email-parked",
    "email-reopened",
    "email-dcm",
    "async-message",
    "message-reopened",
    "chat-inactivity",
    "outbound-on-behalf",
    "outbound-dialer",
    "dialer-no-answer",
    "user-to-user",
    "acw-timeout",
    "stuck-external-leg",
];

/// The script of that name. Where a script exists on one medium or in one direction only, that
/// holds whatever was asked for.
pub(crate) fn script(name: &str, media: Media, direction: Direction) -> Option<Script> {
    waiting(name, media)
        .or_else(|| talking(name, media, direction))
        .or_else(|| conferring(name, direction))
        .or_else(|| written(name, direction))
        .or_else(|| outward(name))
}

fn on(media: Media, direction: Direction, parts: &[Plan]) -> Script {
    Script {
        media,
        direction,
        acw: true,
        provider: None,
        plan: parts.concat(),
    }
}

/// Scripts whose point lies before an agent answers.
fn waiting(name: &str, media: Media) -> Option<Script> {
    let inbound = |media, parts: &[Plan]| on(media, Direction::Inbound, parts);
    Some(match name {
        "abandoned-in-queue" => inbound(media, &[arrive(media), gives_up(6_000)]),
        "abandoned-in-ivr" => inbound(Media::Voice, &[vec![(0, Step::Ivr)], gives_up(5_000)]),
        "rona-twice" => inbound(media, &[arrive(media), unanswered(), handle(), hang_up()]),
        "overflow" => inbound(media, &[arrive(media), overflow(), handle(), hang_up()]),
        "voicemail" => {
            let recording = vec![(5_000, Step::Voicemail), (6_000, Step::CustomerDisconnect)];
            inbound(
                Media::Voice,
                &[arrive(Media::Voice), recording, handle(), agent_ends()],
            )
        }
        "callback" => {
            let planned = vec![
                (0, Step::Schedule { in_ms: Some(5_000) }),
                (5_000, Step::Due),
            ];
            let call = vec![(1_500, dial()), (3_000, Step::Connect)];
            let rings_off = vec![(6_000, Step::CustomerDisconnect)];
            let parts = [planned, handle(), call, rings_off, agent_ends()];
            on(Media::Callback, Direction::Outbound, &parts)
        }
        _ => return None,
    })
}

/// One agent after the other, on any medium.
fn talking(name: &str, media: Media, direction: Direction) -> Option<Script> {
    let wraps_up = || vec![(2_000, wrap_up())];
    let between = match name {
        "simple-voice" => vec![],
        "hold" => vec![(3_000, Step::Hold), (4_000, Step::Unhold)],
        "blind-transfer" => [
            vec![(4_000, transfer(Target::OtherQueue))],
            handle(),
            wraps_up(),
        ]
        .concat(),
        "requeue" => [
            vec![(3_000, transfer(Target::SameQueue))],
            handle(),
            wraps_up(),
        ]
        .concat(),
        "transfer-to-user" => [
            vec![(4_000, transfer(Target::User)), (3_000, Step::Answer)],
            wraps_up(),
        ]
        .concat(),
        "acw-timeout" => {
            let timeout = vec![
                (6_000, Step::CustomerDisconnect),
                (8_000, wrap_up_timeout()),
            ];
            return Some(on(media, direction, &[reach(media, direction), timeout]));
        }
        _ => return None,
    };
    Some(on(
        media,
        direction,
        &[reach(media, direction), between, hang_up()],
    ))
}

/// Several parties on a call.
fn conferring(name: &str, direction: Direction) -> Option<Script> {
    let asked = || {
        vec![
            (3_000, Step::Consult { user_id: None }),
            (2_500, Step::Answer),
        ]
    };
    let joined = || [asked(), vec![(2_000, Step::Conference)]].concat();
    let one_leaves = |last| vec![(4_000, leave(last)), (2_000, wrap_up())];
    let between = match name {
        "consult-transfer" => [
            asked(),
            vec![(3_000, Step::CompleteConsult), (2_000, wrap_up())],
        ]
        .concat(),
        "consult-cancelled" => [asked(), vec![(3_000, Step::CancelConsult)]].concat(),
        "conference" => [joined(), one_leaves(true)].concat(),
        "conference-agent-leaves-first" => [joined(), one_leaves(false)].concat(),
        "stuck-external-leg" => {
            vec![
                (3_000, Step::AddExternal { stuck: true }),
                (2_000, Step::Connect),
            ]
        }
        "transfer-out" => {
            let leaves = vec![(4_000, transfer_out()), (2_000, wrap_up())];
            let parts = [reach(Media::Voice, direction), leaves, gives_up(6_000)];
            return Some(on(Media::Voice, direction, &parts));
        }
        _ => return None,
    };
    Some(on(
        Media::Voice,
        direction,
        &[reach(Media::Voice, direction), between, hang_up()],
    ))
}

/// E-mails, messages and chats.
fn written(name: &str, direction: Direction) -> Option<Script> {
    use Media::{Chat, Email, Message};
    let parked = || vec![(4_000, Step::Park), (5_000, Step::Unpark)];
    let again = || [vec![(4_000, Step::Message)], handle()].concat();
    let expires = || vec![(4_000, Step::Expire)];
    Some(match name {
        "email-parked" => on(
            Email,
            direction,
            &[reach(Email, direction), parked(), agent_ends()],
        ),
        "email-reopened" => {
            let parts = [reach(Email, direction), agent_ends(), again(), agent_ends()];
            on(Email, direction, &parts)
        }
        "email-dcm" => {
            let arrives = vec![(0, enqueue())];
            let ends = vec![(4_000, leave(false))];
            Script {
                acw: false,
                provider: Some("DCM"),
                ..on(
                    Email,
                    Direction::Inbound,
                    &[arrives, handle(), parked(), ends],
                )
            }
        }
        "async-message" => {
            let first = [reach(Message, direction), agent_ends()].concat();
            on(
                Message,
                direction,
                &[first, again(), agent_ends(), expires()],
            )
        }
        "message-reopened" => {
            let first = [reach(Message, direction), agent_ends(), expires()].concat();
            on(
                Message,
                direction,
                &[first, again(), agent_ends(), expires()],
            )
        }
        "chat-inactivity" => {
            let parts = [
                arrive(Chat),
                handle(),
                vec![(8_000, Step::Inactive), (3_000, wrap_up())],
            ];
            on(Chat, Direction::Inbound, &parts)
        }
        _ => return None,
    })
}

/// Calls that begin inside the organisation.
fn outward(name: &str) -> Option<Script> {
    let call = |parts: &[Plan]| on(Media::Voice, Direction::Outbound, parts);
    let dialer = vec![(0, Step::Dialer { queue_id: None })];
    Some(match name {
        "outbound-on-behalf" => call(&[reach(Media::Voice, Direction::Outbound), hang_up()]),
        "outbound-dialer" => {
            let answered = vec![(3_000, Step::Connect), (1_000, enqueue())];
            call(&[dialer, answered, handle(), hang_up()])
        }
        "dialer-no-answer" => call(&[dialer, vec![(8_000, Step::Unreached)]]),
        "user-to-user" => call(&[vec![
            (0, Step::CallUser),
            (3_000, Step::Answer),
            (8_000, leave(false)),
        ]]),
        _ => return None,
    })
}

/// From the beginning until an agent talks.
fn reach(media: Media, direction: Direction) -> Plan {
    match (direction, media) {
        (Direction::Outbound, Media::Voice) => vec![(0, dial()), (4_000, Step::Connect)],
        (Direction::Outbound, Media::Email | Media::Message) => vec![(0, dial())],
        _ => [arrive(media), handle()].concat(),
    }
}

/// From the beginning until it waits in a queue.
fn arrive(media: Media) -> Plan {
    match media {
        Media::Voice | Media::Message => vec![(0, Step::Ivr), (3_000, enqueue())],
        Media::Callback | Media::Chat | Media::Email => vec![(0, enqueue())],
    }
}

/// From the queue until an agent talks.
fn handle() -> Plan {
    vec![(3_000, offer()), (2_500, Step::Answer)]
}

fn unanswered() -> Plan {
    vec![
        (2_000, offer()),
        (4_000, Step::NoAnswer),
        (2_000, offer()),
        (3_000, Step::Decline),
    ]
}

fn overflow() -> Plan {
    vec![(5_000, Step::Overflow { queue_id: None })]
}

fn gives_up(after: u64) -> Plan {
    vec![(after, Step::CustomerDisconnect)]
}

/// The customer ends it, the agent wraps up.
fn hang_up() -> Plan {
    vec![(6_000, Step::CustomerDisconnect), (4_000, wrap_up())]
}

/// The agent ends it and wraps up.
fn agent_ends() -> Plan {
    vec![(5_000, leave(false)), (2_500, wrap_up())]
}

fn enqueue() -> Step {
    Step::Enqueue { queue_id: None }
}

fn offer() -> Step {
    Step::Offer { user_id: None }
}

fn dial() -> Step {
    Step::Dial {
        user_id: None,
        queue_id: None,
    }
}

fn leave(last: bool) -> Step {
    Step::AgentDisconnect {
        participant_id: None,
        user_id: None,
        last,
    }
}

fn wrap_up() -> Step {
    Step::WrapUp {
        participant_id: None,
        user_id: None,
        code: None,
        notes: None,
        timeout: false,
    }
}

fn wrap_up_timeout() -> Step {
    Step::WrapUp {
        participant_id: None,
        user_id: None,
        code: None,
        notes: None,
        timeout: true,
    }
}

fn transfer(to: Target) -> Step {
    // Long enough to be told afterwards only where the customer really is with nobody.
    let gap_ms = (to == Target::OtherQueue).then_some(1_600);
    Step::Transfer {
        queue_id: None,
        user_id: None,
        address: None,
        gap_ms,
        to,
    }
}

fn transfer_out() -> Step {
    let address = Some("tel:+15550100088".to_owned());
    Step::Transfer {
        queue_id: None,
        user_id: None,
        address,
        gap_ms: None,
        to: Target::default(),
    }
}
