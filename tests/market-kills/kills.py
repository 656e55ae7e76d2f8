"""The engine on a polyswarmd market, killed at random moments: kills.py PROGRAMS DIRECTORY [KILLS [SEED [tight|wide]]].

Done to the programs (scene.py says which there are), in an order and at moments that follow from the seed:

    kill -9         of daemon, signer, a scan worker (of the daemon or a consumer), a consumer, Redis, which is started again
                    with its file or empty; each is started again as by a service manager
    SIGSTOP         for 30 s of daemon, signer, Redis or a consumer, while all others go on and are killed
    cut             of all connections between daemon and market; or everything between them is held back for 8 s
    maxmemory       of Redis is reached for 6 s

Must hold (holds.py): every bounty of the chain was taken, and is answered or has a reason; none was asserted twice; every
assertion was revealed and settled; profit and payouts are the chain's to the unit; the signer's limits were never
exceeded; its nonces have no hole; nothing ended that was not killed. And the signer's key and passphrase are in no process
but the signer, in no core dump, and in no file but its own (secret.py).

Bounties, reveals and votes have windows that are longer than what is out of service within them: one SIGSTOP of daemon or
signer and several kills. So no reveal may be missed.
"""

import collections
import ctypes
import faulthandler
import os
import pathlib
import random
import resource
import shutil
import signal
import sys
import threading
import time

import holds
from programs import descendants
from scene import Scene
from secret import Secret
from wire import ask, redis

STOP_SECONDS, STALL_SECONDS, FULL_SECONDS = 30, 8, 6
# Without these nothing is asserted and revealed. After one of them was stopped, the time until the next one may be.
CRITICAL = ["daemon", "signer"]
RECOVERY_SECONDS = 30
# Of 15 that are no stops, each kind is there at least once.
KINDS = ["daemon", "signer", "worker", "consumer", "redis kept", "redis emptied", "cut", "maxmemory", "daemon", "signer",
         "worker", "stall", "daemon", "consumer", "cut"]
# Windows of a bounty in blocks of a second: assertions, reveals, votes.
WINDOWS = {"short": (40, 55, 6), "long": (50, 80, 10)}


