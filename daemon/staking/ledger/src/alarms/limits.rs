//! When alarms go off.

use std::time::Duration;

/// Number of latest stakes whose return is compared with that of earlier ones.
pub const RETURN_RECENT: usize = 50;
/// Most earlier stakes to compare with.
pub const RETURN_TRAILING_MAX: usize = 500;
/// Fewest earlier ones to compare with.
pub const RETURN_TRAILING_MIN: usize = 100;
/// Number of latest answers whose calibration is checked. If one in ten is wrong, the share among a hundred has a
/// standard deviation of 3 points.
pub const CALIBRATION_RECENT: usize = 100;
/// Most earlier answers to compare with.
pub const CALIBRATION_TRAILING_MAX: usize = 1_000;
/// Fewest earlier ones to compare with.
pub const CALIBRATION_TRAILING_MIN: usize = 200;

/// When an alarm goes off. `None` turns that alarm off.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct AlarmLimits {
    /// How far the return of the latest [`RETURN_RECENT`] stakes may fall below that of up to [`RETURN_TRAILING_MAX`]
    /// before them, in percentage points of what was staked. Default: 30.
    pub return_fall_max_percent: Option<u32>,
    /// How far the Brier score of the latest [`CALIBRATION_RECENT`] answers may rise above that of up to
    /// [`CALIBRATION_TRAILING_MAX`] before them. Default: 0.08.
    pub brier_rise_max: Option<f64>,
    /// How far the mean confidence of the latest [`CALIBRATION_RECENT`] answers may be from the share of right ones.
    /// Default: 0.10.
    pub confidence_gap_max: Option<f64>,
    /// How long may pass without a bounty. Default: an hour.
    pub silence_max: Option<Duration>,
    /// Largest share of the latest [`LATELY_RECENT`](crate::LATELY_RECENT) ended bounties that may have expired, 0.0 to
    /// 1.0. Default: 0.1.
    pub expired_share_max: Option<f64>,
    /// Largest share of the same bounties whose answer may have been refused, 0.0 to 1.0. Default: 0.1.
    pub refused_share_max: Option<f64>,
    /// Largest share of the latest [`LATELY_RECENT`](crate::LATELY_RECENT) downloads that may have failed, 0.0 to 1.0.
    /// Default: 0.5.
    pub failed_downloads_share_max: Option<f64>,
    /// Longest plausible time from a bounty's arrival to its deadline. If half of the latest
    /// [`LATELY_RECENT`](crate::LATELY_RECENT) have more, or arrive after their deadline, a clock is wrong: ours or the
    /// marketplace's. Default: a day.
    pub bounty_life_max: Option<Duration>,
}

impl Default for AlarmLimits {
    fn default() -> Self {
        AlarmLimits {
            return_fall_max_percent: Some(30),
            brier_rise_max: Some(0.08),
            confidence_gap_max: Some(0.10),
            silence_max: Some(Duration::from_secs(3_600)),
            expired_share_max: Some(0.1),
            refused_share_max: Some(0.1),
            failed_downloads_share_max: Some(0.5),
            bounty_life_max: Some(Duration::from_secs(86_400)),
        }
    }
}
