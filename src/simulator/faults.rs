//! Misbehaviour on request. Momentary faults are carried out by the control surface; what lasts is kept here and read by the
//! sockets and the API gate.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::Instant;

use super::broken::Broken;

/// The body of `POST /sim/faults`: each field alone is a fault, all may be given at once.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field of the request"
)]
pub(crate) struct FaultOrder {
    pub(crate) drop_sockets: bool,
    /// Nothing is read or written on any socket for so long; what would have been sent is lost.
    pub(crate) silent_ms: Option<u64>,
    /// Every frame is late by so much.
    pub(crate) delay_ms: Option<u64>,
    /// Share of frames that are sent twice.
    pub(crate) duplicate: Option<f64>,
    /// Share of frames that are overtaken by the next one.
    pub(crate) reorder: Option<f64>,
    /// Share of frames that an unreadable frame precedes; the frame itself still arrives.
    pub(crate) malformed: Option<f64>,
    /// The next frame is lost: one of this kind is sent in its place.
    pub(crate) break_next: Option<Broken>,
    /// API requests are answered with this status.
    pub(crate) status: Option<u16>,
    /// For so long; without it until the faults are lifted.
    pub(crate) for_ms: Option<u64>,
    /// Only requests whose path contains this.
    pub(crate) path: Option<String>,
    pub(crate) revoke_tokens: bool,
    pub(crate) expire_channels: bool,
    pub(crate) closing_notice: bool,
}

/// What lasts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lasting {
    pub(crate) silent_until: Option<Instant>,
    pub(crate) delay: Duration,
    pub(crate) duplicate: f64,
    pub(crate) reorder: f64,
    pub(crate) malformed: f64,
    status: Option<StatusFault>,
}

#[derive(Clone, Debug)]
struct StatusFault {
    status: u16,
    until: Option<Instant>,
    path: Option<String>,
}

pub(crate) struct Faults {
    lasting: watch::Sender<Lasting>,
    break_next: Mutex<Option<Broken>>,
}

impl Faults {
    pub(crate) fn none() -> Self {
        Self {
            lasting: watch::Sender::new(Lasting::default()),
            break_next: Mutex::default(),
        }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Lasting> {
        self.lasting.subscribe()
    }

    /// Keeps what lasts of an order; what it does not name stays as it was.
    pub(crate) fn order(&self, order: &FaultOrder) -> Result<(), String> {
        for (name, share) in [
            ("duplicate", order.duplicate),
            ("reorder", order.reorder),
            ("malformed", order.malformed),
        ] {
            if share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
                return Err(format!("{name} must be between 0 and 1"));
            }
        }
        if order
            .status
            .is_some_and(|status| !matches!(status, 429 | 500 | 503))
        {
            return Err("status must be 429, 500 or 503".into());
        }
        if order.break_next.is_some() {
            *self.breaking() = order.break_next;
        }
        let now = Instant::now();
        let from_now = |millis: u64| now + Duration::from_millis(millis);
        self.lasting.send_modify(|lasting| {
            lasting.silent_until = order.silent_ms.map(from_now).or(lasting.silent_until);
            lasting.delay = order.delay_ms.map_or(lasting.delay, Duration::from_millis);
            lasting.duplicate = order.duplicate.unwrap_or(lasting.duplicate);
            lasting.reorder = order.reorder.unwrap_or(lasting.reorder);
            lasting.malformed = order.malformed.unwrap_or(lasting.malformed);
            if let Some(status) = order.status {
                lasting.status = Some(StatusFault {
                    status,
                    until: order.for_ms.map(from_now),
                    path: order.path.clone(),
                });
            }
        });
        Ok(())
    }

    pub(crate) fn lift(&self) {
        *self.breaking() = None;
        self.lasting.send_replace(Lasting::default());
    }

    /// How the frame that is about to be written is to be broken.
    pub(crate) fn take_break(&self) -> Option<Broken> {
        self.breaking().take()
    }

    fn breaking(&self) -> MutexGuard<'_, Option<Broken>> {
        self.break_next
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The status that a request for `path` must be answered with, and the seconds after which to come again.
    pub(crate) fn status_for(&self, path: &str) -> Option<(u16, u64)> {
        let lasting = self.lasting.borrow();
        let fault = lasting.status.as_ref()?;
        let left = match fault.until {
            None => Duration::from_secs(1),
            Some(until) => until.checked_duration_since(Instant::now())?,
        };
        let meant = fault.path.as_deref().is_none_or(|part| path.contains(part));
        meant.then(|| {
            (
                fault.status,
                left.as_secs() + u64::from(left.subsec_nanos() > 0),
            )
        })
    }
}

impl Lasting {
    pub(crate) fn is_silent(&self) -> bool {
        self.silent_until
            .is_some_and(|until| Instant::now() < until)
    }
}
