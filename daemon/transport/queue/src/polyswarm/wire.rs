//! A job and a result, as they lie in Redis.

use daemon_base::NamedHosts;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::python_json::dumps;
use super::{JOB_BYTES_MAX, RESULT_BYTES_MAX};
use crate::error::QueueError;

/// What an artifact is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArtifactForm {
    /// A file: 0 on the wire.
    File,
    /// A URL, which the artifact's bytes spell: 1 on the wire.
    Url,
}

/// A job: one artifact of a bounty.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct PolyswarmJob {
    /// Where the artifact is downloaded: `<polyswarmd_uri>/artifacts/<uri>/<index>/`.
    pub polyswarmd_uri: String,
    /// The bounty.
    pub guid: String,
    /// The artifact's position in the bounty.
    pub index: u64,
    /// The name of the bounty's artifacts.
    pub uri: String,
    /// 0 for files, 1 for URLs.
    pub artifact_type: i64,
    /// Seconds from `ts` in which a result is of use.
    pub duration: i64,
    /// What the marketplace says of the artifact.
    pub metadata: Option<Map<String, Value>>,
    /// The chain that the bounty is on.
    pub chain: String,
    /// When it was sent, in seconds since 1970.
    pub ts: i64,
}

/// Why a text is not a job that can be worked on.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MalformedJob {
    /// More bytes than [`JOB_BYTES_MAX`].
    #[error("it has {0} bytes, more than the limit of {JOB_BYTES_MAX}")]
    TooLarge(usize),
    /// No JSON object.
    #[error("it is not a JSON object: {0}")]
    Json(String),
    /// What nobody can do without.
    #[error("`{0}` is missing, or not what it must be")]
    Field(&'static str),
}

impl PolyswarmJob {
    /// Reads a job. Fields that nobody knows are passed over. Of the known ones only those must be there that name the
    /// artifact and the place of its result; without the others it is a file, without metadata, sent `now` (seconds since
    /// 1970) and of use for `duration_default` seconds.
    ///
    /// # Errors
    /// [`MalformedJob`]: what it lacks.
    pub fn read(text: &[u8], now: i64, duration_default: i64) -> Result<PolyswarmJob, MalformedJob> {
        if text.len() > JOB_BYTES_MAX {
            return Err(MalformedJob::TooLarge(text.len()));
        }
        let value: Value = serde_json::from_slice(text).map_err(|error| MalformedJob::Json(error.to_string()))?;
        let Value::Object(mut fields) = value else { return Err(MalformedJob::Json("it is another value".to_owned())) };
        let mut text = |name: &'static str| match fields.remove(name) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text),
            _ => Err(MalformedJob::Field(name)),
        };
        let (polyswarmd_uri, guid) = (text("polyswarmd_uri")?, text("guid")?);
        let (uri, chain) = (text("uri")?, text("chain")?);
        let whole = |name: &str| fields.get(name).and_then(whole_number);
        let index = whole("index").and_then(|index| u64::try_from(index).ok()).ok_or(MalformedJob::Field("index"))?;
        let (artifact_type, ts) = (whole("artifact_type").unwrap_or(0), whole("ts").unwrap_or(now));
        let duration = whole("duration").unwrap_or(duration_default);
        let metadata = match fields.remove("metadata") {
            Some(Value::Object(metadata)) => Some(metadata),
            _ => None,
        };
        Ok(PolyswarmJob { polyswarmd_uri, guid, index, uri, artifact_type, duration, metadata, chain, ts })
    }

    /// The text that the Python client would send.
    ///
    /// # Errors
    /// [`QueueError::TooLarge`].
    pub fn write(&self) -> Result<String, QueueError> {
        let text = dumps(self);
        if text.len() > JOB_BYTES_MAX {
            return Err(QueueError::TooLarge { what: "job", bytes: text.len(), bytes_max: JOB_BYTES_MAX });
        }
        Ok(text)
    }

    /// What the artifact is; `None` for a form that nobody knows.
    pub fn form(&self) -> Option<ArtifactForm> {
        match self.artifact_type {
            0 => Some(ArtifactForm::File),
            1 => Some(ArtifactForm::Url),
            _ => None,
        }
    }

    /// Where its artifact is.
    pub fn artifact_url(&self) -> String {
        format!("{}/artifacts/{}/{}/", self.polyswarmd_uri.trim_end_matches('/'), self.uri, self.index)
    }

    /// Seconds that are left at `now`, as the Python worker counts them; `None` if they are fewer than `required`.
    pub fn remaining(&self, now: i64, required: i64) -> Option<i64> {
        let left = self.ts.saturating_add(self.duration).saturating_sub(now);
        (left >= required).then_some(left)
    }

    /// Whether it is over at `now` (seconds since 1970), as the Python producer counts it.
    pub fn is_expired(&self, now: f64) -> bool {
        // Seconds of this century are exact in a double.
        (self.ts.saturating_add(self.duration) as f64) < now
    }
}

