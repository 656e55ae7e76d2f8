//! Answers in polyswarmd's envelope.

use std::convert::Infallible;

use http_body_util::BodyExt;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

use crate::http::{self, HttpReply};

/// The answer to what was done: `{"status": "OK", "result": …}`.
pub(super) fn ok<T: Serialize + ?Sized>(result: &T) -> HttpReply {
    #[derive(Serialize)]
    struct Done<'a, T: ?Sized> {
        status: &'static str,
        result: &'a T,
    }
    with_json(StatusCode::OK, &Done { status: "OK", result })
}

/// The answer to what was not: `{"status": "FAIL", "errors": …}`.
pub(super) fn fail<T: Serialize + ?Sized>(status: StatusCode, errors: &T) -> HttpReply {
    #[derive(Serialize)]
    struct Failed<'a, T: ?Sized> {
        status: &'static str,
        errors: &'a T,
    }
    with_json(status, &Failed { status: "FAIL", errors })
}

/// Raw bytes.
pub(super) fn bytes(bytes: bytes::Bytes) -> HttpReply {
    let body = http_body_util::Full::new(bytes).map_err(|never: Infallible| match never {});
    Response::new(body.boxed_unsync())
}

pub(super) fn with_json<T: Serialize + ?Sized>(status: StatusCode, body: &T) -> HttpReply {
    let text = serde_json::to_vec(body).expect("answers are text, numbers and lists of them");
    let mut reply = http::text(status, text);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}
