//! GraphQL over WebSocket, subprotocol `graphql-transport-ws`.
//!
//! ```text
//!  client ── text ──► message ──► protocol ── actions ──► socket ──► running
//!         ◄─ frames ─────────────────────────────────────── │  ◄─ items ──┘
//!                                    liveness ◄── time ─────┘
//! ```
//! `message` reads and writes, `protocol` decides, `liveness` judges the peer: all three without
//! I/O and clock. `running` holds what runs, `alarm` rings for what seldom happens, `socket` is the loop
//! around them all.

mod alarm;
mod liveness;
mod message;
mod protocol;
mod running;
mod socket;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequestParts, Request};
use axum::http::header::{SEC_WEBSOCKET_VERSION, UPGRADE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::Front;
use super::code;
use super::listener::Peer;
use super::negotiation::MediaType;
use super::operations::Operations;
use super::response::{error, refusal, too_many_connections};

const SUBPROTOCOL: &str = "graphql-transport-ws";
/// Tungstenite keeps a read buffer of this size per connection and clears it at each read. Clients say
/// little; a long message takes a few reads.
const READ_BUFFER: usize = 1024;
/// Above a usual batch of messages, so that they leave in one write.
const WRITE_BUFFER: usize = 8 * 1024;

pub(super) fn is_upgrade(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(UPGRADE).map(HeaderValue::as_bytes);
    upgrade.is_some_and(|upgrade| upgrade.eq_ignore_ascii_case(b"websocket"))
}

/// A handshake that is none. Of another version it is told which one is spoken (RFC 6455, 4.4).
fn unfit(headers: &HeaderMap, rejection: WebSocketUpgradeRejection) -> Response {
    let version = headers.get(SEC_WEBSOCKET_VERSION);
    if version.is_none_or(|version| version == "13") {
        return rejection.into_response();
    }
    let spoken = [(SEC_WEBSOCKET_VERSION, "13")];
    (StatusCode::UPGRADE_REQUIRED, spoken, rejection.body_text()).into_response()
}

/// Answers the handshake and serves the socket until it closes.
pub(super) async fn upgrade<E: Operations>(front: Front<E>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let peer = Peer::of(&parts);
    let handshake = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(handshake) => handshake,
        Err(rejection) => return unfit(&parts.headers, rejection),
    };
    let shared = front.shared.clone();
    if shared.drain.is_cancelled() {
        let draining = error(code::UNAVAILABLE, "The gateway restarts; connect again.");
        return refusal(StatusCode::SERVICE_UNAVAILABLE, MediaType::Json, draining);
    }
    if !shared.origins.welcome(&parts.headers) {
        let foreign = error(code::FORBIDDEN, "This origin may not open a WebSocket.");
        return refusal(StatusCode::FORBIDDEN, MediaType::Json, foreign);
    }
    let handshake = handshake.protocols([SUBPROTOCOL]);
    if handshake.selected_protocol().is_none() {
        let other = error(
            code::BAD_USER_INPUT,
            "The subprotocol must be graphql-transport-ws.",
        );
        return refusal(StatusCode::BAD_REQUEST, MediaType::Json, other);
    }
    let Some(seat) = shared.seats.of_address(peer.address) else {
        return too_many_connections();
    };
    // Held from here on: between this answer and the first poll of the socket a drain waits too.
    let tracked = shared.tasks.token();
    handshake
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(WRITE_BUFFER + 2 * shared.config.ws_max_result)
        .max_message_size(shared.config.ws_max_message)
        .max_frame_size(shared.config.ws_max_message)
        .on_upgrade(move |socket| {
            let serving = socket::serve(socket, front, parts.headers, peer);
            async move {
                serving.await;
                drop((tracked, seat));
            }
        })
}