/// An integer, however it is written.
fn whole_number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number.as_f64()?.floor();
            #[expect(clippy::cast_possible_truncation, reason = "within the range of i64 by the condition")]
            (float.abs() < 9e15).then_some(float as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(value) => Some(i64::from(*value)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A worker's result for one artifact.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct JobResult {
    /// The artifact's position in the bounty.
    pub index: u64,
    /// Whether the worker says anything of it.
    pub bit: bool,
    /// Whether it is malicious.
    pub verdict: bool,
    /// How sure the worker is, 0 to 1.
    pub confidence: f64,
    /// PolySwarm's metadata of a verdict, as JSON text.
    pub metadata: String,
}

impl JobResult {
    /// The result of a worker that says nothing: its limits are used up.
    pub fn blank(index: u64) -> JobResult {
        JobResult {
            index,
            bit: false,
            verdict: false,
            confidence: 1.0,
            metadata: dumps(&json!({"malware_family": ""})),
        }
    }

    /// Reads a result; `None` if it cannot be told which artifact it is about, or what it says. Fields that nobody knows
    /// are passed over; one without `bit` says nothing.
    pub fn read(text: &[u8]) -> Option<JobResult> {
        if text.len() > RESULT_BYTES_MAX {
            return None;
        }
        let value: Value = serde_json::from_slice(text).ok()?;
        let fields = value.as_object()?;
        let index = u64::try_from(whole_number(fields.get("index")?)?).ok()?;
        let flag = |name: &str| match fields.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::Number(number)) => number.as_f64() != Some(0.0),
            _ => false,
        };
        let confidence = match fields.get("confidence") {
            None | Some(Value::Null) => 1.0,
            Some(value) => value.as_f64().filter(|confidence| confidence.is_finite())?,
        };
        let metadata = match fields.get("metadata") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        Some(JobResult { index, bit: flag("bit"), verdict: flag("verdict"), confidence, metadata })
    }

    /// The text that the Python worker would send.
    ///
    /// # Errors
    /// [`QueueError::TooLarge`].
    pub fn write(&self) -> Result<String, QueueError> {
        let text = dumps(self);
        if text.len() > RESULT_BYTES_MAX {
            return Err(QueueError::TooLarge { what: "result", bytes: text.len(), bytes_max: RESULT_BYTES_MAX });
        }
        Ok(text)
    }

    /// The malware family that its metadata name; empty if none.
    pub fn malware_family(&self) -> String {
        let metadata: Option<Value> = serde_json::from_str(&self.metadata).ok();
        let family = metadata.as_ref().and_then(|metadata| metadata.get("malware_family")?.as_str());
        family.unwrap_or_default().chars().take(256).collect()
    }

    /// The hosts that its metadata name, as far as they are domains and addresses.
    pub fn hosts(&self) -> NamedHosts {
        let metadata: Value = serde_json::from_str(&self.metadata).unwrap_or_default();
        let texts = |key: &str| {
            let list = metadata.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            list.iter().take(HOSTS_READ_MAX).filter_map(Value::as_str)
        };
        NamedHosts::read(texts("domains"), texts("ip_addresses"))
    }
}

