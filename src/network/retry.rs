//! When a request is sent again: the one policy for all doors. Back-off that doubles, a server's `Retry-After` kept, never
//! past the deadline, and not at all where nothing will have changed in a second.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header};
use tokio::time::sleep;

use super::Door;
use super::fault::{Why, may_pass};
use crate::deadline::Deadline;

/// The first wait before a retry; each next one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// A proxy that cannot be reached, or lets nothing through, is asked twice more: it stands nearer than the host, and is
/// more often misnamed than down.
const RETRIES_BY_PROXY: u32 = 2;
/// A metadata server whose packets are swallowed is meant to be out of reach, most often.
const RETRIES_CUT_OFF: u32 = 1;
/// Azure's metadata server answers 404 and 410 for some seconds after a start or a move, and for good where it has no
/// identity to give.
const RETRIES_STARTING: u32 = 5;

/// What a try came to.
#[derive(Debug, Clone)]
pub enum Tried {
    /// No answer, on a way by a proxy or not.
    Unreached {
        /// Why.
        why: Why,
        /// Whether a proxy is on the way.
        by_proxy: bool,
    },
    /// An answer that may be another one later, and how long the server says to wait.
    Status {
        /// The status.
        status: StatusCode,
        /// `Retry-After`.
        after: Option<Duration>,
    },
}

/// The tries of one request.
#[derive(Debug, Clone, Copy)]
pub struct Retries {
    door: Door,
    most: Option<u32>,
    wait: Duration,
    made: u32,
}

impl Retries {
    /// Those that a door allows.
    pub fn new(door: Door) -> Retries {
        Retries { door, most: door.limits().retries, wait: FIRST_WAIT, made: 0 }
    }

    /// At most so many.
    pub fn at_most(self, most: u32) -> Retries {
        Retries { most: Some(self.most.map_or(most, |allowed| allowed.min(most))), ..self }
    }

    /// Waits for the next try; false if there is none.
    pub async fn again(&mut self, tried: &Tried, deadline: Deadline) -> bool {
        match self.pause(tried) {
            Some(pause) if pause < deadline.left() => {
                self.made += 1;
                self.wait = (self.wait * 2).min(LONGEST_WAIT);
                sleep(pause).await;
                true
            }
            _ => false,
        }
    }

    /// How long to wait before the next try; `None` if there is none.
    fn pause(&self, tried: &Tried) -> Option<Duration> {
        let (most, after) = match tried {
            Tried::Unreached { why, .. } if why.lasts() => (Some(0), None),
            Tried::Unreached { by_proxy: true, .. } => (Some(RETRIES_BY_PROXY), None),
            Tried::Unreached { why: Why::NoRoute, .. } if self.door == Door::Metadata => (Some(0), None),
            Tried::Unreached { why: Why::Slow | Why::Silent | Why::Name, .. }
                if self.door == Door::Metadata =>
            {
                (Some(RETRIES_CUT_OFF), None)
            }
            Tried::Unreached { .. } => (None, None),
            Tried::Status { status, after } if may_pass(*status) => (None, *after),
            Tried::Status { after, .. } => (Some(RETRIES_STARTING), *after),
        };
        let over = [most, self.most].into_iter().flatten().any(|most| self.made >= most);
        (!over).then(|| after.unwrap_or(self.wait).max(FIRST_WAIT))
    }
}

/// `Retry-After` (RFC 9110, section 10.2.3), in seconds or as a date.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    use aws_smithy_types::date_time::{DateTime, Format};
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = u64::try_from(DateTime::from_str(text, Format::HttpDate).ok()?.secs()).ok()?;
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(at))?;
    Some(at.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often a try that always comes to the same is made again, and how long that takes, up to a limit.
    fn made(door: Door, tried: &Tried) -> (u32, Duration) {
        let (mut retries, mut waited) = (Retries::new(door), Duration::ZERO);
        while let Some(pause) = retries.pause(tried).filter(|_| retries.made < 100) {
            retries.made += 1;
            retries.wait = (retries.wait * 2).min(LONGEST_WAIT);
            waited += pause;
        }
        (retries.made, waited)
    }

    fn unreached(door: Door, why: &Why, by_proxy: bool) -> u32 {
        made(door, &Tried::Unreached { why: why.clone(), by_proxy }).0
    }

    fn status(door: Door, code: u16) -> u32 {
        made(door, &Tried::Status { status: StatusCode::from_u16(code).unwrap(), after: None }).0
    }

    #[test]
    fn what_passes_is_tried_again_as_often_as_the_door_allows() {
        assert_eq!((status(Door::Cloud, 503), status(Door::Aws, 429)), (4, 4));
        assert_eq!((status(Door::Metadata, 429), status(Door::ApiServer, 500)), (100, 100));
        assert_eq!(unreached(Door::Cloud, &Why::Refused, false), 4);
        assert_eq!(unreached(Door::Metadata, &Why::Refused, false), 100);
    }

    #[test]
    fn what_lasts_is_not() {
        for why in [Why::Login, Why::Elsewhere, Why::Answered(StatusCode::FORBIDDEN), Why::Socks(2)] {
            assert_eq!(unreached(Door::ApiServer, &why, true), 0, "{why:?}");
        }
        let certificate = Why::Certificate(rustls::CertificateError::UnknownIssuer);
        assert_eq!(unreached(Door::Cloud, &certificate, false), 0);
    }

    #[test]
    fn a_proxy_is_not_waited_for_long() {
        for why in [Why::Refused, Why::Name, Why::Answered(StatusCode::BAD_GATEWAY), Why::BrokenOff] {
            let (made, waited) =
                made(Door::ApiServer, &Tried::Unreached { why: why.clone(), by_proxy: true });
            assert_eq!((made, waited), (2, Duration::from_millis(300)), "{why:?}");
        }
    }

    #[test]
    fn a_metadata_server_that_is_out_of_reach_costs_little() {
        assert_eq!(unreached(Door::Metadata, &Why::NoRoute, false), 0);
        assert_eq!(unreached(Door::Metadata, &Why::Slow, false), 1);
        assert_eq!(status(Door::Metadata, 410), 5);
    }

    #[test]
    fn the_servers_word_counts() {
        let mut headers = HeaderMap::new();
        for (value, expected) in [
            ("2", Some(2)),
            (" 0 ", Some(0)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            headers.insert(header::RETRY_AFTER, value.parse().unwrap());
            assert_eq!(retry_after(&headers), expected.map(Duration::from_secs), "{value}");
        }
        let after = Some(Duration::from_secs(7));
        let tried = Tried::Status { status: StatusCode::TOO_MANY_REQUESTS, after };
        assert_eq!(Retries::new(Door::Cloud).pause(&tried), after);
        assert_eq!(made(Door::Cloud, &tried), (4, Duration::from_secs(28)));
        assert!(Retries::new(Door::Cloud).at_most(0).pause(&tried).is_none());
    }
}
