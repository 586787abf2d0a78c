//! When a conversation of which no news comes is read again; pure.

use std::time::Duration;

use crate::domain::row::ConversationStatus;
use crate::genesys::config::duration;

/// How long conversations may stay without news before they are read again.
#[derive(clap::Args, Clone, Debug)]
pub struct WatchConfig {
    /// First wait between readings of a registered conversation that no topic shows; it doubles
    #[arg(long = "genesys-watch-unshown", env = "GATEWAY_GENESYS_WATCH_UNSHOWN", value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub watch_unshown: Duration,

    /// Longest wait between readings of a conversation that no topic shows
    #[arg(long = "genesys-watch-unshown-max", env = "GATEWAY_GENESYS_WATCH_UNSHOWN_MAX", value_name = "TIME", default_value = "15m", value_parser = duration)]
    pub watch_unshown_max: Duration,

    /// Longest wait between questions for a registered conversation that Genesys does not know
    #[arg(long = "genesys-watch-missing-max", env = "GATEWAY_GENESYS_WATCH_MISSING_MAX", value_name = "TIME", default_value = "1d", value_parser = duration)]
    pub watch_missing_max: Duration,

    /// Grace time of a conversation that is TRANSFERRING, or that a leg holds up whose customer has left
    #[arg(long = "genesys-watch-stuck", env = "GATEWAY_GENESYS_WATCH_STUCK", value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub watch_stuck: Duration,

    /// Time after which a conversation still ALERTING or DIALING is read again
    #[arg(long = "genesys-watch-ringing", env = "GATEWAY_GENESYS_WATCH_RINGING", value_name = "TIME", default_value = "2m", value_parser = duration)]
    pub watch_ringing: Duration,

    /// Times after the beginning of `AFTER_CALL_WORK` at which it is read again; the last is repeated
    #[arg(long = "genesys-watch-wrap-up", env = "GATEWAY_GENESYS_WATCH_WRAP_UP", value_name = "TIMES", default_value = "2m,10m,60m", value_delimiter = ',', value_parser = duration)]
    pub watch_wrap_up: Vec<Duration>,

    /// Time after which IDLE, PARKED, SCHEDULED and VOICEMAIL conversations are read again
    #[arg(long = "genesys-watch-idle", env = "GATEWAY_GENESYS_WATCH_IDLE", value_name = "TIME", default_value = "1h", value_parser = duration)]
    pub watch_idle: Duration,

    /// Time after which any other open conversation is read again
    #[arg(long = "genesys-watch-quiet", env = "GATEWAY_GENESYS_WATCH_QUIET", value_name = "TIME", default_value = "15m", value_parser = duration)]
    pub watch_quiet: Duration,

    /// Time without news after which a status that a forgotten leg holds up is called an error
    #[arg(long = "genesys-watch-forgotten", env = "GATEWAY_GENESYS_WATCH_FORGOTTEN", value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub watch_forgotten: Duration,

    /// Time between two looks at which open conversations there are
    #[arg(long = "genesys-watch-sweep", env = "GATEWAY_GENESYS_WATCH_SWEEP", value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub watch_sweep: Duration,
}

/// Why a conversation is watched, which says how closely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watch {
    /// No topic shows it.
    Unshown,
    /// No topic shows it, and Genesys has nothing to show when asked.
    Missing,
    /// It should have gone on at once.
    Stuck,
    Ringing,
    WrappingUp,
    /// It may stay as it is for long.
    Resting,
    Quiet,
}

/// What the last reading found, beside the conversation itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    Nothing,
    /// A leg whose customer has left holds it up.
    HeldUp,
    /// Genesys does not know it, or withholds it.
    Missing,
}

impl Watch {
    /// `None` when there is nothing to watch for.
    pub(super) const fn of(
        status: ConversationStatus,
        is_shown: bool,
        finding: Finding,
    ) -> Option<Self> {
        use ConversationStatus as S;
        Some(match status {
            S::Ended => return None,
            _ if matches!(finding, Finding::HeldUp) => Self::Stuck,
            S::Transferring => Self::Stuck,
            S::AfterCallWork => Self::WrappingUp,
            S::Idle | S::Parked | S::Scheduled | S::Voicemail => Self::Resting,
            _ if !is_shown => Self::Unshown.after(finding),
            S::Alerting | S::Dialing => Self::Ringing,
            S::Created
            | S::InFlow
            | S::WaitingInQueue
            | S::Connected
            | S::OnHold
            | S::TransferredOut => Self::Quiet,
        })
    }

    /// How it is watched after a reading.
    pub(super) const fn after(self, finding: Finding) -> Self {
        match (self, finding) {
            (_, Finding::HeldUp) => Self::Stuck,
            (Self::Unshown, Finding::Missing) => Self::Missing,
            (Self::Missing, Finding::Nothing) => Self::Unshown,
            (watch, _) => watch,
        }
    }

