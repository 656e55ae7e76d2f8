//! What operators write: weights, models and the configuration. Not hostile, but often wrong.

use analyzers::{Indicator, LayerId, Measured, Model, Weights};

use crate::whole::RULES;

/// A model to begin with; bytes replace a part of it.
const MODEL: &str = include_str!("../../../rules/elf.model.json");
/// Measures that the model is asked about, repeated.
const MEASURES: usize = 8;

/// Every mistake has a place in the text, and what is accepted gives finite weights.
pub(crate) fn weights(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let catalogue = || RULES.indicators();
    match Weights::parse(text, catalogue()) {
        Ok(weights) => {
            let finite = |indicator: &Indicator| weights.of(&indicator.id).log_odds.0.is_finite();
            assert!(catalogue().all(finite));
        }
        Err(error) => {
            assert!(!error.mistakes.is_empty());
            for mistake in error.mistakes {
                assert!(mistake.line <= text.split('\n').count(), "{mistake}");
            }
        }
    }
}

/// What was read says a finite number of any measures, split among them whole. Four bytes say where the rest is put into
/// an honest model, after numbers for the measures.
pub(crate) fn model(bytes: &[u8]) {
    let Some((at, rest)) = bytes.split_first_chunk::<4>() else { return };
    let Some((numbers, patch)) = rest.split_first_chunk::<{ 4 * MEASURES }>() else { return };
    let set = analyzers_elf::measures::SET;
    let mut text = MODEL.as_bytes().to_vec();
    let at = u32::from_le_bytes(*at) as usize % text.len();
    let end = (at + patch.len()).min(text.len());
    text.splice(at..end, patch.iter().copied());
    let Some(model) = String::from_utf8(text).ok().and_then(|text| Model::parse(&text, &[set]).ok()) else { return };
    let number = |four: &[u8]| f32::from_le_bytes([four[0], four[1], four[2], four[3]]);
    let values = numbers.chunks(4).map(number).cycle().take(set.measures().len()).collect();
    let Some(measured) = Measured::new(LayerId::ARTIFACT, set, values) else { return };
    let told = model.testify(&measured).expect("it is a model of this set");
    let moved: f64 = told.moved.iter().map(|moved| moved.by).sum();
    assert!(told.margin.is_finite() && (told.base + moved - told.margin).abs() < 1e-3);
}

/// Any text is a configuration or a list of mistakes, and both are checked without a panic.
pub(crate) fn configuration(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let (config, mistakes) = daemon_service::config::read(text);
    assert!(mistakes.iter().all(|mistake| !mistake.to_string().is_empty()));
    let _ = daemon_service::config::check(&config);
}

pub(crate) fn weights_seeds() -> Vec<Vec<u8>> {
    vec![daemon_engine::RuleSet::embedded_weights().as_bytes().to_vec(), b"version = 1\n[prior]\nlive = 2\n".to_vec()]
}

pub(crate) fn model_seeds() -> Vec<Vec<u8>> {
    let patched = |at: u32, patch: &[u8]| [&at.to_le_bytes()[..], &[0; 4 * MEASURES], patch].concat();
    vec![patched(0, b""), patched(100, b"9"), patched(500_000, b"[0,1e9,1,2,0],")]
}

pub(crate) fn configuration_seeds() -> Vec<Vec<u8>> {
    let lines = "webhook.listen = \"127.0.0.1:0\"\nscan.time_max = \"5s\"\nmarket.stake_day_max = \"none\"\n";
    vec![lines.into(), daemon_service::config::example().into_bytes()]
}
