"""Measures for clamd.sh, which says how to call it."""

import os
import pathlib
import random
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

bin_directory, rules_directory, runs = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
CONNECTIONS = 4
TICK = os.sysconf("SC_CLK_TCK")
END = struct.pack(">I", 0)


def stream(content):
    pieces = (content[at : at + 65_536] for at in range(0, len(content), 65_536))
    return b"zINSTREAM\0" + b"".join(struct.pack(">I", len(piece)) + piece for piece in pieces) + END


def cases():
    """Name, and the streams of one turn. Each is unlike all others, so that no cache knows it."""
    draw = random.Random(1)
    programs = []
    for path in sorted(pathlib.Path("/usr/bin").iterdir()):
        if path.is_file() and 20_000 < path.stat().st_size < 70_000 and path.open("rb").read(4) == b"\x7fELF":
            programs.append(path.read_bytes())
    words = [bytes(draw.choices(b"abcdefghijklmnopqrstuvwxyz", k=draw.randrange(2, 10))) for _ in range(5_000)]

    def text(size):
        return b" ".join(draw.choices(words, k=size // 6))[:size]

    large = text(20 << 20)
    yield "2,000 texts of 2 KiB", [stream(text(2_048)) for _ in range(2_000)]
    yield "500 programs of 20 to 70 KB", [stream(programs[n % len(programs)] + b"%d" % n) for n in range(500)]
    yield "10 texts of 20 MiB", [stream(b"%d" % n + large) for n in range(10)]


def ask(where, sent):
    client = socket.socket(socket.AF_UNIX)
    client.connect(where)
    client.sendall(sent)
    reply = b""
    while piece := client.recv(4_096):
        reply += piece
    client.close()
    return reply


def seconds(pid):
    """Processor time of a process and of all below it, also of those that have ended."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    total = sum(int(ticks) for ticks in fields[11:15]) / TICK
    for child in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for below in child.read_text().split():
            try:
                total += seconds(below)
            except FileNotFoundError:
                pass
    return total


def turn(where, pid, streams):
    """Sends all streams; seconds of processor and of the clock, and what was replied."""
    waiting, replies = iter(streams), []
    lock = threading.Lock()

    def client():
        while True:
            with lock:
                sent = next(waiting, None)
            if sent is None:
                return
            replies.append(ask(where, sent))

    before, begun = seconds(pid), time.monotonic()
    threads = [threading.Thread(target=client) for _ in range(CONNECTIONS)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return seconds(pid) - before, time.monotonic() - begun, replies


def loadable(work):
    """The rules' files that clamd loads without a word, in a directory."""
    directory = work / "rules"
    directory.mkdir()
    probe = work / "probe"
    probe.write_bytes(b"x")
    for nth, path in enumerate(sorted(rules_directory.rglob("*.yar*"))):
        if b"\nimport" in b"\n" + path.read_bytes():
            continue
        copy = directory / f"{nth}-{path.stem}.yar"
        shutil.copy(path, copy)
        said = subprocess.run(["clamscan", "--no-summary", "-d", copy, probe], capture_output=True, text=True)
        if said.returncode != 0 or said.stderr.strip():
            copy.unlink()
    return directory


def main():
    work = pathlib.Path(tempfile.mkdtemp(prefix="clamd-bench-"))
    rules = loadable(work)
    names = sum(1 for path in rules.iterdir() for line in path.read_text(errors="replace").splitlines()
                if line.lstrip().startswith(("rule ", "private rule ", "global rule ")))
    print(f"{len(list(rules.iterdir()))} files of rules, {names} rules; {CONNECTIONS} connections", file=sys.stderr)
    (work / "clamd.conf").write_text(
        f"DatabaseDirectory {rules}\nLocalSocket {work}/clamd\nForeground yes\nStreamMaxLength 100M\nMaxThreads 2\n"
        "DisableCache yes\nUser root\n" if os.geteuid() == 0 else
        f"DatabaseDirectory {rules}\nLocalSocket {work}/clamd\nForeground yes\nStreamMaxLength 100M\nMaxThreads 2\nDisableCache yes\n"
    )
    (work / "ours.toml").write_text(
        f'[admin]\nlisten = "127.0.0.1:0"\n[archive]\ndirectory = "{work}/archive"\n[log]\nlevel = "error"\n'
        f'[scan]\nworkers = 2\nrules = ["{rules}"]\nshipped_rules = false\ntime_max = "60s"\n[clamd]\nsocket = "{work}/ours"\n'
    )
    environment = {key: value for key, value in os.environ.items() if key != "STAKEOUT_WEBHOOK_SECRET"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    daemons = {
        "clamd": subprocess.Popen(["clamd", "-c", work / "clamd.conf"], **quiet),
        "ours": subprocess.Popen([bin_directory / "stakeout", "daemon", "--config", work / "ours.toml"], env=environment, **quiet),
    }
    try:
        for name in daemons:
            for _ in range(1_200):
                if (work / name).is_socket():
                    break
                time.sleep(0.1)
            assert ask(str(work / name), b"zPING\0") == b"PONG\0", name
        print("| streams | clamd, CPU ms each | stakeout, CPU ms each | ratio | clamd, streams a second | stakeout | ratio |")
        print("|---|---|---|---|---|---|---|")
        for case, streams in cases():
            figures = {name: [] for name in daemons}
            for nth in range(runs + 1):
                for name, process in daemons.items():
                    cpu, clock, replies = turn(str(work / name), process.pid, streams)
                    assert len(replies) == len(streams) and all(b"ERROR" not in reply for reply in replies), (name, replies[:3])
                    if nth:  # The first turn warms up.
                        figures[name].append((cpu / len(streams) * 1e3, len(streams) / clock))
            cpu, rate = ({name: statistics.median(run[which] for run in figures[name]) for name in daemons} for which in (0, 1))
            cpu_ratio = statistics.median(ours[0] / theirs[0] for ours, theirs in zip(figures["ours"], figures["clamd"]))
            rate_ratio = statistics.median(ours[1] / theirs[1] for ours, theirs in zip(figures["ours"], figures["clamd"]))
            print(f"| {case} | {cpu['clamd']:.2f} | {cpu['ours']:.2f} | {cpu_ratio:.2f} | {rate['clamd']:.1f} | {rate['ours']:.1f} | {rate_ratio:.2f} |", flush=True)
    finally:
        for process in daemons.values():
            process.terminate()
            process.wait()
        shutil.rmtree(work, ignore_errors=True)


main()
