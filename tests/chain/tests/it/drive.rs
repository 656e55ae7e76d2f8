//! One bounty from its posting to its settlement, and every balance compared.

use anyhow::{Context, Result, ensure};
use daemon_base::Nct;
use daemon_market::{Asserted, Bits, ContractVersion, SettleError, Settlement, Settling, settle};
use daemon_transactions::signing::{Bids, Wanted};
use daemon_transactions::{
    Address, ArtifactBits, Bloom, BountyForm, Call, ContractEvent, Guid, PostBounty, U256, amount, commitment, selector,
};
use testchain::{Account, Reverted};

use crate::plan::{Plan, PlannedAssertion};
use crate::world::{ChainTrial, REVEAL_WINDOW, VOTE_WINDOW, told};

/// The registry's fees at the start.
pub(crate) const BOUNTY_FEE: Nct = Nct::from_base_units(62_500_000_000_000_000);
pub(crate) const ASSERTION_FEE: Nct = Nct::from_base_units(31_250_000_000_000_000);

/// For how many blocks assertions are taken: each takes two.
const DURATION: u64 = 20;

/// Drives the bounty of a plan. Returns what the rules say of it; the chain did the same.
pub(crate) async fn drive(world: &ChainTrial, plan: &Plan) -> Result<Result<Settlement, SettleError>> {
    let before = Balances::read(world).await?;
    let guid = Guid::from_number(plan.guid);
    let expiration = post(world, plan).await?;
    for (index, assertion) in plan.assertions.iter().enumerate() {
        assert(world, guid, index, assertion).await?;
    }
    world.chain.pass_until(expiration).await?;
    for (index, assertion) in plan.assertions.iter().enumerate().filter(|(_, assertion)| assertion.is_revealed) {
        reveal(world, guid, index, assertion).await?;
    }
    world.chain.pass_until(expiration + REVEAL_WINDOW).await?;
    let settling = settling(plan);
    let settlement = settle(ContractVersion::V1_6_1, &settling);
    let quorum = vote(world, plan).await?;
    if let Ok(settlement) = &settlement {
        ensure!(quorum == settlement.quorum.reached_by_vote, "quorum by vote {quorum:?}: {settlement:?}");
    }

    if plan.halves_fees {
        set_fees(world, half(BOUNTY_FEE), half(ASSERTION_FEE)).await?;
    }
    let is_early = plan.settles_early && quorum.is_some();
    if !is_early {
        world.chain.pass_until(expiration + REVEAL_WINDOW + VOTE_WINDOW + 1).await?;
    }
    let payouts = match &settlement {
        Ok(settlement) => pay(world, plan, settlement, expiration).await?,
        Err(SettleError::Reverts(_)) => {
            world.chain.pass_until(expiration + REVEAL_WINDOW + VOTE_WINDOW + 1).await?;
            all_revert(world, plan).await?;
            Payouts::default()
        }
        Err(error) => return Err(error.clone()).context("the rules cannot settle the plan"),
    };
    if plan.halves_fees {
        set_fees(world, BOUNTY_FEE, ASSERTION_FEE).await?;
    }
    let after = Balances::read(world).await?;
    compare(plan, &payouts, &before, &after)?;
    Ok(settlement)
}

fn half(fee: Nct) -> Nct {
    Nct::from_base_units(fee.base_units() / 2)
}

/// What the plan is for the rules of settlement. Fees are those at the settlement.
fn settling(plan: &Plan) -> Settling {
    let asserted = |assertion: &PlannedAssertion| Asserted {
        bids: assertion.bids.clone(),
        mask: assertion.mask.iter().copied().collect(),
        verdicts: assertion.verdicts.iter().copied().collect(),
        revealed: assertion.is_revealed,
    };
    let fee = |fee| if plan.halves_fees { half(fee) } else { fee };
    Settling {
        amount: plan.amount,
        num_artifacts: plan.artifact_count,
        bounty_fee: fee(BOUNTY_FEE),
        assertion_fee: fee(ASSERTION_FEE),
        arbiter_count: u32::try_from(crate::world::ARBITERS).expect("a few"),
        assertions: plan.assertions.iter().map(asserted).collect(),
        votes: plan.votes.iter().map(|(_, vote)| vote.iter().copied().collect::<Bits>()).collect(),
    }
}