def plan(kills, seconds, chance):
    """What is done when: pairs of seconds and kind, in order. Which process it is, is drawn when the time has come."""
    stops = max(kills // 4 if kills <= 20 else 5, kills // 10)
    others = [KINDS[number % len(KINDS)] for number in range(kills - stops)]
    chance.shuffle(others)
    moments = sorted(chance.uniform(0, seconds) for _ in others)
    planned = list(zip(moments, others))
    used, free_at, critical_at = collections.Counter(), collections.Counter(), 0.0
    for number in range(stops):
        at = (number + chance.uniform(0.1, 0.6)) * seconds / stops
        names = ["redis", "consumer-a", "consumer-b"] + (CRITICAL if at >= critical_at else [])
        names = [name for name in names if at >= free_at[name]] or ["consumer-a"]
        least = min(used[name] for name in names)
        names = [name for name in names if used[name] == least]
        # Those that may not follow each other come first, so that each is there.
        name = chance.choice([name for name in names if name in CRITICAL] or names)
        used[name] += 1
        free_at[name] = at + STOP_SECONDS + 5
        if name in CRITICAL:
            critical_at = at + STOP_SECONDS + RECOVERY_SECONDS
        planned.append((at, f"stop {name}"))
    return sorted(planned)


class Killer:
    """Does what is planned."""

    def __init__(self, scene, chance):
        self.scene, self.chance = scene, chance
        self.done = collections.Counter()

    def do(self, kind):
        name = self.one(kind)
        self.done[name] += 1
        return name

    def one(self, kind):
        scene = self.scene
        if kind.startswith("stop "):
            self.insist(lambda: scene.killed[kind[5:]].stop_for(STOP_SECONDS))
            return f"SIGSTOP {kind[5:].split('-')[0]}"
        if kind == "worker" and (workers := self.workers()):
            os.kill(self.chance.choice(workers), signal.SIGKILL)
            return "worker"
        if kind == "cut":
            scene.proxy.cut(self.chance.uniform(0, 3))
            return "connections cut"
        if kind == "stall":
            scene.proxy.stall(STALL_SECONDS)
            return "connections stalled"
        if kind == "maxmemory" and not scene.redis.is_stopped():
            self.insist(self.fill)
            return "maxmemory"
        if kind.startswith("redis") and not scene.redis.is_stopped():
            scene.redis_empties = kind == "redis emptied"
            self.insist(lambda: scene.redis.signal(signal.SIGKILL))
            return kind
        names = [name for name, program in scene.killed.items() if not program.is_stopped() and name != "redis"]
        named = [name for name in names if name.split("-")[0] == kind]
        name = self.chance.choice(named or names)
        self.insist(lambda: scene.killed[name].signal(signal.SIGKILL))
        return name.split("-")[0]

    def insist(self, act):
        """Until it is done: the process may be about to be started again."""
        end = time.monotonic() + 60
        while not act():
            if time.monotonic() > end:
                raise SystemExit("FAILED: a program is not started again")
            time.sleep(0.05)

    def workers(self):
        """Templates and workers of daemon and consumers."""
        roots = [self.scene.daemon, *self.scene.consumers]
        return [process for root in roots if root.pid and not root.is_stopped() for process in descendants(root.pid)]

    def fill(self):
        """Redis has no memory left for some seconds. False where it does not run now."""
        port = self.scene.redis_port
        try:
            if redis(port, "CONFIG", "SET", "maxmemory", "1") != "+OK":
                return False
            full = redis(port, "SET", "probe", "x").startswith("-OOM")
        except OSError:
            return False
        timer = threading.Timer(FULL_SECONDS, self.empty)
        timer.daemon = True
        timer.start()
        return full

    def empty(self):
        """Redis has memory again, be it that it was started again meanwhile."""

        def has_memory():
            try:
                return redis(self.scene.redis_port, "CONFIG", "SET", "maxmemory", "0") == "+OK"
            except OSError:
                return False

        self.insist(has_memory)

    def reset_total(self):
        """A person resets the total, once: when the signer is there to be asked."""
        while self.scene.signer.is_stopped() or not self.scene.reset_total("a person looked at it"):
            time.sleep(0.2)


def settle(scene, seconds):
    """Waits until every bounty of the chain has an end in the archive. False where it is not so in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        posted = {data["guid"] for data, _, _ in scene.witness.seen("bounty")}
        ended = {record["id"].split(":", 1)[1] for record in scene.records() if holds.end_of(record) is not None}
        if posted <= ended:
            return True
        time.sleep(2)
    return False


def run(programs, place, kills, seed, tightness):
    chance = random.Random(seed)
    seconds = max(6.0 * kills, 30.0) if kills <= 20 else max(120.0, 2.5 * kills)
    windows = WINDOWS["short" if kills <= 20 else "long"]
    limits = {"bounty": "4", "hour": "1000000", "day": "1000000", "total": "1000000"}
    if tightness == "tight":
        # About half an NCT is wished a second. Of hour, day and total, one is reached halfway: those above it are higher.
        reached = 0.3 * seconds
        factors = [(1, 2, 4), (1, 1, 2), (1, 1, 1)][seed % 3]
        limits = {name: f"{reached * factor:.3f}" for name, factor in zip(("hour", "day", "total"), factors)}
        limits["bounty"] = "1.5"
    scene = Scene(programs, place, seed, windows, limits)
    secret = Secret(scene)
    secret.controls()
    killer = Killer(scene, chance)
    print(f"windows of {windows[0]}, {windows[1]} and {windows[2]} s; limits of the signer: {limits}", flush=True)

    scene.watch()
    begun = time.monotonic()
    actions = [(at, kind) for at, kind in plan(kills, seconds, chance)]
    actions += [(seconds * part, "search") for part in (0.3, 0.6, 0.9)]
    if tightness == "tight":
        actions += [(seconds * 0.75, "reset")]
    for at, kind in sorted(actions):
        time.sleep(max(0.0, begun + at - time.monotonic()))
        if kind == "search":
            secret.search_soon()
        elif kind == "reset":
            threading.Thread(target=killer.reset_total, daemon=True).start()
        else:
            name = killer.do(kind)
            print(f"{time.monotonic() - begun:7.1f} s  {name}", flush=True)
    killer.empty()
    scene.stop_posting()
    # Whatever was stopped goes on by itself.
    time.sleep(max(0.0, *(program.stopped_until - time.monotonic() for program in scene.killed.values())))
    secret.dump_cores()
    secret.search_soon()

    verdict = holds.Verdict()
    deadline = sum(windows) + 90
    settled = settle(scene, deadline)
    verdict.expect(f"not everything had an end {deadline} s after the last bounty", settled)
    secret.wait()
    parameters, _ = ask(scene.port, "/bounties/parameters", account=scene.account)
    scene.fee = int(parameters["assertion_fee"])
    chain = holds.Chain(scene)
    holds.bounties(scene, chain, verdict)
    holds.limits(scene, chain, verdict)
    if tightness == "tight":
        most = verdict.counts["most_hour"] / 1e18
        verdict.expect(f"only {most} NCT were signed, so no limit was tried", most > float(limits["hour"]) - 1.5)
    ended = {name: status for name, status in scene.end().items() if status != 0}
    verdict.expect("programs did not end well when they were asked to", set(ended) <= {"signer"}, str(ended))
    closing = scene.close_market()
    us = holds.ledger(scene, closing, verdict)
    holds.programs(scene, verdict)
    secret.files()
    secret.judge(verdict)
    time.sleep(1)
    left = descendants(os.getpid())
    verdict.expect("processes are left", not left, str(left))

    counts = verdict.counts
    print("   " + ", ".join(f"{number} {name}" for name, number in sorted(killer.done.items())))
    print(
        f"   {counts['bounties']} bounties taken: {counts['settled']} asserted, revealed and settled, {counts['void']} void, "
        f"{counts['withheld']} withheld, {counts['expired']} expired, {counts['refused']} refused; "
        f"{us['right']} verdicts right, {us['wrong']} wrong; staked {us['staked']}, profit {us['profit']} NCT"
    )
    print(
        f"   {counts['transactions']} transactions, reverted: {us['reverted']}, refused: {us['refused']}; most signed: "
        + ", ".join(f"{counts[f'most_{name}'] / 1e18:.3f} of {limits[name]} NCT ({name})" for name in limits)
        + f", {counts['resets']} resets"
    )
    for line in secret.told:
        print(f"   {line}")
    return verdict.wrong, killer.done, counts


def main():
    programs, directory = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    kills = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.SystemRandom().randrange(1 << 32)
    tightness = sys.argv[5] if len(sys.argv) > 5 else "tight"
    print(f"{kills} kills, seed {seed}, {tightness} limits", flush=True)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    # Who loses its parent becomes ours, so that nothing is left behind unseen; and whoever may dump core does.
    faulthandler.register(signal.SIGUSR1)
    pr_set_child_subreaper = 36
    ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))
    try:
        wrong, done, counts = run(programs, directory, kills, seed, tightness)
    finally:
        for process in descendants(os.getpid()):
            try:
                os.kill(process, signal.SIGKILL)
            except OSError:
                pass
    total = sum(done.values())
    if counts["payouts by the rules"]:
        print(f"   {counts['payouts by the rules']} payouts follow from the rules: their transactions were not seen")
    if wrong:
        for what in wrong[:40]:
            print(f"FAILED: {what}")
        sys.exit(f"{len(wrong)} things do not hold after {total} kills (seed {seed}); see {directory}")
    print(
        f"{total} kills ({sum(n for name, n in done.items() if name.startswith('SIGSTOP'))} of them SIGSTOP for "
        f"{STOP_SECONDS} s), {counts['bounties']} bounties, {counts['asserted']} asserted: none lost, none asserted twice, "
        "no reveal missed, limits kept, profit to the unit: all holds"
    )


if __name__ == "__main__":
    main()
