#!/usr/bin/env python3.8
"""PolySwarm's own engine plays in our market, without a patch.

    client.py STAKEOUT DIRECTORY [BOUNTIES]

STAKEOUT is the program; DIRECTORY is emptied and filled. Runs in a virtual environment with polyswarm-client 2.13.3:
`stakeout local-market --polyswarmd` posts bounties of one to three files, and `python -m microengine` with the backend
beside this script scans, asserts, reveals and settles, with a keyfile of its own. Ends with 0 if every assertion was
revealed and settled, every verdict was as labelled, the engine gained, and money was conserved.
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
    for _ in range(600):
        for line in log.read_text().splitlines():
            if " at http://" in line:
                return line.split(" at ")[1].split(";")[0]
        if market.poll() is not None:
            break
        time.sleep(0.1)
    sys.exit(f"the market did not start: {log.read_text()}")


def check(closing, engine, bounties):
    """What must be true of the market's summary."""
    mistakes = []

    def expect(what, seen, expected):
        if seen != expected:
            mistakes.append(f"{what} is {seen}, expected {expected}")

    expect("conserved", closing["conserved"], True)
    expect("posted", closing["posted"], bounties)
    expect("unsettled", closing["unsettled"], 0)
    for what in ["asserted", "revealed", "settled"]:
        expect(f"{what} by the client", engine[what], bounties)
    expect("wrong verdicts of the client", engine["wrong"], 0)
    # It settles at quorum, and once more when the vote is over: that one is reverted, and moves nothing.
    reverted = {why: times for why, times in engine["reverted"].items() if why != "Sender already settled"}
    expect("reverted transactions of the client", reverted, {})
    expect("transactions of the client that were not taken", engine["refused"], {})
    if engine["profit"].startswith("-"):
        mistakes.append(f"the client was always right and lost {engine['profit']} NCT")
    return mistakes


def main():
    program, directory = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    bounties = int(sys.argv[3]) if len(sys.argv) > 3 else 50
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    make_files(directory)
    address = make_keyfile(directory / "keyfile")
    (directory / "market.toml").write_text(MARKET.format(bounties=bounties))
    log = directory / "market.log"
    with open(directory / "closing.json", "wb") as out, open(log, "wb") as err:
        command = [program, "local-market", "--config", "market.toml", "--polyswarmd", "127.0.0.1:0", "--json"]
        market = subprocess.Popen(command, cwd=directory, stdout=out, stderr=err, stdin=subprocess.DEVNULL)
    client = None
    try:
        environment = dict(os.environ, PYTHONPATH=str(HERE), PASSWORD=PASSWORD, TMPDIR=str(directory), PYTHONWARNINGS="ignore")
        with open(directory / "client.log", "wb") as err:
            command = [sys.executable, "-m", "microengine", "--keyfile", str(directory / "keyfile"), "--backend", "backend"]
            command += ["--polyswarmd-addr", address_of(market, log), "--client-log", "INFO"]
            client = subprocess.Popen(command, cwd=directory, env=environment, stdout=err, stderr=err, stdin=subprocess.DEVNULL)
        market.wait(timeout=900)
    finally:
        for process in [client, market]:
            if process is not None and process.poll() is None:
                process.terminate()
                process.wait()
    closing = json.loads((directory / "closing.json").read_text())
    engines = [account for account in closing["accounts"] if account["address"] == address]
    if not engines:
        sys.exit(f"the client never asked for anything: {directory / 'client.log'}")
    engine = engines[0]
    mistakes = check(closing, engine, bounties)
    print(
        f"polyswarm-client 2.13.3: {engine['asserted']} asserted, {engine['revealed']} revealed, "
        f"{engine['settled']} settled of {closing['posted']} bounties, {engine['right']} verdicts right, "
        f"{engine['wrong']} wrong; staked {engine['staked']} NCT, profit {engine['profit']} NCT; "
        f"{closing['blocks']} blocks, money conserved: {closing['conserved']}"
    )
    for mistake in mistakes:
        print(f"wrong: {mistake}")
    if mistakes:
        sys.exit(f"see {directory}/client.log")


if __name__ == "__main__":
    main()
