//! Numbers, times and bars as people read them.

use proptest::prelude::*;

use super::*;
use crate::text::width::columns;
use crate::words::{Language, Words};

/// 2026-11-21 10:21:00 UTC, a Saturday.
const MORNING_MS: i64 = 1_795_256_460_000;
const HOUR_MS: i64 = 3_600_000;
const BEIJING: LocalOffset = LocalOffset::from_seconds(8 * 3600);

#[test]
fn sizes_have_two_digits() {
    for (bytes, expected) in [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KiB"),
        (2_500_000, "2.4 MiB"),
        (9 * 1024 + 963, "9.9 KiB"),
        (9 * 1024 + 973, "10 KiB"),
        (999 * 1024, "999 KiB"),
        (1000 * 1024, "1.0 MiB"),
        (100 << 20, "100 MiB"),
        (13 << 30, "13 GiB"),
        (u64::MAX, "16384 PiB"),
    ] {
        assert_eq!(size(bytes), expected);
    }
    assert_eq!(rate(1_100_000), "1.0 MiB/s");
    assert_eq!(sizes_apart(150 << 20, 100 << 20), ("150 MiB".into(), "100 MiB".into()));
    let (size, limit) = sizes_apart((100 << 20) + 1, 100 << 20);
    assert_eq!((size.as_str(), limit.as_str()), ("104857601 B", "104857600 B"));
}

#[test]
fn spans_and_shares() {
    for (seconds, expected) in [(0, "0:00"), (1, "0:01"), (725, "12:05"), (3723, "1:02:03")] {
        assert_eq!(span(seconds), expected);
    }
    assert_eq!(seconds_left(0, 10, 0), None);
    assert_eq!(seconds_left(5, 10, 2), Some(3));
    assert_eq!(seconds_left(12, 10, 2), Some(0));
    for (done, total, expected) in
        [(0, 0, 100), (0, 3, 0), (1, 3, 33), (999, 1000, 99), (5, 5, 100)]
    {
        assert_eq!(percent(done, total), expected, "{done} of {total}");
    }
    assert_eq!(percent(u64::MAX - 1, u64::MAX), 99);
}

#[test]
fn bars_fill_by_eighths() {
    for (done, total, expected) in [
        (0, 100, ("", "····")),
        (100, 100, ("████", "")),
        (0, 0, ("████", "")),
        (50, 100, ("██", "··")),
        (58, 100, ("██▎", "·")),
        (1, 1000, ("", "····")),
    ] {
        let (filled, left) = bar(done, total, 4);
        assert_eq!((filled.as_str(), left.as_str()), expected, "{done} of {total}");
    }
}

#[test]
fn badges_stay_small() {
    assert_eq!((badge(7), badge(100)), ("7".to_owned(), "99+".to_owned()));
}

#[test]
fn clocks_and_days_follow_local_time() {
    assert_eq!(clock(MORNING_MS, LocalOffset::default()), "10:21");
    assert_eq!(clock(MORNING_MS, BEIJING), "18:21");
    let late = MORNING_MS + 7 * HOUR_MS;
    assert_eq!(local_date(late, LocalOffset::default()).civil(), (2026, 11, 21));
    assert_eq!(local_date(late, BEIJING).civil(), (2026, 11, 22));
    assert_eq!(clock(-1, LocalOffset::default()), "23:59");
}

#[test]
fn days_are_named_in_each_language() {
    let date = local_date(MORNING_MS, LocalOffset::default());
    for (language, rule, short) in [
        (Language::English, "Sat 21 Nov 2026", "21 Nov"),
        (Language::Chinese, "2026年11月21日 星期六", "11月21日"),
    ] {
        let words = Words::of(language);
        assert_eq!(day_rule(date, words), rule);
        assert_eq!(short_date(date, words), short);
    }
}

#[test]
fn age_decides_how_a_time_is_written() {
    for (hours_ago, english, chinese) in [
        (1, "09:21", "09:21"),
        (-2, "12:21", "12:21"),
        (20, "Yesterday", "昨天"),
        (72, "Wed", "星期三"),
        (24 * 30, "22 Oct", "10月22日"),
        (24 * 400, "2025-10-17", "2025-10-17"),
    ] {
        let time = MORNING_MS - hours_ago * HOUR_MS;
        let say = |language| when(time, MORNING_MS, LocalOffset::default(), Words::of(language));
        assert_eq!(
            (say(Language::English).as_str(), say(Language::Chinese).as_str()),
            (english, chinese)
        );
    }
}

#[test]
fn the_calendar_knows_leap_days() {
    for (day_number, civil) in [
        (0, (1970, 1, 1)),
        (-1, (1969, 12, 31)),
        (11_016, (2000, 2, 29)),
        (19_782, (2024, 2, 29)),
        (47_540, (2100, 2, 28)),
        (47_541, (2100, 3, 1)),
    ] {
        assert_eq!(Date { day_number }.civil(), civil);
    }
}

proptest! {
    #[test]
    fn any_number_can_be_shown(
        time in any::<i64>(), now in any::<i64>(), seconds in any::<i32>(),
        done in any::<u64>(), total in any::<u64>(), width in 0_usize..80,
    ) {
        let offset = LocalOffset::from_seconds(seconds);
        let words = Words::of(Language::English);
        prop_assert_eq!(clock(time, offset).len(), 5);
        let open = when(time, now, offset, words).find('{');
        prop_assert_eq!(open, None);
        prop_assert!(!day_rule(local_date(time, offset), words).contains("month."));
        let (filled, left) = bar(done, total, width);
        prop_assert_eq!(columns(&filled) + columns(&left), width);
        prop_assert!(percent(done, total) <= 100);
    }
}
