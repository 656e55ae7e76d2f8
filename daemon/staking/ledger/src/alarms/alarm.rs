//! One alarm: its topic, its name and what it says.

use daemon_market::Timestamp;
use serde::Serialize;

/// The topic of an alarm. The names are an interface: metrics and log events use them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AlarmId {
    /// The return on stakes fell.
    ReturnFalls,
    /// Answers are further from the truth than before.
    CalibrationDrifts,
    /// Answers are right more often, or less often, than their confidence says.
    ConfidenceOff,
    /// No bounty came for a long time.
    Silence,
    /// The purse is closed.
    BreakerOpen,
    /// Bounties expire unanswered.
    BountiesExpire,
    /// The marketplace refuses answers.
    AnswersRefused,
    /// Downloads of artifacts fail.
    DownloadsFail,
    /// Our clock and the times in bounties do not agree.
    ClockOff,
}

impl AlarmId {
    /// Every alarm id.
    pub const ALL: [AlarmId; 9] = [
        AlarmId::ReturnFalls,
        AlarmId::CalibrationDrifts,
        AlarmId::ConfidenceOff,
        AlarmId::Silence,
        AlarmId::BreakerOpen,
        AlarmId::BountiesExpire,
        AlarmId::AnswersRefused,
        AlarmId::DownloadsFail,
        AlarmId::ClockOff,
    ];

    /// The id's name in metrics, log and JSON.
    pub fn name(self) -> &'static str {
        match self {
            AlarmId::ReturnFalls => "return_falls",
            AlarmId::CalibrationDrifts => "calibration_drifts",
            AlarmId::ConfidenceOff => "confidence_off",
            AlarmId::Silence => "silence",
            AlarmId::BreakerOpen => "breaker_open",
            AlarmId::BountiesExpire => "bounties_expire",
            AlarmId::AnswersRefused => "answers_refused",
            AlarmId::DownloadsFail => "downloads_fail",
            AlarmId::ClockOff => "clock_off",
        }
    }
}

/// An alarm that is on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Alarm {
    /// The topic.
    #[serde(serialize_with = "id")]
    pub id: AlarmId,
    /// What happened, and what to do about it.
    pub message: String,
    /// When the alarm went off, in microseconds since 1970.
    #[serde(serialize_with = "micros")]
    pub since: Timestamp,
}

fn id<S: serde::Serializer>(id: &AlarmId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(id.name())
}

fn micros<S: serde::Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(at.micros())
}
