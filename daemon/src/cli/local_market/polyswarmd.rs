//! `stakeout local-market --polyswarmd`: a chain in memory, behind polyswarmd's API.

use std::io::Write;
use std::net::SocketAddr;

use anyhow::Context;
use daemon_local_market::MarketplaceError;
use daemon_local_market::beside;
use daemon_local_market::polyswarmd::{ChainMarket, Contracts};
use daemon_local_market::settings::MarketSettings;
use daemon_local_market::text::{chain_progress_text, write_chain_closing};

use super::LocalMarketArgs;
use super::progress::{MarketProgress, stopped};
use crate::exit::Exit;
use crate::terminal::format::counted;
use crate::terminal::interrupt;
use crate::terminal::notice;

/// Runs the market until all bounties are over, or Ctrl-C.
pub(super) fn run(
    mut settings: MarketSettings,
    address: SocketAddr,
    args: &LocalMarketArgs,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    settings.polyswarmd.listen = address;
    let stop = interrupt::listen().context("cannot listen for signals")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    let closing = runtime.block_on(async {
        let market = match ChainMarket::bind(settings).await {
            Ok(market) => market,
            Err(MarketplaceError::Settings(mistakes)) => return Ok(Err(mistakes)),
            Err(error) => return Err(error).context("cannot start the marketplace"),
        };
        if !args.quiet {
            let Contracts { chain_id, token, registry } = market.contracts();
            notice(&format!(
                "{} at {}; chain {chain_id}, token {token}, registry {registry}",
                counted(market.specimens() as u64, "file"),
                market.url(),
            ));
        }
        let control = market.control();
        let line = MarketProgress::begin(args.quiet, control.progress().number);
        let ended = beside(market.run(stopped(&stop)), || {
            let progress = control.progress();
            line.at(progress.over, &chain_progress_text(&progress));
        });
        let ended = ended.await;
        line.end();
        anyhow::Ok(Ok(ended))
    })?;
    let closing = match closing {
        Ok(closing) => closing,
        Err(mistakes) => {
            notice(&mistakes.to_string());
            return Ok(Exit::BadConfiguration);
        }
    };
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &closing)?;
        writeln!(out)?;
    } else {
        write_chain_closing(&closing, out)?;
    }
    Ok(match (closing.conserved, stop.is_cancelled()) {
        (false, _) => Exit::Error,
        (true, true) => Exit::Interrupted,
        (true, false) => Exit::Clean,
    })
}
