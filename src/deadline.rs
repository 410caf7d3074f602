//! The limit for everything together (`KUBECLARITY_TIMEOUT`). Clients set none of their own.

use std::time::{Duration, Instant};

/// A moment by which the answer must be out.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    start: Instant,
    limit: Duration,
}

impl Deadline {
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
