//! Which conversations are watched, and which of them are due; pure but for the clock it is handed.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::schedule::{Finding, Watch, WatchConfig};
use crate::domain::ids::ConversationId;
use crate::domain::time::Time;
use crate::ingest::Open;

/// Readings after which a leg that still holds its conversation up was forgotten by Genesys.
const READINGS_OF_FORGOTTEN: u32 = 2;

/// What is known of one that is watched.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub(super) watch: Watch,
    /// When the record last changed.
    pub(super) news: Time,
    /// Readings since then that brought nothing.
    pub(super) readings: u32,
    finding: Finding,
    due: Instant,
    course: Course,
    entered: Instant,
}

/// Where one stands between two readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    Waiting,
    /// As well, and analytics know news of it: it is read by itself.
    WaitingAlone,
    BeingRead,
}

impl Watched {
    /// Whether it may be asked for together with others.
    pub(super) fn is_patient(&self) -> bool {
        self.watch.is_patient() && self.course != Course::WaitingAlone
    }

    /// Whether it was without news for so long that a leg which holds it up was forgotten.
    pub(super) fn has_lasted(&self, config: &WatchConfig, now: Time) -> bool {
        let grace = i64::try_from(config.watch_forgotten.as_millis()).unwrap_or(i64::MAX);
        self.readings >= READINGS_OF_FORGOTTEN && now.since(self.news) >= grace
    }

    fn is_being_read(&self) -> bool {
        self.course == Course::BeingRead
    }
}

#[derive(Default)]
pub(super) struct Ledger(BTreeMap<ConversationId, Watched>);

impl Ledger {
    pub(super) fn get(&self, id: ConversationId) -> Option<&Watched> {
        self.0.get(&id)
    }

    /// Something of the conversation must be looked at soon, whatever the list of open ones says.
    pub(super) fn enter(
        &mut self,
        id: ConversationId,
        watch: Watch,
        wait: Duration,
        now: (Instant, Time),
    ) {
        let known = self.0.remove(&id);
        let due = now.0 + wait;
        self.0.insert(
            id,
            Watched {
                watch,
                news: now.1,
                readings: 0,
                finding: match watch {
                    Watch::Stuck => Finding::HeldUp,
                    _ => Finding::Nothing,
                },
                due: known.as_ref().map_or(due, |known| known.due.min(due)),
                course: known.map_or(Course::Waiting, |known| known.course),
                entered: now.0,
            },
        );
    }

    /// Takes the list of open conversations, begun at `began`; who is not in it is open no more.
    pub(super) fn take(
        &mut self,
        open: &[Open],
        is_shown: impl Fn(&Open) -> bool,
        config: &WatchConfig,
        began: Instant,
        now: (Instant, Time),
    ) {
        let mut before = std::mem::take(&mut self.0);
        for open in open {
            let known = before.remove(&open.id);
            let finding = known.as_ref().map(|known| known.finding);
            let finding = finding.unwrap_or(Finding::Nothing);
            let Some(watch) = Watch::of(open.status, is_shown(open), finding) else {
                continue;
            };
            let same = known
                .as_ref()
                .is_some_and(|known| known.watch == watch && known.news >= open.updated_at);
            if same && let Some(known) = known {
                self.0.insert(open.id, known);
                continue;
            }
            let quiet_for = now.1.since(open.updated_at);
            let quiet_for = Duration::from_millis(u64::try_from(quiet_for).unwrap_or_default());
            self.0.insert(
                open.id,
                Watched {
                    watch,
                    news: open.updated_at,
                    readings: 0,
                    finding,
                    due: now.0 + config.wait(watch, 0).saturating_sub(quiet_for),
                    course: known.map_or(Course::Waiting, |known| known.course),
                    entered: now.0,
                },
            );
        }
        // What came after the list was begun may be missing in it.
        before.retain(|_, watched| watched.entered >= began || watched.is_being_read());
        self.0.extend(before);
    }

    /// Those whose time has come, that are not being read and do not rest, the longest due first. Where a patient
    /// one is due, those go along that would be halfway to their time: so they come to be asked for
    /// together.
    pub(super) fn due(
        &self,
        config: &WatchConfig,
        now: Instant,
        rests: impl Fn(&Watched) -> bool,
    ) -> Vec<ConversationId> {
        let is_waiting = |it: &Watched| !it.is_being_read() && !rests(it);
        let waiting = || self.0.iter().filter(|(_, it)| is_waiting(it));
        let gathers = waiting().any(|(_, it)| it.is_patient() && it.due <= now);
        let mut due: Vec<_> = waiting()
            .filter(|(_, it)| {
                let early = if gathers && it.is_patient() {
                    config.wait(it.watch, it.readings) / 2
                } else {
                    Duration::ZERO
                };
                it.due <= now + early
            })
            .map(|(id, it)| (it.is_patient(), it.due, *id))
            .collect();
        due.sort_unstable();
        due.into_iter().map(|(_, _, id)| id).collect()
    }

