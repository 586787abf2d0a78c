//! Generated load: keeps a number of conversations alive, each somewhere in a script, and lets them move at a given rate.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::Rng;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::conversation::steps::Change;
use super::conversation::words::{Direction, Media};
use super::scripts;
use super::world::{Handle, World, lock};

/// How often the load is let out in portions.
const TICK: Duration = Duration::from_millis(5);
/// Scripts that reach a queue, by how often they come up.
const MIX: [(&str, u32); 26] = [
    ("simple-voice", 30),
    ("abandoned-in-queue", 6),
    ("blind-transfer", 8),
    ("consult-transfer", 4),
    ("consult-cancelled", 2),
    ("conference", 2),
    ("conference-agent-leaves-first", 2),
    ("hold", 12),
    ("requeue", 3),
    ("rona-twice", 4),
    ("overflow", 4),
    ("transfer-to-user", 3),
    ("transfer-out", 2),
    ("voicemail", 2),
    ("callback", 6),
    ("email-parked", 5),
    ("email-reopened", 2),
    ("email-dcm", 6),
    ("async-message", 6),
    ("message-reopened", 2),
    ("chat-inactivity", 3),
    ("outbound-on-behalf", 6),
    ("outbound-dialer", 4),
    ("dialer-no-answer", 2),
    ("acw-timeout", 4),
    ("stuck-external-leg", 1),
];

/// The body of `POST /sim/traffic`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TrafficOrder {
    /// Snapshots per second; 0 stops.
    events_per_second: f64,
    /// Conversations kept alive.
    conversations: usize,
    /// For so long, after which the conversations are played to their ends and no new ones begin; 0: until the next order.
    seconds: f64,
}

impl Default for TrafficOrder {
    fn default() -> Self {
        Self {
            events_per_second: 5.0,
            conversations: 20,
            seconds: 0.0,
        }
    }
}

#[derive(Default)]
pub(crate) struct Traffic {
    /// Ends the running load when a new order comes.
    current: StdMutex<CancellationToken>,
    /// Conversations on their way; held by the running load.
    pool: Mutex<Vec<Played>>,
}

struct Played {
    handle: Handle,
    rest: VecDeque<Change>,
    plan: VecDeque<super::conversation::steps::Step>,
}

impl TrafficOrder {
    pub(crate) fn check(self) -> Result<Self, &'static str> {
        let fine = |number: f64, most: f64| number.is_finite() && (0.0..=most).contains(&number);
        if !fine(self.events_per_second, 100_000.0)
            || !fine(self.seconds, 1e9)
            || self.conversations > 100_000
        {
            return Err(
                "eventsPerSecond, conversations and seconds must be 0 or more, within reason",
            );
        }
        Ok(self)
    }
}

impl World {
    /// Puts the order in place of the running one.
    pub(crate) fn order_traffic(self: &Arc<Self>, order: TrafficOrder) {
        let stop = self.stop.child_token();
        std::mem::replace(
            &mut *self.traffic.current.lock().expect("no panic while held"),
            stop.clone(),
        )
        .cancel();
        let world = Arc::clone(self);
        self.tasks.spawn(async move {
            let mut pool = world.traffic.pool.lock().await;
            stop.run_until_cancelled(world.run_traffic(&mut pool, order))
                .await;
        });
    }

    async fn run_traffic(&self, pool: &mut Vec<Played>, order: TrafficOrder) {
        let started = Instant::now();
        let until = (order.seconds > 0.0).then(|| started + Duration::from_secs_f64(order.seconds));
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = started;
        let mut owed = 0.0;
        if order.events_per_second == 0.0 {
            return;
        }
        loop {
            ticks.tick().await;
            let over = until.is_some_and(|until| Instant::now() >= until);
            if over && pool.is_empty() {
                return;
            }
            if !over {
                self.fill(pool, order.conversations);
            }
            let now = Instant::now();
            owed = (owed + (now - last).as_secs_f64() * order.events_per_second)
                .min(order.events_per_second.max(1.0));
            last = now;
            owed -= self.let_out(pool, owed).await;
        }
    }

    fn fill(&self, pool: &mut Vec<Played>, wanted: usize) {
        while pool.len() < wanted {
            pool.push(self.begin());
        }
    }

    fn begin(&self) -> Played {
        let (name, media, direction) = {
            let mut rng = self.rng();
            let media = [
                Media::Voice,
                Media::Voice,
                Media::Voice,
                Media::Email,
                Media::Chat,
                Media::Message,
            ][rng.random_range(0..6)];
            let direction = if rng.random_bool(0.15) {
                Direction::Outbound
            } else {
                Direction::Inbound
            };
            (
                pick(rng.random_range(0..MIX.iter().map(|(_, weight)| weight).sum())),
                media,
                direction,
            )
        };
        let script =
            scripts::script(name, media, direction).expect("the mix names scripts that exist");
        let mut conversation = self.new_conversation(script.media, script.direction, None);
        conversation.acw = script.acw;
        conversation.provider = script.provider.map(str::to_owned);
        let (_, handle) = self.add(conversation);
        Played {
            handle,
            rest: VecDeque::new(),
            plan: script.plan.into_iter().map(|(_, step)| step).collect(),
        }
    }

    /// Lets conversations move, in turn from a random one on, until so many snapshots are out; says how many were.
    async fn let_out(&self, pool: &mut Vec<Played>, owed: f64) -> f64 {
        let before = self.stats.snapshots.load(Ordering::Relaxed);
        let out = || {
            f64::from(
                u32::try_from(
                    self.stats
                        .snapshots
                        .load(Ordering::Relaxed)
                        .wrapping_sub(before),
                )
                .unwrap_or(u32::MAX),
            )
        };
        let mut tries = pool.len();
        while owed - out() >= 1.0 && tries > 0 && !pool.is_empty() {
            tries -= 1;
            let index = self.rng().random_range(0..pool.len());
            if !self.move_on(&mut pool[index]) {
                pool.swap_remove(index);
            }
            if tries.is_multiple_of(32) {
                tokio::task::yield_now().await;
            }
        }
        out()
    }

    /// One change; false when the script is over, or somebody else has taken the conversation another way.
    fn move_on(&self, played: &mut Played) -> bool {
        if super::clock::Stamp::now() < lock(&played.handle).last.plus_millis(2) {
            return true;
        }
        if played.rest.is_empty() {
            let Some(step) = played.plan.pop_front() else {
                return false;
            };
            match lock(&played.handle).changes(&self.org, step) {
                Ok(changes) => {
                    played.rest = changes.into_iter().map(|(_, change)| change).collect();
                }
                Err(_) => return true,
            }
        }
        if let Some(change) = played.rest.pop_front() {
            // A step that has become impossible is left out; the rest of the script still brings the conversation to its end.
            let _ = self.change(&played.handle, &change);
        }
        true
    }
}

fn pick(mut ticket: u32) -> &'static str {
    for (name, weight) in MIX {
        if ticket < weight {
            return name;
        }
        ticket -= weight;
    }
    MIX[0].0
}
