//! The loop of one WebSocket. Its inputs: the drain, the client's messages, the verdict on who it
//! is, time, and what its operations yield. One task serves them all; operations are asked for more
//! only while the client takes what they gave, and while it does not, everything else goes on.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_graphql::Request;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::http::HeaderMap;
use futures_util::future::{BoxFuture, poll_fn};
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::time::Sleep;
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::alarm::Alarm;
use super::liveness::{Liveness, Patience, Verdict};
use super::protocol::{Action, Close, Limits, Protocol};
use super::running::Running;
use crate::http::authenticate::Refused;
use crate::http::listener::{Peer, Taken};
use crate::http::metrics::{OpenSocket, count_closed};
use crate::http::operations::{Operations, Outcome};
use crate::http::response::rate_limited;
use crate::http::seats::Seat;
use crate::http::{Front, envelope, execution};
use crate::sessions::{Farewell, Pass, Present, Session, Transport};

/// Messages handled of either kind before the task lets others run.
const TURN: usize = 64;
/// Messages that may wait for a blocked client before it is no longer listened to.
const OUTBOX: usize = 64;

/// Serves the socket until it is closed. The future is small: most of a connection's life it stands
/// still, and whatever it might hold once would be held all the time.
pub(super) fn serve<E: Operations>(
    socket: WebSocket,
    front: Front<E>,
    upgrade: HeaderMap,
    peer: Peer,
) -> impl Future<Output = ()> + Send {
    let close_timeout = front.shared.config.ws_close_timeout;
    let mut connection = Box::new(Connection::new(socket, front, upgrade, peer));
    async move {
        let ending = poll_fn(|cx| connection.poll(cx)).await;
        count_closed(ending.code());
        let goodbye = say_goodbye(connection.into_socket(), ending);
        // A client that does not say goodbye is left without.
        let _ = tokio::time::timeout(close_timeout, Box::pin(goodbye)).await;
    }
}

async fn say_goodbye(mut socket: WebSocket, ending: Ending) {
    if let Ending::Close(Close { code, reason }) = ending {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        if socket.send(Message::Close(Some(frame))).await.is_err() {
            return;
        }
    }
    while let Some(Ok(_)) = socket.next().await {}
}

/// Why the loop ended.
#[derive(Debug)]
enum Ending {
    /// We close.
    Close(Close),
    /// The client has closed, with this code.
    Closed(u16),
    /// The connection broke.
    Lost,
}

impl Ending {
    /// For the metrics: a bounded set, although clients may invent codes.
    fn code(&self) -> u16 {
        match self {
            Self::Close(close) => close.code,
            Self::Closed(code @ 1000..=1015) => *code,
            Self::Closed(_) => 1000,
            Self::Lost => 1006,
        }
    }
}

struct Connection<E> {
    socket: WebSocket,
    front: Front<E>,
    protocol: Protocol,
    running: Running<BoxStream<'static, Outcome>>,
    /// Messages that the socket has not taken yet.
    outbox: VecDeque<Message>,
    /// The socket holds written bytes that may not have left.
    unflushed: bool,
    /// What the list of sessions was told last: it does not take what waits.
    behind: bool,
    /// Reading stopped because the outbox was full.
    deaf: bool,
    /// The headers of the upgrade request, until someone was asked who sent them.
    upgrade: Option<HeaderMap>,
    verdict: Option<BoxFuture<'static, Result<Pass, Refused>>>,
    /// Who it is, from the verdict on.
    present: Option<Present>,
    /// The caller's place among his connections.
    seat: Option<Seat<Arc<str>>>,
    farewell: Option<BoxFuture<'static, Farewell>>,
    /// Rings for the drain, the farewell and a pass that was renewed.
    alarm: Alarm,
    liveness: Liveness,
    init_deadline: Instant,
    taken: Taken,
    address: Option<IpAddr>,
    timer: Pin<Box<Sleep>>,
    drain: Pin<Box<WaitForCancellationFutureOwned>>,
    counted: OpenSocket,
}

