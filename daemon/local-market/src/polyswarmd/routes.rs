//! Paths of polyswarmd's API, with or without the community before them and a slash after them.

use daemon_transactions::{Address, Guid};
use hyper::Method;
use reqwest::Url;

/// What is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Route {
    /// The websocket.
    Events,
    Status,
    Artifacts {
        uri: String,
    },
    Artifact {
        uri: String,
        index: usize,
    },
    BountyParameters,
    StakingParameters,
    Bounties,
    PostBounty,
    PostMetadata,
    Bounty {
        guid: Guid,
    },
    Assertions {
        guid: Guid,
    },
    Assertion {
        guid: Guid,
        index: usize,
    },
    Votes {
        guid: Guid,
    },
    Vote {
        guid: Guid,
        index: usize,
    },
    Bloom {
        guid: Guid,
    },
    PostAssertion {
        guid: Guid,
    },
    PostReveal {
        guid: Guid,
        index: u64,
    },
    PostVote {
        guid: Guid,
    },
    PostSettle {
        guid: Guid,
    },
    GetTransactions,
    PostTransactions,
    Nonce,
    Pending,
    Balance {
        account: Address,
        of: Money,
    },
    /// There is no such path, or no such method at it.
    Unknown,
}

/// What an account has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Money {
    Nct,
    Eth,
    Staked,
    Withdrawable,
}

/// A request, taken apart.
#[derive(Clone, Debug)]
pub(super) struct ApiRequest {
    pub(super) route: Route,
    /// Who asks: query parameter `account`, if it is an address.
    pub(super) account: Option<Address>,
    /// Query parameter `chain`, `side` where it is not given.
    pub(super) chain: String,
    pub(super) base_nonce: Option<u64>,
    pub(super) ignore_pending: bool,
    pub(super) page: u64,
    pub(super) count: Option<u64>,
}

impl ApiRequest {
    /// Reads a request line. `path_and_query` begins with a slash.
    pub(super) fn read(method: &Method, path_and_query: &str) -> ApiRequest {
        let mut asked = ApiRequest {
            route: Route::Unknown,
            account: None,
            chain: "side".to_owned(),
            base_nonce: None,
            ignore_pending: false,
            page: 0,
            count: None,
        };
        let Ok(url) = Url::parse(&format!("http://localhost{path_and_query}")) else { return asked };
        // Of a parameter that is given twice, the first counts.
        let first = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        asked.account = first("account").and_then(|account| account.to_lowercase().parse().ok());
        asked.chain = first("chain").unwrap_or(asked.chain);
        asked.base_nonce = first("base_nonce").and_then(|nonce| nonce.parse().ok());
        asked.ignore_pending = first("ignore_pending").is_some();
        asked.page = first("page").and_then(|page| page.parse().ok()).unwrap_or_default();
        asked.count = first("count").and_then(|count| count.parse().ok());
        let segments: Vec<&str> = url.path_segments().into_iter().flatten().collect();
        let segments = match segments.as_slice() {
            ["v1", _community, rest @ ..] => rest,
            all => all,
        };
        let segments = match segments {
            [rest @ .., ""] => rest,
            all => all,
        };
        asked.route = Route::of(method, segments).unwrap_or(Route::Unknown);
        asked
    }
}

