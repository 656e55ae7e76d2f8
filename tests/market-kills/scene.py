"""The scene: files to post, keys and configurations, and all the programs, wired together on loopback."""

import base64
import json
import os
import pathlib
import secrets
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

from programs import Program
from wire import Proxy, Witness, free_port, redis

# Users and groups where the test is root: signer, daemon with the group that may ask the signer, all others.
SIGNER, DAEMON, OTHERS, FRONTEND = (64101, 64101), (64102, 64102), (64103, 64103), 64104
# The EICAR test file, not in clear text, so that scanners leave this script alone.
EICAR = base64.b64decode("WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJQ0FSLVNUQU5EQVJELUFOVElWSVJVUy1URVNULUZJTEUhJEgrSCo=")
FILES = 300
READY_SECONDS = 180

MARKET = """
seed = {seed}
[bounties]
number = 10000000
directory = "files"
in_flight_max = 100000
per_second = 1.0
balance = "1000000000"
[arbiters]
number = 3
[[rival]]
name = "good"
number = 2
true_positive = 0.92
false_positive = 0.02
balance = "1000000"
[[rival]]
name = "reckless"
true_positive = 0.6
false_positive = 0.2
strategy = "max"
balance = "1000000"
[polyswarmd]
block_seconds = 1.0
duration_blocks = {duration}
reveal_window_blocks = {reveal}
vote_window_blocks = {vote}
grace_blocks = 300
websockets_min = 2
balance = "{balance}"
"""

SIGNER_CONFIG = """
[signer]
keyfile = "{place}/signer/keyfile.json"
passphrase_file = "{place}/signer/passphrase"
record = "{place}/signer/record"
socket = "{place}/sockets/signer.sock"
[limits]
bounty_max = "{bounty}"
hour_max = "{hour}"
day_max = "{day}"
total_max = "{total}"
signatures_day_max = 1000000
[side]
chain_id = {chain_id}
token = "{token}"
registry = "{registry}"
"""

DAEMON_CONFIG = """
[webhook]
listen = "127.0.0.1:0"
secret_files = ["{place}/daemon/secret"]
[admin]
listen = "127.0.0.1:{admin}"
[polyswarmd]
url = "http://127.0.0.1:{proxy}"
signer_socket = "{place}/sockets/signer.sock"
[intake]
allow_networks = ["127.0.0.0/8"]
[scan]
workers = 1
rules_cache = "{place}/daemon/rules"
[queue]
redis = "127.0.0.1:{redis}"
name = "scan"
frontend = "frontend"
local = "always"
artifacts_listen = "127.0.0.1:{handed}"
artifacts_url = "http://127.0.0.1:{handed}"
[market]
balance = "{balance}"
stake_max = "3"
stake_hour_max = "none"
stake_day_max = "none"
stake_open_max = "none"
loss_day_max = "none"
loss_row_max = "none"
[archive]
directory = "{place}/daemon/archive"
artifacts_bytes_max = 0
[log]
format = "json"
"""


def make_files(directory, seed):
    """Labelled files, no two the same, so that none is known from before: EICAR with white space, and programs of this
    machine with bytes behind them."""
    for label in ("malicious", "benign"):
        (directory / label).mkdir(parents=True)
    programs = []
    for path in sorted(pathlib.Path("/usr/bin").iterdir()):
        if path.is_file() and not path.is_symlink() and 20_000 < path.stat().st_size < 100_000:
            with open(path, "rb") as file:
                if file.read(4) == b"\x7fELF":
                    programs.append(path)
    for number in range(FILES):
        marks = "".join("\t" if (seed + number) >> bit & 1 else " " for bit in range(32))
        (directory / "malicious" / f"{number}.com").write_bytes(EICAR + marks.encode())
        program = programs[number % len(programs)].read_bytes()
        (directory / "benign" / f"{number}.elf").write_bytes(program + number.to_bytes(4, "big"))