/// Domains, and addresses, that a result of ours tells at most.
const HOSTS_MAX: usize = 16;
/// Those that are looked at in a result of others, at most.
const HOSTS_READ_MAX: usize = 2 * NamedHosts::COUNT_MAX;

/// What a result of ours tells besides the verdict, in the part of PolySwarm's schema that all its versions take.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ResultMetadata {
    /// The malware family; empty if unknown.
    pub malware_family: String,
    /// Whether the verdict rests on signs rather than on knowing this very file.
    pub heuristic: bool,
    /// Hosts that the artifact names.
    pub hosts: NamedHosts,
    /// The program's version: numbers and dots.
    pub version: String,
    /// The generation of the rules.
    pub generation: String,
}

impl ResultMetadata {
    /// Its JSON text.
    pub fn write(&self) -> String {
        let hosts = self.hosts.at_most(HOSTS_MAX);
        let mut metadata = json!({
            "malware_family": self.malware_family,
            "heuristic": self.heuristic,
            "scanner": {
                "version": self.version,
                "vendor_version": self.version,
                "signatures_version": self.generation,
                "environment": { "operating_system": "Linux", "architecture": std::env::consts::ARCH },
            },
        });
        if !hosts.domains().is_empty() {
            metadata["domains"] = hosts.domains().into();
        }
        if !hosts.ip_addresses().is_empty() {
            metadata["ip_addresses"] = hosts.ip_addresses().iter().map(ToString::to_string).collect();
        }
        dumps(&metadata)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VECTOR: &str = include_str!("../../testdata/redis-jobs.json");

    fn vector() -> Value {
        serde_json::from_str(VECTOR).unwrap()
    }

    #[test]
    fn jobs_and_results_of_the_real_peers_are_read_and_written() {
        let vector = vector();
        let job = PolyswarmJob::read(vector["job"].to_string().as_bytes(), 0, 0).unwrap();
        assert_eq!((job.index, job.duration, job.ts, job.form()), (0, 14, 1_795_336_111, Some(ArtifactForm::File)));
        assert_eq!(serde_json::from_str::<Value>(&job.write().unwrap()).unwrap(), vector["job"]);
        // As `json.dumps(job.asdict())` writes it.
        assert!(job.write().unwrap().starts_with(
            "{\"polyswarmd_uri\": \"http://127.0.0.1:8801\", \"guid\": \"11111111-2222-4333-8444-555555555555\", \"index\": 0, \
             \"uri\": \"QmTest\", \"artifact_type\": 0, \"duration\": 14, \"metadata\": {"
        ));
        for name in ["result", "rate_limited_result"] {
            let result = JobResult::read(vector[name].to_string().as_bytes()).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&result.write().unwrap()).unwrap(), vector[name], "{name}");
        }
        assert_eq!(
            serde_json::from_str::<Value>(&JobResult::blank(0).write().unwrap()).unwrap(),
            vector["rate_limited_result"]
        );
        let key = vector["result_key"].as_str().unwrap().replace("<guid>", &job.guid).replace("<chain>", &job.chain);
        assert_eq!(super::super::results_key("q3", &job.guid, &job.chain), key);
        assert_eq!(job.artifact_url(), "http://127.0.0.1:8801/artifacts/QmTest/0/");
    }

    #[test]
    fn every_job_that_wedges_the_python_worker_is_read_or_dropped() {
        let mut job = vector()["job"].clone();
        job["extra"] = json!({"deep": [1, 2]});
        assert!(PolyswarmJob::read(job.to_string().as_bytes(), 0, 9).is_ok(), "an unknown field");
        for optional in ["artifact_type", "duration", "metadata", "ts"] {
            let mut without = job.clone();
            without.as_object_mut().unwrap().remove(optional);
            let read = PolyswarmJob::read(without.to_string().as_bytes(), 77, 9).unwrap();
            assert_eq!(read.ts == 77, optional == "ts");
            assert_eq!(read.duration == 9, optional == "duration");
            without[optional] = json!(["of another type"]);
            assert!(PolyswarmJob::read(without.to_string().as_bytes(), 77, 9).is_ok(), "{optional}");
        }
        for required in ["polyswarmd_uri", "guid", "index", "uri", "chain"] {
            let mut without = job.clone();
            without.as_object_mut().unwrap().remove(required);
            assert_eq!(PolyswarmJob::read(without.to_string().as_bytes(), 0, 9), Err(MalformedJob::Field(required)));
        }
        for text in ["", "{", "[]", "null", "7", "{\"index\": -1}", "\u{0}"] {
            assert!(PolyswarmJob::read(text.as_bytes(), 0, 9).is_err(), "{text}");
        }
        let large = json!({"pad": "x".repeat(JOB_BYTES_MAX)}).to_string();
        assert!(matches!(PolyswarmJob::read(large.as_bytes(), 0, 9), Err(MalformedJob::TooLarge(_))));
    }

    #[test]
    fn time_is_counted_as_the_peers_count_it() {
        let job = PolyswarmJob::read(vector()["job"].to_string().as_bytes(), 0, 0).unwrap();
        let end = job.ts + job.duration;
        assert_eq!(job.remaining(end - 3, 3), Some(3));
        assert_eq!(job.remaining(end - 2, 3), None);
        assert!(!job.is_expired(end as f64));
        assert!(job.is_expired(end as f64 + 0.001));
    }

    #[test]
    fn hosts_of_a_result_are_read_as_far_as_they_are_such() {
        let hosts = NamedHosts::read(["evil-host.top"], ["45.9.148.21", "2a01:4f8::1"]);
        let ours =
            ResultMetadata { malware_family: "Mirai".to_owned(), hosts: hosts.clone(), ..ResultMetadata::default() };
        let result = JobResult { metadata: ours.write(), ..JobResult::blank(0) };
        assert_eq!((result.hosts(), result.malware_family()), (hosts, "Mirai".to_owned()));
        assert!(!ResultMetadata::default().write().contains("domains"));
        for hostile in [
            "{\"domains\": [\"EVIL.top\", 7, null, \"has space.com\", \"no\"], \"ip_addresses\": [\"1.2.3.0/24\", []]}",
            "{\"domains\": \"example.com\", \"ip_addresses\": {\"a\": 1}}",
            "[]",
            "nonsense",
        ] {
            assert!(JobResult { metadata: hostile.to_owned(), ..JobResult::blank(0) }.hosts().is_empty(), "{hostile}");
        }
        let many = json!({ "domains": vec!["a.top"; 100_000], "ip_addresses": (0..1_000).map(|n| format!("1.1.{}.{}", n / 250, n % 250)).collect::<Vec<_>>() });
        let many = JobResult { metadata: many.to_string(), ..JobResult::blank(0) }.hosts();
        assert_eq!(
            (many.domains().len(), many.ip_addresses().len(), many.has_more()),
            (1, NamedHosts::COUNT_MAX, true)
        );
    }

    #[test]
    fn odd_results_are_read_as_far_as_they_say_something() {
        let read = |text: &str| JobResult::read(text.as_bytes());
        assert_eq!(read("{\"index\": 3}").map(|result| (result.index, result.bit)), Some((3, false)));
        let result = read(
            "{\"index\":\"1\",\"bit\":1,\"verdict\":true,\"confidence\":1,\"metadata\":{\"malware_family\":\"E\"},\"x\":0}",
        );
        let result = result.unwrap();
        assert!(result.bit && result.verdict);
        assert_eq!(result.malware_family(), "E");
        for text in
            ["{}", "{\"index\":-1}", "{\"index\":0,\"confidence\":NaN}", "{\"index\":0,\"confidence\":\"x\"}", "[]"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