/// Posts the bounty; returns the block in which assertions are over.
pub(crate) async fn post(world: &ChainTrial, plan: &Plan) -> Result<u64> {
    let ambassador = &world.ambassador;
    let sum = plan.amount.checked_add(BOUNTY_FEE).context("an amount that fits")?;
    let approve = Call::Approve { spender: world.policy.registry, amount: amount::to_u256(sum) };
    world.call(ambassador, &approve).await?;
    let call = Call::PostBounty(Box::new(PostBounty {
        guid: Guid::from_number(plan.guid),
        uri: "QmYNmQKp6SuaVrpgWRsPTgCQCnpxUYGq76YEKBXuj2N4H6".to_owned(),
        artifact_count: plan.artifact_count.try_into()?,
        duration: DURATION,
        bloom: Bloom::of(["QmYNmQKp6SuaVrpgWRsPTgCQCnpxUYGq76YEKBXuj2N4H6"]),
        form: BountyForm::V1_3_0 { artifact_type: 0, amount: plan.amount, metadata: "[]".to_owned() },
    }));
    let receipt = world.call(ambassador, &call).await?;
    let expected = ContractEvent::NewBounty {
        guid: Guid::from_number(plan.guid),
        artifact_type: Some(0),
        author: ambassador.address(),
        amount: plan.amount,
        uri: "QmYNmQKp6SuaVrpgWRsPTgCQCnpxUYGq76YEKBXuj2N4H6".to_owned(),
        expiration: receipt.block + DURATION,
        metadata: Some("[]".to_owned()),
    };
    ensure!(*told(&receipt)? == expected, "the chain tells {:?}", told(&receipt)?);
    Ok(receipt.block + DURATION)
}

pub(crate) fn wanted_assertion(account: Address, guid: Guid, assertion: &PlannedAssertion) -> Result<Wanted> {
    let verdicts = ArtifactBits::new(assertion.verdicts.clone())?;
    Ok(Wanted::Assertion {
        bounty: guid,
        bids: Bids::Each(assertion.bids.clone()),
        mask: ArtifactBits::new(assertion.mask.clone())?,
        commitment: commitment(account, U256::from(assertion.nonce), &verdicts),
        fee: ASSERTION_FEE,
    })
}

async fn assert(world: &ChainTrial, guid: Guid, index: usize, assertion: &PlannedAssertion) -> Result<()> {
    let expert = &world.experts[assertion.expert];
    let wanted = wanted_assertion(expert.address(), guid, assertion)?;
    let receipt = world.act(expert, &wanted).await?;
    let Wanted::Assertion { bids, mask, commitment, .. } = wanted else { unreachable!() };
    let ContractEvent::NewAssertion { artifact_count, .. } = told(&receipt)? else {
        anyhow::bail!("the chain tells {:?}", told(&receipt)?);
    };
    let expected = ContractEvent::NewAssertion {
        guid,
        author: expert.address(),
        index: index.try_into()?,
        bids,
        mask: mask.to_number(),
        artifact_count: *artifact_count,
        commitment,
    };
    ensure!(*told(&receipt)? == expected, "the chain tells {:?}", told(&receipt)?);
    Ok(())
}

pub(crate) fn wanted_reveal(guid: Guid, index: usize, assertion: &PlannedAssertion) -> Result<Wanted> {
    Ok(Wanted::Reveal {
        bounty: guid,
        index: index.try_into()?,
        nonce: U256::from(assertion.nonce),
        verdicts: ArtifactBits::new(assertion.verdicts.clone())?,
        metadata: r#"[{"malware_family": "žlutý"}]"#.to_owned(),
    })
}

async fn reveal(world: &ChainTrial, guid: Guid, index: usize, assertion: &PlannedAssertion) -> Result<()> {
    let receipt = world.act(&world.experts[assertion.expert], &wanted_reveal(guid, index, assertion)?).await?;
    let ContractEvent::RevealedAssertion { nonce, verdicts, metadata, .. } = told(&receipt)? else {
        anyhow::bail!("the chain tells {:?}", told(&receipt)?);
    };
    ensure!(*nonce == U256::from(assertion.nonce), "another nonce");
    ensure!(*verdicts == ArtifactBits::new(assertion.verdicts.clone())?.to_number(), "other verdicts");
    ensure!(metadata.contains("žlutý"), "other metadata: {metadata}");
    Ok(())
}