impl<E: Operations> Connection<E> {
    fn new(socket: WebSocket, front: Front<E>, upgrade: HeaderMap, peer: Peer) -> Self {
        let config = &front.shared.config;
        let limits = Limits {
            operations: config.ws_max_operations,
            result: config.ws_max_result,
        };
        let patience = Patience {
            ping_interval: config.ws_ping_interval,
            pong: config.ws_pong_timeout,
            stall: config.stall_timeout,
        };
        let now = Instant::now();
        let init_deadline = now + config.ws_init_timeout;
        Self {
            socket,
            protocol: Protocol::new(limits, front.shared.admission.clone()),
            running: Running::new(),
            outbox: VecDeque::new(),
            unflushed: false,
            behind: false,
            deaf: false,
            upgrade: Some(upgrade),
            verdict: None,
            present: None,
            seat: None,
            farewell: None,
            alarm: Alarm::new(),
            liveness: Liveness::new(patience, now),
            init_deadline,
            taken: peer.taken,
            address: peer.address,
            timer: Box::pin(tokio::time::sleep_until(init_deadline.into())),
            drain: Box::pin(front.shared.drain.clone().cancelled_owned()),
            counted: front.shared.sockets.open(),
            front,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ending> {
        match self.turn(cx) {
            Ok(()) => {
                self.counted.running(self.running.len());
                if let Some(present) = &self.present {
                    present.session().running(self.running.len());
                }
                Poll::Pending
            }
            Err(ending) => Poll::Ready(ending),
        }
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Result<(), Ending> {
        self.poll_alarm(cx)?;
        self.hear(cx)?;
        self.poll_verdict(cx)?;
        self.send_waiting(cx)?;
        self.poll_operations(cx)?;
        self.flush(cx)?;
        if self.deaf && self.outbox.len() < OUTBOX {
            cx.waker().wake_by_ref();
        }
        self.poll_timer(cx)
    }

    /// Takes the client's messages, while what they cause finds room.
    fn hear(&mut self, cx: &mut Context<'_>) -> Result<(), Ending> {
        for _ in 0..TURN {
            self.deaf = self.outbox.len() >= OUTBOX;
            if self.deaf {
                return Ok(());
            }
            let Poll::Ready(message) = self.socket.poll_next_unpin(cx) else {
                return Ok(());
            };
            let message = message
                .ok_or(Ending::Lost)?
                .map_err(|error| unreadable(&error))?;
            self.counted.received();
            let action = match message {
                Message::Text(text) => self.protocol.text(&text),
                Message::Binary(_) => Some(self.protocol.binary()),
                Message::Pong(_) => {
                    self.liveness.pong();
                    None
                }
                // The answer is made by the WebSocket library, and leaves with the next flush.
                Message::Ping(_) => {
                    self.unflushed = true;
                    None
                }
                Message::Close(frame) => {
                    return Err(Ending::Closed(frame.map_or(1005, |frame| frame.code)));
                }
            };
            self.act(action)?;
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    fn act(&mut self, action: Option<Action>) -> Result<(), Ending> {
        match action {
            None => {}
            Some(Action::Send(text)) => self.outbox.push_back(Message::Text(text.into())),
            Some(Action::SendAndStop(text, serial)) => {
                self.running.remove(serial);
                self.outbox.push_back(Message::Text(text.into()));
            }
            Some(Action::Stop(serial)) => self.running.remove(serial),
            Some(Action::Refuse(text)) => {
                if self.take_turn().is_err() {
                    return Err(Ending::Close(Close::new(
                        1013,
                        "Too many refused operations",
                    )));
                }
                self.outbox.push_back(Message::Text(text.into()));
            }
            Some(Action::Start(serial, request)) => {
                let results = self.begin(*request);
                self.running.insert(serial, results);
            }
            Some(Action::Authenticate(payload)) => {
                let authenticator = self.front.shared.authenticator.clone();
                let upgrade = self.upgrade.take().unwrap_or_default();
                self.verdict = Some(Box::pin(async move {
                    authenticator.connection(payload.as_ref(), &upgrade).await
                }));
            }
            Some(Action::Close(close)) => return Err(Ending::Close(close)),
        }
        Ok(())
    }

    /// Starts an operation, if its caller may start one now.
    fn begin(&self, mut request: Request) -> BoxStream<'static, Outcome> {
        if let Err(wait) = self.take_turn() {
            return execution::refused(rate_limited(wait));
        }
        self.front.executor.prepare(&mut request);
        let request_id = envelope::fresh_request_id();
        execution::results(&self.front, request, self.session(), request_id)
    }

    /// Takes one operation off the caller's account, or says how long he must wait for it.
    fn take_turn(&self) -> Result<(), Duration> {
        let caller = self.session().caller();
        self.front.shared.rate.take(&caller, Instant::now())
    }

    fn session(&self) -> &Arc<Session> {
        let present = self.present.as_ref();
        present
            .expect("operations are asked for after the verdict")
            .session()
    }

    fn poll_verdict(&mut self, cx: &mut Context<'_>) -> Result<(), Ending> {
        let Some(verdict) = &mut self.verdict else {
            return Ok(());
        };
        let Poll::Ready(verdict) = verdict.as_mut().poll(cx) else {
            return Ok(());
        };
        self.verdict = None;
        let action = self.protocol.verdict(verdict.as_ref().err());
        if let Ok(mut pass) = verdict {
            pass.caller.address = self.address;
            let seat = self.front.shared.seats.of_caller(&pass.caller);
            self.seat = Some(seat.ok_or_else(full)?);
            let present = self.front.shared.sessions.enter(pass, Transport::WebSocket);
            self.farewell = Some(Arc::clone(present.session()).farewell().boxed());
            self.present = Some(present);
            // It is polled before anything else, from the next turn on.
            self.alarm.ring();
        }
        self.act(Some(action))
    }

    /// Ends the socket when the process drains, when its pass is over, or when an administrator says
    /// so. With another pass, every operation looks at its rights anew.
    fn poll_alarm(&mut self, cx: &Context<'_>) -> Result<(), Ending> {
        let (drain, farewell) = (&mut self.drain, &mut self.farewell);
        let ending = self.alarm.poll(cx, |cx| {
            if drain.as_mut().poll(cx).is_ready() {
                return Some(Close::restart());
            }
            match farewell.as_mut().map(|it| it.as_mut().poll(cx)) {
                Some(Poll::Ready(farewell)) => Some(Close::new(4403, farewell.reason())),
                _ => None,
            }
        });
        match ending {
            Some(Some(close)) => Err(Ending::Close(close)),
            Some(None) => {
                self.running.wake_all();
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Hands the outbox to the socket, as far as it takes it.
    fn send_waiting(&mut self, cx: &mut Context<'_>) -> Result<(), Ending> {
        while !self.outbox.is_empty() && self.poll_ready(cx)? {
            if let Some(message) = self.outbox.pop_front() {
                self.socket
                    .start_send_unpin(message)
                    .map_err(|_| Ending::Lost)?;
                self.counted.sent();
                self.unflushed = true;
            }
        }
        Ok(())
    }

    /// Asks the operations for more, while the socket takes it.
    fn poll_operations(&mut self, cx: &mut Context<'_>) -> Result<(), Ending> {
        for _ in 0..TURN {
            if !self.outbox.is_empty() || !self.poll_ready(cx)? {
                return Ok(());
            }
            let Poll::Ready((serial, item)) = self.running.poll_next(cx, waits_behind) else {
                return Ok(());
            };
            let action = match item {
                Some(outcome) => self.protocol.item(serial, &outcome),
                None => self.protocol.end(serial),
            };
            self.act(action)?;
            self.send_waiting(cx)?;
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Result<bool, Ending> {
        match self.socket.poll_ready_unpin(cx) {
            Poll::Ready(Ok(())) => Ok(true),
            Poll::Ready(Err(_)) => Err(Ending::Lost),
            Poll::Pending => Ok(false),
        }
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Result<(), Ending> {
        if self.unflushed {
            match self.socket.poll_flush_unpin(cx) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(_)) => return Err(Ending::Lost),
                Poll::Pending => self.liveness.waits(Instant::now(), self.taken.bytes()),
            }
            self.note_lag();
            if !self.unflushed {
                self.liveness.flushed(Instant::now());
            }
        }
        Ok(())
    }

    /// For the list of sessions; a change is rare, so nothing is done for most messages.
    fn note_lag(&mut self) {
        if self.unflushed != self.behind
            && let Some(present) = &self.present
        {
            self.behind = self.unflushed;
            present.session().behind(self.behind);
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Result<(), Ending> {
        loop {
            let deadline = self.deadline();
            if self.timer.deadline().into_std() > deadline {
                self.timer.as_mut().reset(deadline.into());
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                return Ok(());
            }
            let now = Instant::now();
            if now >= self.init_deadline {
                self.act(self.protocol.init_timeout())?;
            }
            match self.liveness.check(now) {
                Verdict::Fine => {}
                Verdict::Ping => self.ping(cx)?,
                Verdict::Dead(reason) => return Err(Ending::Close(Close::new(1013, reason))),
            }
            let deadline = self.deadline();
            self.timer.as_mut().reset(deadline.into());
        }
    }

    fn deadline(&self) -> Instant {
        let liveness = self.liveness.deadline();
        if self.protocol.awaits_init() {
            liveness.min(self.init_deadline)
        } else {
            liveness
        }
    }

    fn ping(&mut self, cx: &mut Context<'_>) -> Result<(), Ending> {
        self.outbox.push_back(Message::Ping(bytes::Bytes::new()));
        self.send_waiting(cx)?;
        self.flush(cx)
    }

    /// Ends everything but the socket: operations stop before the goodbyes begin.
    fn into_socket(self) -> WebSocket {
        self.socket
    }
}

/// Whether an operation that gave this has nothing more until it wakes.
fn waits_behind(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Shared(shared) if shared.wakes())
}

fn full() -> Ending {
    Ending::Close(Close::new(1013, "Too many open connections"))
}

/// A message that the WebSocket library refuses (RFC 6455, 7.4.1).
fn unreadable(error: &axum::Error) -> Ending {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<WsError>());
    match cause {
        Some(WsError::Capacity(_)) => Ending::Close(Close::new(1009, "Message too big")),
        Some(WsError::Utf8(_)) => Ending::Close(Close::new(1007, "Message is not UTF-8")),
        Some(WsError::Protocol(_)) => Ending::Close(Close::new(1002, "Protocol error")),
        _ => Ending::Lost,
    }
}
