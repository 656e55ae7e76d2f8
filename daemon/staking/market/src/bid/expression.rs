//! The user's own expression, in rhai.
//!
//! It sees one request and yields how far from the least to the most allowed to bid. Such a text comes from whoever may
//! write the configuration, and runs where all bounties are waited for, so it can do nothing but compute: an expression
//! has no statements, so no loops, assignments or functions; of rhai's library it has arithmetic, comparison,
//! logic, and the few functions of [`engine`]; nothing waits (rhai's own `sleep` would), prints, reads or evaluates
//! text. What remains is held by limits.
//!
//! It is compiled and tried at the start. What goes wrong later abstains.

use std::fmt;

use rhai::packages::{ArithmeticPackage, BasicMathPackage, LogicPackage, Package};
use rhai::{AST, Array, Dynamic, Engine, EvalAltResult, ImmutableString, Position, Scope};

use super::{Abstention, BidBounds, BidRequest, BidStrategy, Conviction, StrategyError};
use crate::{Nct, Verdict};

/// Longest expression, in bytes.
const EXPRESSION_BYTES_MAX: usize = 4_096;
/// Most operations of one evaluation. An expression has no loops, so none that is short enough comes near.
const OPERATIONS_MAX: u64 = 10_000;
/// How deeply an expression may be nested; operations in a row nest as well. As deep as rhai lets statements be.
const DEPTH_MAX: usize = 64;
/// Longest text that may come up, in bytes.
const TEXT_BYTES_MAX: usize = 4_096;
/// Most members of a list that may come up. Further classes of evidence are not seen.
const LIST_MAX: usize = 256;
/// Most members of a map that may come up.
const MAP_MAX: usize = 64;
/// Most variables: those of a request, and none of its own.
const VARIABLES_MAX: usize = 16;
/// Longest reason for abstaining, in characters: it may quote the expression.
const REASON_CHARS_MAX: usize = 200;

/// 10^-18 NCT in 1 NCT.
const UNIT: f64 = 1e18;

/// A compiled expression.
pub(super) struct Expression {
    engine: Engine,
    compiled: AST,
    text: String,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expression").field("text", &self.text).finish_non_exhaustive()
    }
}

/// What went wrong, and where.
struct ExpressionError {
    message: String,
    position: Position,
}

impl From<Box<EvalAltResult>> for ExpressionError {
    fn from(mut error: Box<EvalAltResult>) -> Self {
        let position = error.take_position();
        ExpressionError { message: error.to_string(), position }
    }
}

impl From<ExpressionError> for StrategyError {
    fn from(ExpressionError { message, position }: ExpressionError) -> Self {
        let position = position.line().map(|line| (line, position.position().unwrap_or(1)));
        StrategyError::Expression { message: shortened(&message), position }
    }
}

impl Expression {
    /// Compiles an expression, and tries it.
    pub(super) fn new(text: &str) -> Result<Self, StrategyError> {
        let nowhere = |message: String| ExpressionError { message, position: Position::NONE };
        if text.trim().is_empty() {
            return Err(nowhere("it is empty".to_owned()).into());
        }
        if text.len() > EXPRESSION_BYTES_MAX {
            return Err(nowhere(format!("it is longer than {EXPRESSION_BYTES_MAX} bytes")).into());
        }
        let engine = engine();
        // The scope tells the compiler which variables there are.
        let compiled = engine
            .compile_expression_with_scope(&scope(&probe(&PROBES[0])), text)
            .map_err(|error| ExpressionError { message: error.err_type().to_string(), position: error.position() })?;
        let expression = Expression { engine, compiled, text: text.to_owned() };
        for told in &PROBES {
            let request = probe(told);
            if let Err(failure) = expression.fraction(&request) {
                let (q, verdict) = (request.q, request.verdict.name());
                let message = format!("tried on {} that is {verdict} with {q}: {}", request.kind, failure.message);
                return Err(ExpressionError { message, ..failure }.into());
            }
        }
        Ok(expression)
    }

    /// How far to go from the least to the most allowed; None to abstain.
    fn fraction(&self, request: &BidRequest<'_>) -> Result<Option<f64>, ExpressionError> {
        let outcome: Dynamic = self.engine.eval_ast_with_scope(&mut scope(request), &self.compiled)?;
        let number = match (outcome.as_float(), outcome.as_int(), outcome.as_bool()) {
            (Ok(number), _, _) => number,
            (_, Ok(number), _) => number as f64,
            (_, _, Ok(false)) => return Ok(None),
            _ if outcome.is_unit() => return Ok(None),
            _ => {
                let message = format!("it returns a {}, not a number, () or false", outcome.type_name());
                return Err(ExpressionError { message, position: Position::NONE });
            }
        };
        if number.is_nan() {
            let message = "it returns NaN".to_owned();
            return Err(ExpressionError { message, position: Position::NONE });
        }
        Ok((number >= 0.0).then_some(number.min(1.0)))
    }
}