/// Casts the votes; returns the number of the vote by which quorum was told.
async fn vote(world: &ChainTrial, plan: &Plan) -> Result<Option<usize>> {
    let guid = Guid::from_number(plan.guid);
    let mut quorum = None;
    for (number, (arbiter, vote)) in plan.votes.iter().enumerate() {
        let votes = ArtifactBits::new(vote.clone())?.to_number();
        let call = Call::VoteOnBounty { guid, votes, valid_bloom: true };
        let arbiter = &world.arbiters[*arbiter];
        let receipt = world.call(arbiter, &call).await?;
        let artifact_count = plan.artifact_count.try_into()?;
        let expected = ContractEvent::NewVote { guid, votes, artifact_count, voter: arbiter.address() };
        ensure!(*told(&receipt)? == expected, "the chain tells {:?}", told(&receipt)?);
        if receipt.events.contains(&ContractEvent::QuorumReached { guid }) {
            ensure!(quorum.is_none(), "quorum is told twice");
            quorum = Some(number);
        }
    }
    Ok(quorum)
}

pub(crate) async fn set_fees(world: &ChainTrial, bounty_fee: Nct, assertion_fee: Nct) -> Result<()> {
    let mut data = selector("setFees(uint256,uint256)").to_vec();
    for fee in [bounty_fee, assertion_fee] {
        data.extend(amount::to_u256(fee).to_be_bytes::<32>());
    }
    let receipt = world.chain.send_as_owner(world.policy.registry, &data).await?;
    let expected = ContractEvent::FeesUpdated { bounty_fee, assertion_fee };
    ensure!(receipt.events == [expected], "the chain tells {:?}", receipt.events);
    Ok(())
}

/// What everybody got, by the events.
#[derive(Default)]
struct Payouts {
    ambassador: Nct,
    experts: Vec<Nct>,
    arbiters: Vec<Nct>,
}

/// Everybody settles, and gets what the rules say.
async fn pay(world: &ChainTrial, plan: &Plan, settlement: &Settlement, expiration: u64) -> Result<Payouts> {
    let guid = Guid::from_number(plan.guid);
    let ambassador = settle_for(world, &world.ambassador, guid).await?;
    ensure!(ambassador == settlement.refund, "the ambassador gets {ambassador}: {settlement:?}");
    let mut experts = Vec::new();
    for (assertion, expected) in plan.assertions.iter().zip(&settlement.payouts) {
        let expert = &world.experts[assertion.expert];
        let receipt = world.act(expert, &Wanted::Settle { bounty: guid }).await?;
        let event = ContractEvent::SettledBounty { guid, settler: expert.address(), payout: *expected };
        ensure!(*told(&receipt)? == event, "the chain tells {:?}, not {event:?}", told(&receipt)?);
        experts.push(*expected);
    }
    world.chain.pass_until(expiration + REVEAL_WINDOW + VOTE_WINDOW + 1).await?;
    let mut arbiters = vec![Nct::ZERO; world.arbiters.len()];
    if plan.votes.is_empty() {
        for arbiter in &world.arbiters {
            expect_revert(settle_for(world, arbiter, guid).await)?;
        }
        return Ok(Payouts { ambassador, experts, arbiters });
    }
    for (place, arbiter) in world.arbiters.iter().enumerate() {
        arbiters[place] = settle_for(world, arbiter, guid).await?;
    }
    let paid: Vec<_> = (0..arbiters.len()).filter(|place| arbiters[*place] != Nct::ZERO).collect();
    if settlement.arbiter == Nct::ZERO {
        ensure!(paid.is_empty(), "arbiters {paid:?} get something");
    } else {
        let [place] = paid[..] else { anyhow::bail!("arbiters {paid:?} are paid") };
        ensure!(arbiters[place] == settlement.arbiter, "the arbiter gets {}: {settlement:?}", arbiters[place]);
        ensure!(plan.votes.iter().any(|(voter, _)| *voter == place), "arbiter {place} is paid and did not vote");
    }
    Ok(Payouts { ambassador, experts, arbiters })
}

