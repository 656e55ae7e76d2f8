#!/usr/bin/env python3.8
"""PolySwarm's own engine plays in our market, without a patch: alone, and beside our daemon.

    client.py STAKEOUT DIRECTORY [BOUNTIES] [alone|together]

STAKEOUT is the program; DIRECTORY is emptied and filled. Runs in a virtual environment with polyswarm-client 2.13.3:
`stakeout local-market --polyswarmd` posts bounties of one to three files, and `python -m microengine` with the backend
beside this script scans, asserts, reveals and settles, with a keyfile of its own. Ends with 0 if every assertion was
revealed and settled, every verdict was as labelled, the engine gained, and money was conserved.

Together, the market is that of `stakeout demo --market polyswarmd`: its daemon and signer play, and the client beside
them about the same files. Of both, every assertion must be revealed and settled, and our daemon's ledger must agree with
the market to the last unit. What the client thinks of those files is not judged: its backend knows nothing of them.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

from eth_account import Account

HERE = pathlib.Path(__file__).resolve().parent
PASSWORD = "a password for tests"

# Long windows and slow blocks, so that a machine with much else to do keeps up: nothing here is measured.
MARKET = """
seed = 7
[bounties]
number = {bounties}
directory = "files"
in_flight_max = 25
per_second = 20.0
[arbiters]
number = 3
[[rival]]
name = "good"
number = 2
true_positive = 0.92
false_positive = 0.02
[polyswarmd]
block_seconds = 0.5
duration_blocks = 24
reveal_window_blocks = 20
vote_window_blocks = 10
grace_blocks = 60
websockets_min = 1
"""


def make_files(directory):
    """Files that the backend tells apart, with their labels."""
    for label, text in [("malicious", "is marked as malicious"), ("benign", "is plain")]:
        (directory / "files" / label).mkdir(parents=True)
        for number in range(40):
            (directory / "files" / label / f"{number}.txt").write_text(f"file {number} {text}\n")


def make_keyfile(path):
    """A keystore as the client wants it, and the address."""
    account = Account.create()
    keyfile = Account.encrypt(account.key, PASSWORD, kdf="pbkdf2", iterations=1000)
    path.write_text(json.dumps(keyfile))
    return account.address


def address_of(market, log):
    """The market's URL, from what it says when it is ready."""
    for _ in range(1800):
        for line in log.read_text().splitlines():
            if " at http://" in line:
                return line.split(" at ")[1].split(";")[0]
        if market.poll() is not None:
            break
        time.sleep(0.1)
    sys.exit(f"the market did not start: {log.read_text()}")


def play(command, directory):
    """Runs a market, and the client in it; the market's summary."""
    log = directory / "market.log"
    with open(directory / "closing.json", "wb") as out, open(log, "wb") as err:
        market = subprocess.Popen(command, cwd=directory, stdout=out, stderr=err, stdin=subprocess.DEVNULL)
    client = None
    try:
        environment = dict(os.environ, PYTHONPATH=str(HERE), PASSWORD=PASSWORD, TMPDIR=str(directory), PYTHONWARNINGS="ignore")
        with open(directory / "client.log", "wb") as err:
            engine = [sys.executable, "-m", "microengine", "--keyfile", str(directory / "keyfile"), "--backend", "backend"]
            engine += ["--polyswarmd-addr", address_of(market, log), "--client-log", "INFO"]
            client = subprocess.Popen(engine, cwd=directory, env=environment, stdout=err, stderr=err, stdin=subprocess.DEVNULL)
        market.wait(timeout=900)
    finally:
        for process in [client, market]:
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    # The client does not always end by SIGTERM.
                    process.kill()
                    process.wait()
    closing = json.loads((directory / "closing.json").read_text() or "null")
    if closing is None:
        sys.exit(f"the market failed: {log.read_text()}")
    return closing


def kept_word(account):
    """What must be true of an engine that keeps its word."""
    mistakes = []
    for what in ["revealed", "settled"]:
        if account[what] != account["asserted"]:
            mistakes.append(f"{account['name']}: {account['asserted']} asserted, {account[what]} {what}")
    if not account["asserted"]:
        mistakes.append(f"{account['name']} asserted nothing")
    return mistakes


