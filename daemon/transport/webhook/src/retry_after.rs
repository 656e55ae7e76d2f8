//! The `Retry-After` header, read and written.

use std::time::{Duration, SystemTime};

/// Parses the header: seconds, or a date relative to `now`. `None` if it is neither.
///
/// RFC 9110, section 10.2.3.
pub(crate) fn read(header: &[u8], now: SystemTime) -> Option<Duration> {
    let text = str::from_utf8(header).ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let moment = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(SystemTime::from(moment).duration_since(now).unwrap_or(Duration::ZERO))
}

/// Formats the delay as whole seconds, at least one.
pub(crate) fn write(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        for (header, wait) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
            ("Sun, 06 Nov 1994 08:49:20 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(read(header.as_bytes(), now), wait.map(Duration::from_secs), "{header}");
        }
    }

    #[test]
    fn a_wait_is_written_in_whole_seconds_and_never_as_none() {
        for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (60_000, 60)] {
            assert_eq!(write(Duration::from_millis(millis)), seconds);
        }
    }
}
