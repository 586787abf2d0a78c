//! A second opinion on the authored truth: the ordered status rules, read anew from the JSON of a live snapshot. Only the tests
//! use it.

use serde_json::Value;

const MEDIA: [&str; 5] = ["calls", "callbacks", "chats", "emails", "messages"];

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Outside,
    Queue,
    Mailbox,
    Dialer,
    Flow,
    Staff,
}

struct Leg<'a> {
    json: &'a Value,
    media: &'static str,
    role: Role,
    customer_side: bool,
    participant: &'a Value,
    /// alerting.. (P), connected.. (A), parked (K), scheduled (S), ended (E)
    class: char,
}

fn class(state: &str) -> char {
    match state {
        "alerting" | "offering" | "contacting" | "dialing" => 'P',
        "connected" | "uploading" | "converting" | "transmitting" => 'A',
        "parked" => 'K',
        "scheduled" => 'S',
        _ => 'E',
    }
}

fn role(purpose: &str) -> Role {
    match purpose {
        "customer" | "external" => Role::Outside,
        "acd" => Role::Queue,
        "voicemail" => Role::Mailbox,
        "agent" | "user" => Role::Staff,
        purpose if purpose.starts_with("dialer") => Role::Dialer,
        _ => Role::Flow,
    }
}

fn wraps_up(participant: &Value, legs: &[Leg<'_>]) -> bool {
    let own = || {
        legs.iter()
            .filter(|leg| std::ptr::eq(leg.participant, participant))
    };
    own().next().is_some_and(|leg| leg.role == Role::Staff)
        && own().all(|leg| leg.class == 'E')
        && own().any(|leg| leg.json["afterCallWork"]["state"] == "pending")
}

/// The status by the rules, in their order.
#[expect(
    clippy::too_many_lines,
    reason = "an ordered list of rules is read in one go"
)]
pub(super) fn status(snapshot: &Value) -> &'static str {
    let none = Vec::new();
    let participants = snapshot["participants"].as_array().unwrap_or(&none);
    if participants.is_empty() {
        return "CREATED";
    }
    let legs = legs(participants);
    let acw = participants
        .iter()
        .any(|participant| wraps_up(participant, &legs));
    let any = |test: &dyn Fn(&Leg<'_>) -> bool| legs.iter().any(test);
    let staff = |classes: &'static str| {
        legs.iter()
            .any(|leg| leg.role == Role::Staff && classes.contains(leg.class))
    };
    let pending = |leg: &Leg<'_>, words: [&str; 2]| {
        words.contains(&leg.json["state"].as_str().unwrap_or_default()) && leg.class == 'P'
    };
    let customer: Vec<&Leg<'_>> = legs.iter().filter(|leg| leg.customer_side).collect();
    let customer_gone = !customer.is_empty() && customer.iter().all(|leg| leg.class == 'E');
    let customer_open = customer.iter().any(|leg| "PA".contains(leg.class));
    let internal = |leg: &&Leg<'_>| leg.role != Role::Outside && leg.role != Role::Dialer;
    let inside_open = legs.iter().filter(internal).any(|leg| leg.class != 'E');
    let last = legs
        .iter()
        .filter(|leg| leg.role != Role::Outside && leg.class == 'E')
        .max_by_key(|leg| leg.json["disconnectedTime"].as_str().unwrap_or_default());
    let handed_over = last.is_some_and(|leg| {
        leg.json["disconnectType"]
            .as_str()
            .unwrap_or_default()
            .contains("transfer")
    });

    if staff("A") {
        let open: Vec<_> = customer.iter().filter(|leg| leg.class != 'E').collect();
        if !open.is_empty()
            && open
                .iter()
                .all(|leg| pending(leg, ["contacting", "dialing"]))
        {
            return "DIALING";
        }
        let held = legs
            .iter()
            .filter(|leg| leg.role == Role::Staff && leg.class == 'A')
            .all(|leg| leg.json["held"] == true);
        return if held { "ON_HOLD" } else { "CONNECTED" };
    }
    if any(&|leg| leg.role == Role::Staff && pending(leg, ["alerting", "offering"])) {
        return "ALERTING";
    }
    let queue_active = any(&|leg| leg.role == Role::Queue && leg.class == 'A');
    let dialled = any(&|leg| {
        matches!(leg.role, Role::Outside | Role::Dialer) && pending(leg, ["contacting", "dialing"])
    }) && !queue_active;
    let analysed =
        any(&|leg| leg.role == Role::Dialer && leg.class == 'A') && !inside_open && !customer_gone;
    if any(&|leg| leg.role == Role::Staff && pending(leg, ["contacting", "dialing"]))
        || dialled
        || analysed
    {
        return "DIALING";
    }
    if staff("K") {
        return "PARKED";
    }
    if any(&|leg| leg.role == Role::Mailbox && "AP".contains(leg.class)) {
        return "VOICEMAIL";
    }
    if any(&|leg| leg.role == Role::Queue && "AP".contains(leg.class)) {
        return "WAITING_IN_QUEUE";
    }
    if any(&|leg| matches!(leg.role, Role::Queue | Role::Outside) && leg.class == 'S') {
        return "SCHEDULED";
    }
    if any(&|leg| leg.role == Role::Flow && "AP".contains(leg.class)) {
        return "IN_FLOW";
    }
    let outsider = any(&|leg| leg.role == Role::Outside && !leg.customer_side && leg.class == 'A');
    if customer.iter().any(|leg| leg.class == 'A')
        && outsider
        && !inside_open
        && legs.iter().any(|leg| internal(&leg))
    {
        return "TRANSFERRED_OUT";
    }
    if customer_open && !inside_open && handed_over {
        return "TRANSFERRING";
    }
    if acw {
        return "AFTER_CALL_WORK";
    }
    let idle = |leg: &&&Leg<'_>| {
        leg.media == "messages"
            || (leg.media == "emails"
                && leg.json["connectedTime"].as_str()
                    > last.and_then(|last| last.json["disconnectedTime"].as_str()))
    };
    if !inside_open
        && last.is_some()
        && customer_open
        && customer
            .iter()
            .filter(|leg| leg.class != 'E')
            .all(|leg| idle(&leg))
    {
        return "IDLE";
    }
    if !inside_open
        && (customer_gone
            || customer.is_empty()
            || last.is_some_and(|leg| matches!(leg.role, Role::Staff | Role::Mailbox)))
    {
        return "ENDED";
    }
    if customer_open && !inside_open && last.is_some() {
        "TRANSFERRING"
    } else {
        "CREATED"
    }
}

