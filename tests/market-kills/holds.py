"""What must hold when all is over: the market's chain against our archive and the signer's record, to the unit."""

import collections
import json

from wire import ask

NCT = 10**18
HOUR, DAY = 3600, 86_400
# Ways in which the life of an assertion ends well.
WELL = {"settled", "void"}


def units(text):
    """Base units of an amount in NCT."""
    sign, text = (-1, text[1:]) if text.startswith("-") else (1, text)
    whole, _, part = text.partition(".")
    return sign * (int(whole) * NCT + int((part + "0" * 18)[:18]))


class Chain:
    """What the market's chain has: as the witness heard it, and as it says when it is asked."""

    def __init__(self, scene):
        self.port, self.account = scene.port, scene.account
        witness = scene.witness
        ours = self.account.lower()
        self.posted = {data["guid"]: int(data["expiration"]) for data, _, _ in witness.seen("bounty")}
        self.asserted, self.revealed, self.settled = {}, {}, {}
        for kind, name, found in [
            ("assertion", "author", self.asserted), ("reveal", "author", self.revealed),
            ("settled_bounty", "settler", self.settled),
        ]:
            for data, _, at in witness.seen(kind):
                if data[name].lower() == ours:
                    found.setdefault(data["bounty_guid"], []).append((data, at))

    def listed(self):
        """All bounties of the chain, as it lists them."""
        guids, page = [], 0
        while True:
            more, right = ask(self.port, f"/bounties?page={page}&count=75", account=self.account)
            assert right, more
            guids += more
            page += 1
            if len(more) < 75:
                return guids

    def assertions(self, guid):
        """Our assertions on a bounty, as the chain lists them."""
        all_of, right = ask(self.port, f"/bounties/{guid}/assertions", account=self.account)
        assert right, all_of
        return [one for one in all_of if one["author"].lower() == self.account.lower()]

    def nonce(self):
        told, right = ask(self.port, "/nonce?ignore_pending=1", account=self.account)
        assert right, told
        return int(told)

    def pending(self):
        told, right = ask(self.port, "/pending", account=self.account)
        assert right, told
        return told


class Verdict:
    """Counts what holds, and collects what does not."""

    def __init__(self):
        self.wrong = []
        self.counts = collections.Counter()

    def expect(self, what, is_right, told=""):
        if not is_right:
            self.wrong.append(f"{what}{': ' if told else ''}{told}")
        return is_right


def end_of(record):
    """How a bounty of the archive ended: by a step on the chain, or the ending of its answer; None while it is open. That a
    settlement is tried may be written down behind the step that says it is there: its event came first."""
    steps = [step["step"] for step in record["steps"]]
    if steps:
        return next((step for step in ("settled", "void", "abandoned") if step in steps), None)
    return record["ending"] if record["ended"] is not None else None


def bounties(scene, chain, verdict):
    """No bounty lost, none asserted twice, no reveal missed, all settled and told as the chain has it."""
    records = {record["id"].split(":", 1)[1]: record for record in scene.records()}
    listed = chain.listed()
    verdict.expect("the witness heard of every bounty", set(listed) == set(chain.posted))
    missed = sorted(set(listed) - set(records))
    verdict.expect(f"{len(missed)} bounties of the chain were not taken", not missed, " ".join(missed[:5]))
    strangers = sorted(set(records) - set(listed))
    verdict.expect("the archive has bounties that the chain does not", not strangers, " ".join(strangers[:5]))
    for guid in listed:
        made = chain.assertions(guid)
        verdict.expect(f"{guid} has {len(made)} assertions of ours", len(made) <= 1)
        heard = [len(found.get(guid, [])) for found in (chain.asserted, chain.revealed, chain.settled)]
        expected = len(made)
        if made:
            verdict.counts["asserted"] += 1
            # The nonce of an assertion is 0 until it is revealed.
            verdict.expect(f"{guid} is asserted and not revealed", int(made[0]["nonce"]) != 0)
            verdict.counts["revealed"] += int(made[0]["nonce"]) != 0
        verdict.expect(f"{guid}: asserted, revealed, settled {heard} times", heard == [expected] * 3)
        record = records.get(guid)
        if record is None:
            continue
        end = end_of(record)
        if not verdict.expect(f"{guid} has no end in the archive", end is not None, json.dumps(record["steps"][-1:])):
            continue
        verdict.counts[end] += 1
        if record["steps"]:
            verdict.expect(f"{guid} ended as {end}", end in WELL, json.dumps(record["steps"]))
            verdict.expect(f"{guid} is missed", not any(step["step"] == "missed" for step in record["steps"]))
        else:
            reason = record["detail"] or record["comments"]
            verdict.expect(f"{guid} is {end} without a reason", bool(reason), json.dumps(record))
        verdict.expect(f"{guid} ended as {end}, and the chain has {len(made)} assertions", (end == "settled") == bool(made))
        if end == "settled" and heard[2]:
            paid = chain.settled[guid][0][0]["payout"]
            told = next(step["payout"] for step in record["steps"] if step["step"] == "settled")
            # Where its transaction was not seen the payout follows from the rules, and is in the sum of the report.
            verdict.expect(f"{guid} was paid {paid}, and the archive says {told}", told is None or str(paid) == str(told))
            verdict.counts["payouts by the rules"] += told is None
    verdict.counts["bounties"] = len(listed)
    return records