    /// When the next one is due that does not rest.
    pub(super) fn next_due(&self, rests: impl Fn(&Watched) -> bool) -> Option<Instant> {
        let is_waiting = |it: &&Watched| !it.is_being_read() && !rests(it);
        let waiting = self.0.values().filter(is_waiting);
        waiting.map(|watched| watched.due).min()
    }

    pub(super) fn begin(&mut self, id: ConversationId) {
        if let Some(watched) = self.0.get_mut(&id) {
            watched.course = Course::BeingRead;
        }
    }

    /// It was read, or asked for in vain.
    pub(super) fn done(
        &mut self,
        id: ConversationId,
        finding: Finding,
        config: &WatchConfig,
        now: Instant,
    ) {
        if let Some(watched) = self.0.get_mut(&id) {
            watched.course = Course::Waiting;
            watched.readings = watched.readings.saturating_add(1);
            watched.finding = finding;
            watched.watch = watched.watch.after(finding);
            watched.due = now + config.wait(watched.watch, watched.readings);
        }
    }

    /// It could not be asked for: it stays due.
    pub(super) fn put_off(&mut self, id: ConversationId, until: Instant) {
        if let Some(watched) = self.0.get_mut(&id) {
            watched.course = Course::Waiting;
            watched.due = until;
        }
    }

    /// There is news of it: it is read next, and by itself.
    pub(super) fn put_first(&mut self, id: ConversationId, now: Instant) {
        if let Some(watched) = self.0.get_mut(&id) {
            watched.course = Course::WaitingAlone;
            watched.due = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::row::ConversationStatus as S;

    const MINUTE: Duration = Duration::from_mins(1);

    fn none_rests(_: &Watched) -> bool {
        false
    }

    fn config() -> WatchConfig {
        #[derive(clap::Parser)]
        struct Alone {
            #[command(flatten)]
            config: WatchConfig,
        }
        <Alone as clap::Parser>::parse_from(["watch"]).config
    }

    fn id(number: u128) -> ConversationId {
        ConversationId::from_uuid(uuid::Uuid::from_u128(number))
    }

    fn open(number: u128, status: S, updated_at: i64) -> Open {
        Open {
            id: id(number),
            status,
            last_queue: None,
            updated_at: Time::from_millis(updated_at),
        }
    }

    fn take(ledger: &mut Ledger, open: &[Open], now: Instant, millis: i64) {
        let at = (now, Time::from_millis(millis));
        ledger.take(open, |_| true, &config(), now, at);
    }

    #[test]
    fn one_without_news_is_due_when_its_time_is_over_and_again_after_that() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        let list = [open(1, S::Connected, 0), open(2, S::Parked, 0)];
        take(&mut ledger, &list, start + MINUTE, 60_000);
        assert_eq!(ledger.due(&config(), start + MINUTE * 14, none_rests), []);
        assert_eq!(
            ledger.due(&config(), start + MINUTE * 15, none_rests),
            [id(1)]
        );
        assert_eq!(
            ledger.due(&config(), start + MINUTE * 60, none_rests),
            [id(1), id(2)]
        );
        ledger.begin(id(1));
        assert_eq!(ledger.due(&config(), start + MINUTE * 16, none_rests), []);
        ledger.done(id(1), Finding::Nothing, &config(), start + MINUTE * 16);
        take(&mut ledger, &list, start + MINUTE * 17, 17 * 60_000);
        assert_eq!(ledger.due(&config(), start + MINUTE * 30, none_rests), []);
        let along = [id(1), id(2)];
        assert_eq!(
            ledger.due(&config(), start + MINUTE * 31, none_rests),
            along
        );
    }

    #[test]
    fn news_begin_the_wait_anew_and_the_end_ends_it() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        take(&mut ledger, &[open(1, S::Connected, 0)], start, 0);
        let later = [open(1, S::Connected, 600_000)];
        take(&mut ledger, &later, start + MINUTE * 10, 600_000);
        assert_eq!(ledger.due(&config(), start + MINUTE * 24, none_rests), []);
        assert_eq!(
            ledger.due(&config(), start + MINUTE * 25, none_rests),
            [id(1)]
        );
        take(&mut ledger, &[], start + MINUTE * 25, 1_500_000);
        assert_eq!(ledger.due(&config(), start + MINUTE * 60, none_rests), []);
    }