impl BidStrategy for Expression {
    fn name(&self) -> &str {
        "expression"
    }

    fn bid(&self, request: &BidRequest<'_>) -> Result<Nct, Abstention> {
        request.admit()?;
        match self.fraction(request) {
            Ok(Some(fraction)) => Ok(request.bounds.at(fraction)),
            Ok(None) => Err(Abstention::new("the expression abstains")),
            Err(ExpressionError { message, position: _ }) => {
                Err(Abstention(format!("the expression failed: {}", shortened(&message)).into()))
            }
        }
    }
}

fn shortened(message: &str) -> String {
    match message.char_indices().nth(REASON_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

/// A length as an expression has it.
fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// What an expression is evaluated by.
fn engine() -> Engine {
    let mut engine = Engine::new_raw();
    ArithmeticPackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicMathPackage::new().register_into_engine(&mut engine);
    engine
        .register_fn("len", |text: &str| count(text.chars().count()))
        .register_fn("is_empty", |text: &str| text.is_empty())
        .register_fn("contains", |text: &str, part: &str| text.contains(part))
        .register_fn("starts_with", |text: &str, beginning: &str| text.starts_with(beginning))
        .register_fn("ends_with", |text: &str, end: &str| text.ends_with(end))
        .register_fn("len", |list: &mut Array| count(list.len()))
        .register_fn("is_empty", |list: &mut Array| list.is_empty())
        // Also what `"pe.import" in evidence` calls.
        .register_fn("contains", |list: &mut Array, text: ImmutableString| {
            list.iter().any(|member| member.read_lock::<ImmutableString>().is_some_and(|member| *member == text))
        });
    engine
        .set_max_operations(OPERATIONS_MAX)
        .set_max_expr_depths(DEPTH_MAX)
        .set_max_string_size(TEXT_BYTES_MAX)
        .set_max_array_size(LIST_MAX)
        .set_max_map_size(MAP_MAX)
        .set_max_variables(VARIABLES_MAX)
        .set_allow_looping(false)
        .set_strict_variables(true)
        // Would evaluate a text, which may have statements.
        .disable_symbol("eval");
    engine
}

/// The variables of an expression.
fn scope(request: &BidRequest<'_>) -> Scope<'static> {
    let nct = |amount: Nct| amount.base_units() as f64 / UNIT;
    let BidBounds { min, max } = request.bounds;
    let evidence: Array = request.evidence.iter().take(LIST_MAX).map(|class| Dynamic::from(class.clone())).collect();
    let mut scope = Scope::new();
    scope
        .push("q", request.q)
        .push("conviction", request.conviction.get())
        .push("verdict", ImmutableString::from(request.verdict.name()))
        .push("kind", ImmutableString::from(request.kind))
        .push("family", ImmutableString::from(request.family))
        .push("evidence", evidence)
        .push("min", nct(min))
        .push("max", nct(max))
        .push("reward", nct(request.reward))
        .push("fee", nct(request.fee))
        .push("purse", nct(request.purse))
        .push("balance", nct(request.balance))
        .push("ratio", request.ratio);
    scope
}

/// What an expression is tried on at the start.
struct TrialQuestion {
    q: f64,
    verdict: Verdict,
    kind: &'static str,
    family: &'static str,
    /// Whether the bounty says what it pays, and an assertion costs something.
    paid: bool,
}

const PROBES: [TrialQuestion; 6] = [
    TrialQuestion { q: 0.5, verdict: Verdict::Malicious, kind: "pe32+.dll", family: "", paid: false },
    TrialQuestion { q: 0.5, verdict: Verdict::Benign, kind: "elf64", family: "", paid: true },
    TrialQuestion { q: 1.0, verdict: Verdict::Malicious, kind: "pe32.exe", family: "Emotet", paid: true },
    TrialQuestion { q: 1.0, verdict: Verdict::Benign, kind: "text", family: "", paid: false },
    TrialQuestion { q: 0.8, verdict: Verdict::Malicious, kind: "ole", family: "", paid: true },
    TrialQuestion { q: 0.0, verdict: Verdict::Benign, kind: "", family: "", paid: false },
];

fn probe(told: &TrialQuestion) -> BidRequest<'static> {
    let nct = |units: u128| if told.paid { Nct::from_base_units(units) } else { Nct::ZERO };
    BidRequest {
        q: told.q,
        conviction: Conviction::from_probability(told.q),
        verdict: told.verdict,
        kind: told.kind,
        family: told.family,
        evidence: &[],
        bounds: BidBounds::default(),
        reward: nct(10u128.pow(18)),
        fee: nct(10u128.pow(16)),
        purse: Nct::from_base_units(10u128.pow(19)),
        balance: Nct::from_base_units(10u128.pow(20)),
        ratio: 1.0,
    }
}