def limits(scene, chain, verdict):
    """What the signer signed never exceeded its limits, in amounts of the chain; its nonces have no hole."""
    allowed = {name: units(text) for name, text in scene.limits.items()}
    total, spent, nonces = 0, [], []
    signed_of = collections.Counter()
    for entry in scene.entries():
        event, at = entry["event"], entry["at"] / 1e6
        if "total_reset" in event:
            verdict.counts["resets"] += 1
            total = 0
        signed = event.get("signed")
        if signed is None:
            continue
        nonces += [nonce for nonce, _ in signed["transactions"]["nonces"]]
        if signed["kind"] != "assertion":
            continue
        guid = signed["bounty"]
        signed_of[guid] += 1
        amount = units(signed["amount"])
        for data, _ in chain.asserted.get(guid, []):
            on_chain = sum(int(bid) for bid in data["bid"]) + scene.fee
            verdict.expect(f"{guid}: {amount} signed, {on_chain} on the chain", amount == on_chain)
            amount = max(amount, on_chain)
        total += amount
        spent.append((at, amount))
        for name, sum_of in [
            ("bounty", amount), ("total", total),
            ("hour", sum(paid for when, paid in spent if when > at - HOUR)),
            ("day", sum(paid for when, paid in spent if when > at - DAY)),
        ]:
            verdict.expect(f"{sum_of} were signed, beyond the limit of {name}", sum_of <= allowed[name])
            verdict.counts[f"most_{name}"] = max(verdict.counts[f"most_{name}"], sum_of)
    unsigned = sorted(set(chain.asserted) - set(signed_of))
    verdict.expect("assertions on the chain that the record does not have", not unsigned, " ".join(unsigned[:5]))
    verdict.expect("nonces are signed once, without a hole", nonces == list(range(len(nonces))), str(nonces[-20:]))
    verdict.counts["transactions"] = len(nonces)
    mined = chain.nonce()
    verdict.expect(f"{len(nonces)} transactions were signed, and {mined} are mined", mined == len(nonces))
    verdict.expect("transactions wait", chain.pending() == [], str(chain.pending()))


def ledger(scene, closing, verdict):
    """Profit, payouts and stakes of the report are those of the chain, to the unit."""
    us = next(account for account in closing["accounts"] if account["address"].lower() == scene.account.lower())
    status, told = scene.query("report", "--json")
    verdict.expect("the report can be made", status == 0, told[:300])
    total = json.loads(told)["total"]
    verdict.expect(f"the report says {total['profit']}, the chain {us['profit']}", units(total["profit"]) == units(us["profit"]))
    verdict.expect(f"the report says {total['staked']} staked, the chain {us['staked']}",
                   units(total["staked"]) == units(us["staked"]))
    verdict.expect(f"{total['open']} bets are open, {total['unknown']} unknown", total["open"] == total["unknown"] == 0)
    verdict.expect("money is not conserved", closing["conserved"], str(closing["imbalance"]))
    verdict.expect(f"{us['wrong']} verdicts are wrong", us["wrong"] == 0)
    # What was mined before a kill is sent again after it.
    refused = {why for why in us["refused"] if why not in ("nonce too low", "known transaction")}
    verdict.expect("transactions of ours were not taken", not refused, str(us["refused"]))
    status, told = scene.query("archive", "verify", "--json")
    verdict.expect("the archive is damaged", status == 0 and json.loads(told)["sound"], told)
    return us


def programs(scene, verdict):
    """Nothing ended that was not killed, and nothing panicked."""
    for program in scene.killed.values():
        verdict.expect(f"{program.name} ended by itself", not program.unasked, str(program.unasked))
        panics = [line for line in program.log.read_text(errors="replace").splitlines() if "panicked at" in line]
        verdict.expect(f"{program.name} panicked", not panics, " | ".join(panics[:3]))