    #[test]
    fn those_halfway_to_their_time_go_along_with_one_that_is_due() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        let list = [1, 2, 3].map(|number| {
            let minutes = [0, 5, 10][usize::try_from(number - 1).unwrap()];
            open(number, S::Connected, minutes * 60_000)
        });
        take(&mut ledger, &list, start + MINUTE * 10, 600_000);
        assert_eq!(ledger.due(&config(), start + MINUTE * 14, none_rests), []);
        let together = ledger.due(&config(), start + MINUTE * 15, none_rests);
        assert_eq!(together, [id(1), id(2)]);
    }

    #[test]
    fn what_is_entered_while_the_list_is_read_stays() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        let at = (start + MINUTE, Time::from_millis(0));
        ledger.enter(id(1), Watch::Unshown, Duration::ZERO, at);
        ledger.take(&[], |_| true, &config(), start, at);
        assert_eq!(ledger.due(&config(), start + MINUTE, none_rests), [id(1)]);
        ledger.take(&[], |_| true, &config(), start + MINUTE * 2, at);
        assert_eq!(ledger.due(&config(), start + MINUTE * 2, none_rests), []);
    }

    #[test]
    fn one_that_a_leg_holds_up_is_looked_at_closely_until_it_is_not() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        let list = [open(1, S::Connected, 0)];
        take(&mut ledger, &list, start, 0);
        ledger.begin(id(1));
        ledger.done(id(1), Finding::HeldUp, &config(), start);
        take(&mut ledger, &list, start, 0);
        assert_eq!(
            ledger.due(&config(), start + Duration::from_secs(20), none_rests),
            [id(1)]
        );
        ledger.done(id(1), Finding::Nothing, &config(), start);
        take(&mut ledger, &list, start, 0);
        assert_eq!(ledger.due(&config(), start + MINUTE * 14, none_rests), []);
    }

    #[test]
    fn one_that_genesys_does_not_know_is_asked_for_less_and_less_until_it_is_known() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        let list = [open(1, S::Created, 0)];
        let sweep = |ledger: &mut Ledger, now| {
            let at = (now, Time::from_millis(0));
            ledger.take(&list, |_| false, &config(), now, at);
        };
        sweep(&mut ledger, start);
        let mut now = start;
        for _ in 0..20 {
            now = ledger.next_due(none_rests).expect("it is watched");
            ledger.begin(id(1));
            ledger.done(id(1), Finding::Missing, &config(), now);
            sweep(&mut ledger, now);
        }
        assert_eq!(ledger.next_due(none_rests), Some(now + MINUTE * 60 * 24));
        ledger.done(id(1), Finding::Nothing, &config(), now);
        sweep(&mut ledger, now);
        assert_eq!(ledger.next_due(none_rests), Some(now + MINUTE * 15));
    }

    #[test]
    fn a_leg_is_forgotten_after_ten_minutes_without_news_and_two_readings() {
        let (mut ledger, start) = (Ledger::default(), Instant::now());
        take(&mut ledger, &[open(1, S::Connected, 0)], start, 0);
        let has_lasted = |ledger: &Ledger, millis| {
            let watched = ledger.get(id(1)).expect("it is watched");
            watched.has_lasted(&config(), Time::from_millis(millis))
        };
        ledger.done(id(1), Finding::HeldUp, &config(), start);
        assert!(
            !has_lasted(&ledger, 900_000),
            "one reading may be too early"
        );
        ledger.done(id(1), Finding::HeldUp, &config(), start);
        assert!(!has_lasted(&ledger, 599_999));
        assert!(has_lasted(&ledger, 600_000));
    }

    #[test]
    fn what_rests_is_neither_due_nor_waited_for() {
        let mut ledger = Ledger::default();
        let start = Instant::now();
        let now = (start, Time::from_millis(0));
        ledger.enter(id(1), Watch::Stuck, Duration::ZERO, now);
        ledger.enter(id(2), Watch::Unshown, MINUTE, now);
        let rests = |watched: &Watched| !watched.watch.is_unshown();
        assert_eq!(ledger.due(&config(), start, rests), []);
        assert_eq!(ledger.next_due(rests), Some(start + MINUTE));
        assert_eq!(ledger.due(&config(), start, none_rests), [id(1)]);
    }
}
