//! Models: no text makes the reader panic, and what was read says a finite number of any measures, split among them whole.

#![no_main]

use analyzers::{LayerId, Measured, Model};
use libfuzzer_sys::fuzz_target;

/// A model to begin with; the fuzzer's bytes replace a part of it.
const MODEL: &str = include_str!("../../rules/elf.model.json");

fuzz_target!(|input: (u32, Vec<u8>, [f32; 8])| {
    let (at, bytes, measures) = input;
    let set = analyzers_elf::measures::SET;
    let mut text = MODEL.as_bytes().to_vec();
    let at = at as usize % text.len();
    let end = (at + bytes.len()).min(text.len());
    text.splice(at..end, bytes);
    let Ok(model) = String::from_utf8(text).map_err(drop).and_then(|text| Model::parse(&text, &[set]).map_err(drop)) else {
        return;
    };
    let values = measures.iter().copied().cycle().take(set.measures().len()).collect();
    let Some(measured) = Measured::new(LayerId::ARTIFACT, set, values) else { return };
    let told = model.testify(&measured).expect("it is a model of this set");
    let moved: f64 = told.moved.iter().map(|moved| moved.by).sum();
    assert!(told.margin.is_finite() && (told.base + moved - told.margin).abs() < 1e-3);
});
