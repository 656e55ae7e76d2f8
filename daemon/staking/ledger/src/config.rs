//! When there is an alarm: the section of the configuration.

use std::time::Duration;

use daemon_config::{Share, section};

use crate::AlarmLimits;

section! {
    /// Limits that raise alarms, in the metric stakeout_alarm and in the log.
    pub struct AlarmsConfig {
        /// Alarm return_falls: drop of the return of the last stakes below that of the stakes before them, in
        /// percentage points. 0: never.
        return_fall_max: usize = 30;
        /// Alarm calibration_drifts: rise of the Brier loss of the last answers above that of the answers before them.
        /// 0.0: never.
        brier_rise_max: Share = Share(0.08);
        /// Alarm confidence_off: difference between the mean confidence of the last answers and the fraction that was
        /// right. 0.0: never.
        confidence_gap_max: Share = Share(0.1);
        /// Alarm silence: time without a bounty. "0s": never.
        silence_max: Duration = Duration::from_secs(3_600);
        /// Alarm bounties_expire: fraction of expired bounties among the last 50 that ended within an hour. 0.0: never.
        expired_max: Share = Share(0.1);
        /// Alarm answers_refused: fraction of answers that the marketplace refused, among the same bounties. 0.0:
        /// never.
        refused_max: Share = Share(0.1);
        /// Alarm downloads_fail: fraction of failed downloads among the last 50 within an hour. 0.0: never.
        failed_downloads_max: Share = Share(0.5);
        /// Alarm clock_off: half of the last 50 bounties had expired on arrival, or had more time left than this. The
        /// clock of this machine or of the marketplace is wrong. "0s": never.
        bounty_life_max: Duration = Duration::from_secs(86_400);
    }
}

impl AlarmsConfig {
    /// Returns the limits of alarms.
    pub fn limits(&self) -> AlarmLimits {
        let share = |share: Share| Some(share.0).filter(|share| *share > 0.0);
        AlarmLimits {
            return_fall_max_percent: u32::try_from(self.return_fall_max).ok().filter(|most| *most > 0),
            brier_rise_max: share(self.brier_rise_max),
            confidence_gap_max: share(self.confidence_gap_max),
            silence_max: Some(self.silence_max).filter(|most| !most.is_zero()),
            expired_share_max: share(self.expired_max),
            refused_share_max: share(self.refused_max),
            failed_downloads_share_max: share(self.failed_downloads_max),
            bounty_life_max: Some(self.bounty_life_max).filter(|most| !most.is_zero()),
        }
    }
}
