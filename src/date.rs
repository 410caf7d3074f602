//! A moment, for people: date and time of day, in UTC.

use std::fmt::{Display, Formatter};
use std::time::{SystemTime, UNIX_EPOCH};

/// Shows a moment as `2026-01-31 at 23:59:59 UTC`.
pub struct Date(pub SystemTime);

impl Display for Date {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let seconds = self.0.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02} at {hour:02}:{minute:02}:{second:02} UTC")
    }
}

/// Year, month and day of a number of days since 1970, in the Gregorian calendar. Counted from a first of March, a leap day
/// is the last day of its year, and the lengths of months repeat every five.
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_OF_400_YEARS: u64 = 146_097;
    // From 0000-03-01.
    let days = days + 719_468;
    let (era, day_of_era) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (400 * era + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn dates_as_the_calendar_has_them() {
        for (seconds, shown) in [
            (0, "1970-01-01 at 00:00:00 UTC"),
            (951_782_400, "2000-02-29 at 00:00:00 UTC"),
            (951_868_799, "2000-02-29 at 23:59:59 UTC"),
            (951_868_800, "2000-03-01 at 00:00:00 UTC"),
            (1_000_000_000, "2001-09-09 at 01:46:40 UTC"),
            (1_709_164_799, "2024-02-28 at 23:59:59 UTC"),
            (1_709_164_800, "2024-02-29 at 00:00:00 UTC"),
            (1_767_225_599, "2025-12-31 at 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 at 00:00:00 UTC"),
            (253_402_300_799, "9999-12-31 at 23:59:59 UTC"),
        ] {
            assert_eq!(Date(UNIX_EPOCH + Duration::from_secs(seconds)).to_string(), shown);
        }
    }

    #[test]
    fn each_day_follows_the_one_before() {
        let mut before = civil(0);
        for days in 1..150_000 {
            let (year, month, day) = civil(days);
            let next_day = (year, month) == (before.0, before.1) && day == before.2 + 1;
            let next_month = day == 1
                && before.2 >= 28
                && (year, month)
                    == match before.1 {
                        12 => (before.0 + 1, 1),
                        month => (before.0, month + 1),
                    };
            assert!(next_day || next_month, "{before:?} {:?}", (year, month, day));
            before = (year, month, day);
        }
    }
}
