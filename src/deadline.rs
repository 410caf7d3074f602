//! The limit for everything together (`KUBECLARITY_TIMEOUT`), from the first line of `main` on. Clients set none of their
//! own.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::problem::Task;
use crate::settings::Settings;

/// What counts before the settings are read, and where they cannot be.
pub const DEFAULT_LIMIT: Duration = Duration::from_secs(10);

static START: OnceLock<Instant> = OnceLock::new();
/// In nanoseconds; 0 is not known yet.
static LIMIT: AtomicU64 = AtomicU64::new(0);
static STAGE: AtomicU8 = AtomicU8::new(Stage::Files as u8);

/// The time begins. Called first of all.
pub fn begin() {
    START.get_or_init(Instant::now);
}

/// What the process is at, for the message when its time is over. Only of what can hang without keeping to a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Any file.
    Files,
    /// Mounted pull secrets.
    Mounted,
    /// The answer cache.
    Cache,
    /// Files and names that the network needs.
    Network,
    /// Docker's configuration.
    DockerConfig,
    /// A client's configuration that `configure` changes.
    ClientConfig,
    /// The directory of `install`.
    Install,
}

impl Stage {
    const ALL: [Stage; 7] = [
        Stage::Files,
        Stage::Mounted,
        Stage::Cache,
        Stage::Network,
        Stage::DockerConfig,
        Stage::ClientConfig,
        Stage::Install,
    ];

    /// From now on.
    pub fn begins(self) {
        STAGE.store(self as u8, Ordering::Relaxed);
    }

    /// The one that the process is at.
    pub fn now() -> Stage {
        let number = usize::from(STAGE.load(Ordering::Relaxed));
        Stage::ALL.get(number).copied().unwrap_or(Stage::Files)
    }

    /// Its name in a message.
    pub fn task(self) -> Task {
        match self {
            Stage::Files => Task::Files,
            Stage::Network => Task::Everything,
            Stage::Mounted => Task::Mounted,
            Stage::Cache => Task::Cache,
            Stage::DockerConfig => Task::DockerConfig,
            Stage::ClientConfig => Task::ClientConfig,
            Stage::Install => Task::Install,
        }
    }
}

/// A moment by which the answer must be out.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    start: Instant,
    limit: Duration,
}

impl Deadline {
    /// The deadline of the process, which has this limit.
    pub fn begun(limit: Duration) -> Deadline {
        LIMIT.store(u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        Deadline::of_process()
    }

    /// The deadline of a process whose settings may not have been read.
    pub fn of_settings() -> Deadline {
        match LIMIT.load(Ordering::Relaxed) {
            0 => Deadline::begun(Settings::from_env().map_or(DEFAULT_LIMIT, |settings| settings.timeout)),
            _ => Deadline::of_process(),
        }
    }

    /// The deadline of the process.
    pub fn of_process() -> Deadline {
        let start = *START.get_or_init(Instant::now);
        let limit = match LIMIT.load(Ordering::Relaxed) {
            0 => DEFAULT_LIMIT,
            limit => Duration::from_nanos(limit),
        };
        Deadline { start, limit }
    }

    /// A deadline that far from now.
    pub fn after(limit: Duration) -> Deadline {
        Deadline { start: Instant::now(), limit }
    }

    /// The whole time that was given.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// What is left of it; zero if it has passed.
    pub fn left(&self) -> Duration {
        self.limit.saturating_sub(self.start.elapsed())
    }

    /// An earlier deadline, after a share of the whole time: what one source may take so that the next ones
    /// still get a turn.
    pub fn share(&self, share: f64) -> Deadline {
        Deadline { start: self.start, limit: self.limit.mul_f64(share) }
    }

    /// An earlier deadline: this much from now at the most.
    pub fn at_most(&self, limit: Duration) -> Deadline {
        Deadline { start: self.start, limit: self.limit.min(self.start.elapsed() + limit) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_whole() {
        let deadline = Deadline::after(Duration::from_secs(100));
        assert_eq!(deadline.share(0.7).limit(), Duration::from_secs(70));
        assert!(deadline.at_most(Duration::from_secs(2)).left() <= Duration::from_secs(2));
        assert_eq!(Deadline::after(Duration::ZERO).left(), Duration::ZERO);
        assert!(
            Deadline::after(Duration::from_secs(1)).at_most(Duration::from_secs(5)).left()
                <= Duration::from_secs(1)
        );
    }
}