    /// Whether nothing else tells of it.
    pub(super) const fn is_unshown(self) -> bool {
        matches!(self, Self::Unshown | Self::Missing)
    }

    /// Whether many of them may be asked for at once: there is no hurry.
    pub(super) const fn is_patient(self) -> bool {
        matches!(self, Self::Resting | Self::Quiet)
    }
}

impl WatchConfig {
    /// How long to wait after so many readings that brought nothing new (0: after the last news).
    pub(super) fn wait(&self, watch: Watch, readings: u32) -> Duration {
        match watch {
            Watch::Unshown => doubled(self.watch_unshown, readings, self.watch_unshown_max),
            Watch::Missing => doubled(self.watch_unshown, readings, self.watch_missing_max),
            Watch::Stuck => doubled(self.watch_stuck, readings, self.watch_quiet),
            Watch::Ringing => doubled(self.watch_ringing, readings, self.watch_quiet),
            Watch::WrappingUp => self.wrap_up_wait(readings),
            Watch::Resting => self.watch_idle,
            Watch::Quiet => self.watch_quiet,
        }
    }

    fn wrap_up_wait(&self, readings: u32) -> Duration {
        let times = &self.watch_wrap_up;
        let nth = usize::try_from(readings).unwrap_or(usize::MAX);
        match (times.get(nth), times.last()) {
            (Some(at), _) => {
                let before = nth.checked_sub(1).and_then(|before| times.get(before));
                at.saturating_sub(before.copied().unwrap_or_default())
            }
            (None, Some(last)) => *last,
            (None, None) => self.watch_quiet,
        }
    }
}

/// The first wait, twice as long with every reading; never shorter than the first, whatever the limit.
fn doubled(first: Duration, readings: u32, longest: Duration) -> Duration {
    let factor = 1_u32.checked_shl(readings.min(31)).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(longest.max(first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConversationStatus as S;

    fn config() -> WatchConfig {
        #[derive(clap::Parser)]
        struct Alone {
            #[command(flatten)]
            config: WatchConfig,
        }
        <Alone as clap::Parser>::parse_from(["watch"]).config
    }

    fn waits(watch: Watch, count: u32) -> Vec<u64> {
        let config = config();
        (0..count)
            .map(|readings| config.wait(watch, readings).as_secs())
            .collect()
    }

    #[test]
    fn every_status_is_watched_as_long_as_it_is_open() {
        for (status, shown, unshown) in [
            (S::Ended, None, None),
            (S::Transferring, Some(Watch::Stuck), Some(Watch::Stuck)),
            (
                S::AfterCallWork,
                Some(Watch::WrappingUp),
                Some(Watch::WrappingUp),
            ),
            (S::Idle, Some(Watch::Resting), Some(Watch::Resting)),
            (S::Parked, Some(Watch::Resting), Some(Watch::Resting)),
            (S::Scheduled, Some(Watch::Resting), Some(Watch::Resting)),
            (S::Voicemail, Some(Watch::Resting), Some(Watch::Resting)),
            (S::Alerting, Some(Watch::Ringing), Some(Watch::Unshown)),
            (S::Created, Some(Watch::Quiet), Some(Watch::Unshown)),
            (S::Connected, Some(Watch::Quiet), Some(Watch::Unshown)),
        ] {
            assert_eq!(
                Watch::of(status, true, Finding::Nothing),
                shown,
                "{status:?}"
            );
            assert_eq!(
                Watch::of(status, false, Finding::Nothing),
                unshown,
                "{status:?}"
            );
        }
        let held_up = |status| Watch::of(status, true, Finding::HeldUp);
        assert_eq!(held_up(S::Connected), Some(Watch::Stuck));
        assert_eq!(held_up(S::Ended), None);
        let missing = |is_shown| Watch::of(S::Created, is_shown, Finding::Missing);
        assert_eq!(missing(false), Some(Watch::Missing));
        assert_eq!(missing(true), Some(Watch::Quiet));
    }

    #[test]
    fn waits_grow_where_a_change_is_near_and_stay_where_it_is_far() {
        assert_eq!(
            waits(Watch::Unshown, 9),
            [5, 10, 20, 40, 80, 160, 320, 640, 900]
        );
        assert_eq!(waits(Watch::Stuck, 4), [10, 20, 40, 80]);
        assert_eq!(waits(Watch::Ringing, 5), [120, 240, 480, 900, 900]);
        assert_eq!(waits(Watch::WrappingUp, 5), [120, 480, 3_000, 3_600, 3_600]);
        assert_eq!(waits(Watch::Resting, 2), [3_600, 3_600]);
        assert_eq!(waits(Watch::Quiet, 2), [900, 900]);
        assert_eq!(waits(Watch::Unshown, 80)[79], 900);
        let missing = waits(Watch::Missing, 16);
        assert_eq!(missing[..4], [5, 10, 20, 40]);
        assert_eq!(missing[13..], [40_960, 81_920, 86_400]);
    }
}
