//! Days and clock times of messages in local time. Milliseconds since 1970 come from the server and are for
//! display only, so any value gives some date and none fails.

use crate::words::Words;

const DAY_MS: i64 = 86_400_000;

/// How far local time is from UTC. East is positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalOffset {
    /// Seconds to add to UTC.
    pub seconds: i32,
}

impl LocalOffset {
    /// An offset in seconds, cut to less than a day either way.
    #[must_use]
    pub const fn from_seconds(seconds: i32) -> Self {
        let limited = if seconds > 86_399 {
            86_399
        } else if seconds < -86_399 {
            -86_399
        } else {
            seconds
        };
        Self { seconds: limited }
    }
}

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Days since 1 January 1970.
    pub day_number: i64,
}

impl Date {
    /// The date some days later, earlier when negative.
    #[must_use]
    pub const fn plus_days(self, days: i64) -> Self {
        Self { day_number: self.day_number.saturating_add(days) }
    }

    /// Year, month from 1, day from 1 (proleptic Gregorian calendar).
    #[must_use]
    pub const fn civil(self) -> (i64, u8, u8) {
        // The year is counted from March, so that the leap day is its last; 146,097 days are 400 years.
        let days = self.day_number + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "1..=12 and 1..=31"
        )]
        (year, month as u8, day as u8)
    }

    /// Day of the week, 0 is Monday.
    #[must_use]
    pub const fn weekday(self) -> i64 {
        (self.day_number + 3).rem_euclid(7)
    }
}

/// The local day of a time in milliseconds since 1970.
#[must_use]
pub const fn local_date(time_ms: i64, offset: LocalOffset) -> Date {
    Date { day_number: local_ms(time_ms, offset).div_euclid(DAY_MS) }
}

/// Hour and minute: `09:05`.
#[must_use]
pub fn clock(time_ms: i64, offset: LocalOffset) -> String {
    let minutes = local_ms(time_ms, offset).rem_euclid(DAY_MS) / 60_000;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// The text of a day rule: `Sat 21 Nov 2026`, `2026年11月21日 星期六`.
#[must_use]
pub fn day_rule(date: Date, words: &Words) -> String {
    let (year, month, day) = date.civil();
    let weekday = format!("weekday.{}", date.weekday());
    let month = format!("month.{month}");
    words.fill(
        "date.rule",
        &[
            ("weekday", &words.t(&weekday)),
            ("day", &day),
            ("month", &words.t(&month)),
            ("year", &year),
        ],
    )
}

/// A date without its year: `21 Nov`, `11月21日`.
#[must_use]
pub fn short_date(date: Date, words: &Words) -> String {
    let (_, month, day) = date.civil();
    words.fill("date.short", &[("day", &day), ("month", &words.t(&format!("month.{month}")))])
}

/// When something was, as short as its age allows: the clock today, `yesterday`, the weekday within a week,
/// then the date, with its year when it is another one.
#[must_use]
pub fn when(time_ms: i64, now_ms: i64, offset: LocalOffset, words: &Words) -> String {
    let (date, today) = (local_date(time_ms, offset), local_date(now_ms, offset));
    match today.day_number.saturating_sub(date.day_number) {
        // A clock that is ahead shows as today.
        ..=0 => clock(time_ms, offset),
        1 => words.t("timeline.yesterday").to_owned(),
        2..=6 => words.t(&format!("weekday.{}", date.weekday())).to_owned(),
        _ if date.civil().0 == today.civil().0 => short_date(date, words),
        _ => numeric_date(date, words),
    }
}

/// A date with its year, in digits: `2026-11-21`.
#[must_use]
pub fn numeric_date(date: Date, words: &Words) -> String {
    let (year, month, day) = date.civil();
    let two = |number: u8| format!("{number:02}");
    words.fill("date.numeric", &[("year", &year), ("month", &two(month)), ("day", &two(day))])
}

/// Times beyond what a calendar is good for are pulled in, so that no arithmetic overflows.
const fn local_ms(time_ms: i64, offset: LocalOffset) -> i64 {
    const LIMIT_MS: i64 = i64::MAX / 4;
    let limited = if time_ms > LIMIT_MS {
        LIMIT_MS
    } else if time_ms < -LIMIT_MS {
        -LIMIT_MS
    } else {
        time_ms
    };
    limited + offset.seconds as i64 * 1000
}