async fn settle_for(world: &ChainTrial, account: &Account, guid: Guid) -> Result<Nct> {
    let receipt = world.call(account, &Call::SettleBounty { guid }).await?;
    match told(&receipt)? {
        ContractEvent::SettledBounty { payout, settler, .. } if *settler == account.address() => Ok(*payout),
        other => anyhow::bail!("the chain tells {other:?}"),
    }
}

async fn all_revert(world: &ChainTrial, plan: &Plan) -> Result<()> {
    let guid = Guid::from_number(plan.guid);
    expect_revert(settle_for(world, &world.ambassador, guid).await)?;
    for assertion in &plan.assertions {
        expect_revert(world.act(&world.experts[assertion.expert], &Wanted::Settle { bounty: guid }).await)?;
    }
    for arbiter in &world.arbiters {
        expect_revert(settle_for(world, arbiter, guid).await)?;
    }
    Ok(())
}

/// The reason that the contract gives.
pub(crate) fn expect_revert<T>(result: Result<T>) -> Result<String> {
    match result {
        Ok(_) => anyhow::bail!("the contract takes what it must refuse"),
        Err(error) => match error.downcast::<Reverted>() {
            Ok(Reverted(reason)) => Ok(reason),
            Err(error) => Err(error),
        },
    }
}

/// Everybody's tokens.
struct Balances {
    ambassador: Nct,
    experts: Vec<Nct>,
    arbiters: Vec<Nct>,
    registry: Nct,
}

impl Balances {
    async fn read(world: &ChainTrial) -> Result<Balances> {
        let mut experts = Vec::new();
        for expert in &world.experts {
            experts.push(world.balance(expert.address()).await?);
        }
        let mut arbiters = Vec::new();
        for arbiter in &world.arbiters {
            arbiters.push(world.balance(arbiter.address()).await?);
        }
        Ok(Balances {
            ambassador: world.balance(world.ambassador.address()).await?,
            experts,
            arbiters,
            registry: world.balance(world.policy.registry).await?,
        })
    }
}

/// What was paid and got is what the balances say, to the last unit.
fn compare(plan: &Plan, payouts: &Payouts, before: &Balances, after: &Balances) -> Result<()> {
    let moved = |before: Nct, paid: Nct, got: Nct| {
        before.checked_add(got).and_then(|sum| sum.checked_sub(paid)).context("a balance out of range")
    };
    let sum = |amounts: &[Nct]| amount::sum(amounts.iter().copied()).context("a sum that fits");
    let mut locked = sum(&[plan.amount, BOUNTY_FEE])?;
    let expected = moved(before.ambassador, locked, payouts.ambassador)?;
    ensure!(after.ambassador == expected, "the ambassador has {}, not {expected}", after.ambassador);
    for (place, (before, after)) in before.experts.iter().zip(&after.experts).enumerate() {
        let index = plan.assertions.iter().position(|assertion| assertion.expert == place);
        let paid = match index {
            Some(index) => sum(&[sum(&plan.assertions[index].bids)?, ASSERTION_FEE])?,
            None => Nct::ZERO,
        };
        locked = sum(&[locked, paid])?;
        let got = index.and_then(|index| payouts.experts.get(index)).copied().unwrap_or_default();
        let expected = moved(*before, paid, got)?;
        ensure!(*after == expected, "expert {place} has {after}, not {expected}");
    }
    for (place, (before, after)) in before.arbiters.iter().zip(&after.arbiters).enumerate() {
        let got = payouts.arbiters.get(place).copied().unwrap_or_default();
        ensure!(*after == moved(*before, Nct::ZERO, got)?, "arbiter {place} has {after}");
    }
    let paid = sum(&[payouts.ambassador, sum(&payouts.experts)?, sum(&payouts.arbiters)?])?;
    let expected = moved(before.registry, paid, locked)?;
    ensure!(after.registry == expected, "the registry has {}, not {expected}", after.registry);
    Ok(())
}
