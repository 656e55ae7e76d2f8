//! The server: who may ask, and what goes wrong on purpose.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::AUTHORIZATION;
use hyper::{Method, Request, StatusCode};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::reply::{fail, ok, with_json};
use super::routes::{ApiRequest, Route};
use super::shared::Shared;
use super::{accounts_api, bounties_api, events_api, transactions_api};
use crate::http::{self, Cut, HttpReply};
use crate::settings::ChainFault;

/// Serves until `end` is true.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>, end: watch::Receiver<bool>) {
    let until = end.clone();
    let reply = move |request: Request<Incoming>| {
        let (shared, until) = (Arc::clone(&shared), until.clone());
        async move { Ok::<_, Cut>(reply(&shared, request, until).await) }
    };
    http::serve(listener, end, reply).await;
}

async fn reply(shared: &Arc<Shared>, request: Request<Incoming>, end: watch::Receiver<bool>) -> HttpReply {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let asked = ApiRequest::read(request.method(), path);
    let route = asked.route.clone();
    if route == Route::Events {
        return events_api::upgrade(shared, &asked, request, end);
    }
    if let Some(fault) = fault(shared) {
        return fault;
    }
    if route == Route::Unknown {
        return not_found(request.method());
    }
    if route != Route::Status && !is_authorized(shared, &request) {
        return fail(StatusCode::UNAUTHORIZED, &"Unauthorized");
    }
    if let Route::Artifacts { uri } = &route {
        return bounties_api::artifacts(shared, uri);
    }
    if let Route::Artifact { uri, index } = &route {
        return bounties_api::artifact(shared, uri, *index);
    }
    if asked.chain != "side" {
        return fail(StatusCode::BAD_REQUEST, &"Chain must one of side");
    }
    if let Some(account) = asked.account {
        let mut world = shared.world();
        let balance = world.settings.balance;
        world.admit(account, None, balance);
    }
    let needs_account = !matches!(route, Route::Status | Route::Balance { .. } | Route::PostMetadata);
    if needs_account && asked.account.is_none() {
        return fail(StatusCode::BAD_REQUEST, &"Account must be provided");
    }
    let body = match http::answer_body(request).await {
        Some(body) => body,
        None => return fail(StatusCode::PAYLOAD_TOO_LARGE, &"Payload too large"),
    };
    match route {
        Route::Events | Route::Artifacts { .. } | Route::Artifact { .. } | Route::Unknown => {
            unreachable!("answered above")
        }
        Route::Status => {
            ok(&json!({ "community": "local", "side": { "reachable": true, "block": shared.world().chain.block() } }))
        }
        Route::BountyParameters => accounts_api::bounty_parameters(shared),
        Route::StakingParameters => accounts_api::staking_parameters(shared),
        Route::Nonce => accounts_api::nonce(shared, &asked),
        Route::Pending => accounts_api::pending(shared, &asked),
        Route::Balance { account, of } => accounts_api::balance(shared, account, of),
        Route::Bounties => bounties_api::guids(shared, &asked),
        Route::Bounty { guid } => bounties_api::bounty(shared, guid),
        Route::Assertions { guid } => bounties_api::assertions(shared, guid),
        Route::Assertion { guid, index } => bounties_api::assertion(shared, guid, index),
        Route::Votes { guid } => bounties_api::votes(shared, guid),
        Route::Vote { guid, index } => bounties_api::vote(shared, guid, index),
        Route::Bloom { guid } => bounties_api::bloom(shared, guid),
        Route::PostMetadata => bounties_api::post_metadata(shared, &body),
        Route::PostBounty => super::build::bounty(shared, &asked, &body),
        Route::PostAssertion { guid } => super::build::assertion(shared, &asked, guid, &body),
        Route::PostReveal { guid, index } => super::build::reveal(shared, &asked, guid, index, &body),
        Route::PostVote { guid } => super::build::vote(shared, &asked, guid, &body),
        Route::PostSettle { guid } => super::build::settle(shared, &asked, guid),
        Route::GetTransactions => transactions_api::get(shared, &body).await,
        Route::PostTransactions => transactions_api::post(shared, &asked, &body),
    }
}

/// A failure on purpose.
fn fault(shared: &Shared) -> Option<HttpReply> {
    let mut world = shared.world();
    if world.faults.happens(ChainFault::RateLimited) {
        return Some(with_json(StatusCode::TOO_MANY_REQUESTS, &json!({ "message": "429 Too Many Requests" })));
    }
    if world.faults.happens(ChainFault::ServerError) {
        return Some(http::text(StatusCode::INTERNAL_SERVER_ERROR, "<h1>Internal Server Error</h1>"));
    }
    None
}

/// Whether the request has the key, if there must be one: the last word of the header, as polyswarmd reads it.
fn is_authorized(shared: &Shared, request: &Request<Incoming>) -> bool {
    let Some(key) = shared.world().settings.api_key.clone() else { return true };
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    header.and_then(|header| header.split_ascii_whitespace().last()) == Some(key.as_str())
}

fn not_found(method: &Method) -> HttpReply {
    let message = format!("404 Not Found: there is no such path, or no {method} at it.");
    with_json(StatusCode::NOT_FOUND, &json!({ "message": message }))
}