fn legs(participants: &[Value]) -> Vec<Leg<'_>> {
    let mut legs = Vec::new();
    let is_outside =
        |participant: &&Value| role(participant["purpose"].as_str().unwrap()) == Role::Outside;
    let first = participants.iter().find(is_outside);
    for participant in participants {
        let inbound_thread = ["emails", "messages"].iter().any(|media| {
            participant[*media]
                .as_array()
                .is_some_and(|legs| legs.iter().any(|leg| leg["direction"] == "inbound"))
        });
        let customer_side = is_outside(&participant)
            && (first.is_some_and(|first| std::ptr::eq(first, participant)) || inbound_thread);
        for media in MEDIA {
            for json in participant[media].as_array().into_iter().flatten() {
                let class = class(json["state"].as_str().unwrap());
                legs.push(Leg {
                    json,
                    media,
                    role: role(participant["purpose"].as_str().unwrap()),
                    customer_side,
                    participant,
                    class,
                });
            }
        }
    }
    // Once the customer has gone, the other half of the hang-up is under way.
    let customer_gone = legs.iter().any(|leg| leg.customer_side)
        && legs
            .iter()
            .filter(|leg| leg.customer_side)
            .all(|leg| leg.class == 'E');
    for leg in legs
        .iter_mut()
        .filter(|leg| customer_gone && matches!(leg.media, "calls" | "chats"))
    {
        let under_way = (leg.role == Role::Staff && leg.class == 'P')
            || (matches!(leg.role, Role::Queue | Role::Flow | Role::Mailbox)
                && "PA".contains(leg.class));
        if under_way {
            leg.class = 'E';
        }
    }
    legs
}