def unexpected(name, account):
    """Transactions of an engine that came to nothing."""
    # The client settles at quorum, and once more when the vote is over: that one is reverted, and moves nothing.
    reverted = {why: times for why, times in account["reverted"].items() if why != "Sender already settled"}
    mistakes = [f"reverted transactions of {name}: {reverted}"] if reverted else []
    if account["refused"]:
        mistakes.append(f"transactions of {name} that were not taken: {account['refused']}")
    return mistakes


def of_ledger(program, directory, account):
    """Where our daemon's ledger differs from the market."""
    command = [program, "report", "--config", directory / "demo" / "stakeout.toml", "--json"]
    total = json.loads(subprocess.check_output(command, cwd=directory, stdin=subprocess.DEVNULL))["total"]
    told = {"bets": account["asserted"], "open": 0, "staked": account["staked"], "profit": account["profit"]}
    return [
        f"{what} is {total[what]} in our daemon's ledger, {expected} on the market"
        for what, expected in told.items()
        if total[what] != expected
    ]


def of_market(closing, bounties):
    """What must be true of every market's summary."""
    expected = {"conserved": True, "posted": bounties, "unsettled": 0}
    return [f"{what} is {closing[what]}, expected {value}" for what, value in expected.items() if closing[what] != value]


def check(engine, bounties):
    """What must be true of the client where it knows the files."""
    mistakes = []

    def expect(what, seen, expected):
        if seen != expected:
            mistakes.append(f"{what} is {seen}, expected {expected}")

    for what in ["asserted", "revealed", "settled"]:
        expect(f"{what} by the client", engine[what], bounties)
    expect("wrong verdicts of the client", engine["wrong"], 0)
    if engine["profit"].startswith("-"):
        mistakes.append(f"the client was always right and lost {engine['profit']} NCT")
    return mistakes


def told(name, closing, account):
    """One line about an engine."""
    return (
        f"{name}: {account['asserted']} asserted, {account['revealed']} revealed, {account['settled']} settled of "
        f"{closing['posted']} bounties, {account['right']} verdicts right, {account['wrong']} wrong; staked "
        f"{account['staked']} NCT, profit {account['profit']} NCT"
    )


def main():
    program, directory = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    bounties = int(sys.argv[3]) if len(sys.argv) > 3 else 50
    together = len(sys.argv) > 4 and sys.argv[4] == "together"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    address = make_keyfile(directory / "keyfile")
    if together:
        command = [program, "demo", "--market", "polyswarmd", "--others", "1", "--json", "--bounties", str(bounties)]
        closing = play(command + ["--keep", directory / "demo"], directory)["market"]
    else:
        make_files(directory)
        (directory / "market.toml").write_text(MARKET.format(bounties=bounties))
        command = [program, "local-market", "--config", "market.toml", "--polyswarmd", "127.0.0.1:0", "--json"]
        closing = play(command, directory)
    engines = {account["address"]: account for account in closing["accounts"] if account["role"] == "engine"}
    if address not in engines:
        sys.exit(f"the client never asked for anything: {directory / 'client.log'}")
    client = engines.pop(address)
    print(told("polyswarm-client 2.13.3", closing, client))
    mistakes = of_market(closing, bounties) + unexpected("the client", client)
    if together:
        mistakes += kept_word(client)
        for account in engines.values():
            print(told(account["name"], closing, account))
            mistakes += kept_word(account) + unexpected(account["name"], account)
            mistakes += of_ledger(program, directory, account)
        if len(engines) != 1:
            mistakes.append(f"{len(engines)} other engines played, expected our daemon")
    else:
        mistakes += check(client, bounties)
    print(f"{closing['blocks']} blocks, money conserved: {closing['conserved']}")
    for mistake in mistakes:
        print(f"wrong: {mistake}")
    if mistakes:
        sys.exit(f"see {directory}/client.log")


if __name__ == "__main__":
    main()
