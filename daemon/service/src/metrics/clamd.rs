//! What is counted of clamd's protocol.

use daemon_clamd::ClamdCount;
use metrics::{counter, gauge, histogram};

/// Counts something that happened to a client.
pub fn clamd_counted(what: ClamdCount) {
    match what {
        ClamdCount::Open(open) => gauge!("stakeout_clamd_connections").set(open as f64),
        ClamdCount::Command(command) => {
            counter!("stakeout_clamd_commands_total", "command" => command.name()).increment(1);
        }
        ClamdCount::Stream(bytes) => counter!("stakeout_clamd_stream_bytes_total").increment(bytes),
        ClamdCount::Replied(reply, took) => {
            counter!("stakeout_clamd_replies_total", "reply" => reply).increment(1);
            histogram!("stakeout_clamd_reply_seconds").record(took.as_secs_f64());
        }
        ClamdCount::Dropped(why) => counter!("stakeout_clamd_dropped_total", "why" => why.name()).increment(1),
    }
}