class Scene:
    """Everything that runs."""

    def __init__(self, programs, place, seed, windows, limits):
        self.programs, self.place, self.windows, self.limits = programs, place, windows, limits
        self.key = secrets.token_bytes(32)
        self.passphrase = secrets.token_hex(24)
        self.balance = 100_000
        self.several_users = os.getuid() == 0 and reached_by_all(programs) and reached_by_all(place)
        place.chmod(0o711)
        make_files(place / "files", seed)
        self.user = {"signer": SIGNER, "daemon": DAEMON, "others": OTHERS} if self.several_users else {}
        self.market = self.start_market(seed)
        self.proxy = Proxy(self.port)
        self.witness = None
        self.start_signer()
        self.start_redis()
        self.start_daemon()
        self.consumers = [self.start_consumer(name) for name in ("consumer-a", "consumer-b")]
        self.killed = {"daemon": self.daemon, "signer": self.signer, "redis": self.redis}
        self.killed.update({consumer.name: consumer for consumer in self.consumers})

    def directory(self, name, who, mode=0o700):
        path = self.place / name
        path.mkdir(mode=mode)
        path.chmod(mode)
        if who in self.user:
            os.chown(path, *self.user[who])
        return path

    def write(self, path, text, who):
        path.write_text(text)
        path.chmod(0o600)
        if who in self.user:
            os.chown(path, *self.user[who])

    def start_market(self, seed):
        duration, reveal, vote = self.windows
        text = MARKET.format(seed=seed % (1 << 32), duration=duration, reveal=reveal, vote=vote, balance=self.balance)
        (self.place / "market.toml").write_text(text)
        with open(self.place / "closing.json", "wb") as out, open(self.place / "market.log", "wb") as err:
            command = [self.programs / "stakeout", "local-market", "--config", "market.toml", "--json"]
            command += ["--polyswarmd", "127.0.0.1:0"]
            market = subprocess.Popen(command, cwd=self.place, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        # 600 files at http://127.0.0.1:PORT; chain 1337, token 0x…, registry 0x…
        told = until(lambda: wanted((self.place / "market.log").read_text(), " at http://"), "the market does not start")
        self.port = int(told.split(" at http://127.0.0.1:")[1].split(";")[0])
        self.chain_id, self.token, self.registry = (told.split(f"{word} ")[1].split(",")[0].split()[0] for word in
                                                    ("chain", "token", "registry"))
        return market

    def start_signer(self):
        own = self.directory("signer", "signer")
        sockets = self.directory("sockets", "signer", 0o755)
        if self.several_users:
            # Sockets made there are of the group that may ask.
            os.chown(sockets, SIGNER[0], FRONTEND)
            sockets.chmod(0o2755)
        self.write(own / "passphrase", self.passphrase, "signer")
        self.write(own / "key.hex", self.key.hex(), "signer")
        command = [self.programs / "stakeout-signer", "import", "--keyfile", own / "keyfile.json"]
        command += ["--passphrase-file", own / "passphrase", "--private-key-file", own / "key.hex"]
        who = {"user": SIGNER[0], "group": SIGNER[1], "extra_groups": []} if self.several_users else {}
        subprocess.run(command, cwd=own, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True, timeout=120, **who)
        (own / "key.hex").unlink()
        config = SIGNER_CONFIG.format(
            place=self.place, chain_id=self.chain_id, token=self.token, registry=self.registry, **self.limits
        )
        self.write(own / "signer.toml", config, "signer")
        self.signer_config = own / "signer.toml"
        command = [self.programs / "stakeout-signer", "serve", "--config", self.signer_config]
        self.signer = Program("signer", command, self.place, self.user.get("signer")).start()
        until(lambda: self.signer_status(), "the signer does not answer", self.signer.log)
        self.account = self.signer_status()["address"]

    def signer_status(self):
        told = subprocess.run(
            [self.programs / "stakeout-signer", "status", "--config", self.signer_config, "--json"],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False,
        )
        return json.loads(told.stdout) if told.returncode == 0 else None

    def reset_total(self, reason):
        """As a person does who has looked at it. Only root and the signer's user may."""
        command = [self.programs / "stakeout-signer", "reset-total", "--config", self.signer_config, "--reason", reason]
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
        ).returncode == 0

    def start_redis(self):
        own = self.directory("redis", "others")
        self.redis_port = free_port()
        self.redis_empties = False

        def before():
            if self.redis_empties:
                self.redis_empties = False
                shutil.rmtree(own / "appendonlydir", ignore_errors=True)
                for path in own.glob("*.aof"):
                    path.unlink()

        command = ["redis-server", "--port", self.redis_port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"]
        command += ["--appendfsync", "always", "--dir", own, "--loglevel", "warning"]
        self.redis = Program("redis", command, self.place, self.user.get("others"), before=before).start()
        until(lambda: redis(self.redis_port, "PING") == "+PONG", "Redis does not start", self.redis.log)

    def start_daemon(self):
        own = self.directory("daemon", "daemon")
        for name in ("daemon/archive", "daemon/rules"):
            self.directory(name, "daemon")
        self.write(own / "secret", secrets.token_hex(16), "daemon")
        self.admin = free_port()
        config = DAEMON_CONFIG.format(
            place=self.place, admin=self.admin, proxy=self.proxy.port, redis=self.redis_port, handed=free_port(),
            balance=self.balance,
        )
        self.config = own / "stakeout.toml"
        self.write(self.config, config, "daemon")
        command = [self.programs / "stakeout", "daemon", "--config", self.config]
        groups = [FRONTEND] if self.several_users else []
        self.daemon = Program("daemon", command, self.place, self.user.get("daemon"), groups).start()
        until(lambda: is_ready(self.admin), "the daemon does not start", self.daemon.log)

    def start_consumer(self, name):
        health = free_port()
        own = self.directory(name, "others")
        command = [self.programs / "stakeout", "consume", "--redis-addr", f"127.0.0.1:{self.redis_port}", "--queue", "scan"]
        command += ["--name", name, "--allow-network", "127.0.0.0/8", "--workers", "1", "--liveness-file", own / "liveness"]
        command += ["--health-listen", f"127.0.0.1:{health}"]
        environment = {"XDG_CACHE_HOME": str(own)}
        consumer = Program(name, command, self.place, self.user.get("others"), environment=environment).start()
        until(lambda: is_ready(health), f"{name} does not start", consumer.log)
        return consumer

    def watch(self):
        """From here on bounties are posted, and the chain is watched."""
        self.witness = Witness(self.port)

    def stop_posting(self):
        """Without files the market has nothing to post, and goes on with what there is."""
        (self.place / "files").rename(self.place / "files-of-before")

    def query(self, *arguments):
        """What a command says of the archive."""
        command = [self.programs / "stakeout", *arguments, "--config", self.config]
        told = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)
        return told.returncode, told.stdout.decode()

    def records(self):
        status, told = self.query("archive", "query", "--json", "--limit", "1000000")
        assert status == 0, told
        return [json.loads(line) for line in told.splitlines()]

    def entries(self):
        """What the signer has written down: its lines, without their checksums."""
        lines = (self.place / "signer" / "record").read_text().splitlines()
        return [json.loads(line.split(" ", 1)[1]) for line in lines[1:]]

    def end(self):
        """Ends everything, the market last; what each ended with."""
        ended = {program.name: program.end() for program in [self.daemon, *self.consumers, self.signer, self.redis]}
        return ended

    def close_market(self):
        """Ends the market; its summary."""
        if self.market.poll() is None:
            self.market.send_signal(2)
        try:
            self.market.wait(30)
        except subprocess.TimeoutExpired:
            self.market.kill()
            self.market.wait()
        text = (self.place / "closing.json").read_text()
        return json.loads(text) if text.strip() else None


def reached_by_all(path):
    """Whether every user may come there."""
    return all(part.stat().st_mode & 0o001 for part in [path, *path.parents])


def is_ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as reply:
            return reply.status == 200
    except (OSError, urllib.error.URLError):
        return False


def wanted(text, part):
    return text if part in text else None


def until(true, what, log=None):
    """Waits for something to be true, and returns it."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        try:
            if value := true():
                return value
        except OSError:
            pass
        time.sleep(0.1)
    if log is not None:
        sys.stderr.write(log.read_text()[-3000:])
    sys.exit(f"FAILED: {what}")
