//! Which polyswarmd it is.

use reqwest::Method;

use super::error::{RequestError, RequestFailure, said};
use super::send::ApiCall;
use super::{Client, Generation};

impl Client {
    /// Which polyswarmd it is, decided as polyswarm-client does: only the fast one knows `OPTIONS /wallets/`.
    ///
    /// # Errors
    /// If nobody is there, or the reply is neither 404 nor a success.
    pub async fn generation(&self) -> Result<Generation, RequestError> {
        let call = ApiCall { method: Method::OPTIONS, ..ApiCall::get("/wallets/".to_owned()) };
        let limits = &self.shared.limits;
        let mut pause = limits.retry_pause;
        let mut attempt = 1;
        let why = loop {
            self.shared.pause.wait().await;
            let time_max = limits.request_time_max;
            let sent = tokio::time::timeout(time_max, self.send(&call))
                .await
                .unwrap_or(Err(RequestFailure::TooSlow(time_max)));
            let failure = match sent {
                Ok(response) => match response.status().as_u16() {
                    404 => return Ok(self.remember(Generation::Ethereum)),
                    200..=299 => return Ok(self.remember(Generation::Fast)),
                    429 => {
                        self.too_many(&response);
                        RequestFailure::RateLimited(attempt)
                    }
                    status => RequestFailure::NotPolyswarmd { status, said: said("OPTIONS wants 404 or a success") },
                },
                Err(failure) => failure,
            };
            if !failure.is_passing() || attempt >= limits.attempts_max {
                break failure;
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2);
            attempt += 1;
        };
        Err(RequestError { what: "OPTIONS /wallets/".to_owned(), host: self.base().host(), why })
    }

    /// A polyswarmd that changes its generation while we run is another one: the first decides.
    fn remember(&self, generation: Generation) -> Generation {
        *self.shared.generation.get_or_init(|| generation)
    }
}