impl Route {
    fn of(method: &Method, segments: &[&str]) -> Option<Route> {
        let guid = |text: &str| text.parse().ok();
        let index = |text: &str| text.parse().ok();
        let is_get = method == Method::GET;
        let is_post = method == Method::POST;
        Some(match segments {
            ["events"] if is_get => Route::Events,
            ["status"] if is_get => Route::Status,
            ["nonce"] if is_get => Route::Nonce,
            ["pending"] if is_get => Route::Pending,
            ["transactions"] if is_get => Route::GetTransactions,
            ["transactions"] if is_post => Route::PostTransactions,
            ["artifacts", uri] if is_get => Route::Artifacts { uri: (*uri).to_owned() },
            ["artifacts", uri, at] if is_get => Route::Artifact { uri: (*uri).to_owned(), index: index(at)? },
            ["staking", "parameters"] if is_get => Route::StakingParameters,
            ["balances", account, rest @ ..] if is_get => {
                let of = match rest {
                    ["nct"] => Money::Nct,
                    ["eth"] => Money::Eth,
                    ["staking", "total"] => Money::Staked,
                    ["staking", "withdrawable"] => Money::Withdrawable,
                    _ => return None,
                };
                Route::Balance { account: account.to_lowercase().parse().ok()?, of }
            }
            ["bounties"] if is_get => Route::Bounties,
            ["bounties"] if is_post => Route::PostBounty,
            ["bounties", "parameters"] if is_get => Route::BountyParameters,
            ["bounties", "metadata"] if is_post => Route::PostMetadata,
            ["bounties", of] if is_get => Route::Bounty { guid: guid(of)? },
            ["bounties", of, "assertions"] if is_get => Route::Assertions { guid: guid(of)? },
            ["bounties", of, "assertions"] if is_post => Route::PostAssertion { guid: guid(of)? },
            ["bounties", of, "assertions", at] if is_get => Route::Assertion { guid: guid(of)?, index: index(at)? },
            ["bounties", of, "assertions", at, "reveal"] if is_post => {
                Route::PostReveal { guid: guid(of)?, index: at.parse().ok()? }
            }
            ["bounties", of, "votes"] if is_get => Route::Votes { guid: guid(of)? },
            ["bounties", of, "votes", at] if is_get => Route::Vote { guid: guid(of)?, index: index(at)? },
            ["bounties", of, "bloom"] if is_get => Route::Bloom { guid: guid(of)? },
            ["bounties", of, "vote"] if is_post => Route::PostVote { guid: guid(of)? },
            ["bounties", of, "settle"] if is_post => Route::PostSettle { guid: guid(of)? },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID: &str = "50ef2820-1c96-45af-afd2-93351c57096c";

    fn route(method: &Method, path: &str) -> Route {
        ApiRequest::read(method, path).route
    }

    #[test]
    fn a_community_before_and_a_slash_after_a_path_change_nothing() {
        for path in [
            "/bounties/parameters",
            "/bounties/parameters/",
            "/v1/default/bounties/parameters",
            "/v1/x/bounties/parameters/?a=b",
        ] {
            assert_eq!(route(&Method::GET, path), Route::BountyParameters, "{path}");
        }
        let guid = GUID.parse().unwrap();
        let path = format!("/v1/default/bounties/{GUID}/assertions/3/reveal/");
        assert_eq!(route(&Method::POST, &path), Route::PostReveal { guid, index: 3 });
        assert_eq!(route(&Method::GET, &path), Route::Unknown);
    }

    #[test]
    fn what_does_not_exist_is_not_found() {
        for path in [
            "/",
            "",
            "/wallets/",
            "/v1",
            "/v1/default",
            "/bounties/7",
            "/artifacts/u/-1",
            "/balances/0x1/nct",
            "//nonce",
            "\u{0}",
        ] {
            assert_eq!(route(&Method::GET, path), Route::Unknown, "{path}");
            assert_eq!(route(&Method::OPTIONS, path), Route::Unknown, "{path}");
        }
    }

    #[test]
    fn who_asks_is_read_in_any_case() {
        let text = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
        for account in [text.to_owned(), text.to_lowercase()] {
            let asked =
                ApiRequest::read(&Method::GET, &format!("/nonce?account={account}&chain=home&ignore_pending=+"));
            assert_eq!(asked.account.map(|account| account.to_string()).as_deref(), Some(text));
            assert_eq!((asked.chain.as_str(), asked.ignore_pending), ("home", true));
        }
        assert_eq!(ApiRequest::read(&Method::GET, "/nonce?account=nobody").account, None);
    }
}
