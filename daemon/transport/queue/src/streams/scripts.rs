//! What must happen as one step in Redis. Each script does first what a full Redis refuses, so that it does all or nothing;
//! counts are for people, and may be missed.

/// Queues a job once. KEYS: jobs, job, result, counts. ARGV: job, deadline, now, jobs_max, kept_ms.
/// Returns `queued`, `known`, `answered` or `full`.
pub(super) const SUBMIT: &str = "
if redis.call('EXISTS', KEYS[3]) == 1 then return 'answered' end
if redis.call('EXISTS', KEYS[2]) == 1 then return 'known' end
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[4]) then
    local dropped = 0
    for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 256)) do
        for place = 1, #entry[2], 2 do
            if entry[2][place] == 'deadline' and (tonumber(entry[2][place + 1]) or 0) < tonumber(ARGV[3]) then
                redis.pcall('XACK', KEYS[1], 'consumers', entry[1])
                dropped = dropped + redis.call('XDEL', KEYS[1], entry[1])
            end
        end
    end
    if dropped > 0 then redis.pcall('HINCRBY', KEYS[4], 'expired', dropped) end
    if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[4]) then return 'full' end
end
local first = redis.call('EXISTS', KEYS[1]) == 0
redis.call('SET', KEYS[2], 1, 'PX', ARGV[5])
redis.call('XADD', KEYS[1], '*', 'job', ARGV[1], 'deadline', ARGV[2], 'crashes', 0)
if first then redis.pcall('XGROUP', 'CREATE', KEYS[1], 'consumers', '0') end
redis.pcall('HINCRBY', KEYS[4], 'queued', 1)
return 'queued'";

/// Stores a report, tells its frontend, and acknowledges the job. The first report counts. KEYS: jobs, result, replies, counts.
/// ARGV: entry, report, kept_ms, id, count (`answered`, `late` or `dead`). Returns 1 if the report is the first.
pub(super) const REPORT: &str = "
local first = redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3], 'NX')
if first then
    redis.call('RPUSH', KEYS[3], ARGV[4])
    redis.call('LTRIM', KEYS[3], -10000, -1)
    redis.call('PEXPIRE', KEYS[3], ARGV[3])
end
redis.call('XACK', KEYS[1], 'consumers', ARGV[1])
redis.call('XDEL', KEYS[1], ARGV[1])
redis.pcall('HINCRBY', KEYS[4], first and ARGV[5] or 'repeated', 1)
return first and 1 or 0";

/// Drops a job. KEYS: jobs, counts. ARGV: entry, count (`expired` or `malformed`).
pub(super) const DROP: &str = "
redis.call('XACK', KEYS[1], 'consumers', ARGV[1])
local dropped = redis.call('XDEL', KEYS[1], ARGV[1])
redis.pcall('HINCRBY', KEYS[2], ARGV[2], dropped)
return dropped";

/// Gives a job back, at the end of the queue. KEYS: jobs, counts. ARGV: entry, job, deadline, crashes. Nothing happens if it is
/// no longer there.
pub(super) const HAND_BACK: &str = "
if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[1], '*', 'job', ARGV[2], 'deadline', ARGV[3], 'crashes', ARGV[4])
redis.call('XACK', KEYS[1], 'consumers', ARGV[1])
redis.call('XDEL', KEYS[1], ARGV[1])
redis.pcall('HINCRBY', KEYS[2], 'handed_back', 1)
return 1";

/// Puts a job aside that consumers died of. KEYS: dead. ARGV: job, crashes, dead_max.
pub(super) const PUT_ASIDE: &str = "
return redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'job', ARGV[1], 'crashes', ARGV[2])";
