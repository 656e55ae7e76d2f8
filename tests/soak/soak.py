"""Soak: many scans in one process, many bounties through one daemon; memory, descriptors and threads must stay flat.

    soak.py PROGRAMS DIRECTORY [--scans N] [--bounties N]

PROGRAMS is a folder of built programs with `examples/` in it. Prints a line for each thing that was watched, and writes a
plot of each to DIRECTORY. Ends with 1 if something grew, or a bounty was lost. Counts that are long enough to tell: a
million scans and 20,000 bounties.
"""

import argparse
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request

PAUSE = 0.1  # seconds
# Of what is there in the second third. Memory settles late: arenas, caches of the database.
MEMORY_GROWTH_MAX = 0.10
MEMORY_SLACK = 24 << 20
COUNT_SLACK = 4


def processes(root):
    """The process and all below it."""
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        try:
            for task in os.listdir(f'/proc/{pid}/task'):
                todo += [int(child) for child in pathlib.Path(f'/proc/{pid}/task/{task}/children').read_text().split()]
        except OSError:
            pass
    return found


def sample(root):
    memory = descriptors = threads = 0
    for pid in processes(root):
        try:
            status = dict(line.split(':', 1) for line in pathlib.Path(f'/proc/{pid}/status').read_text().splitlines() if ':' in line)
            # What it shares with its template counts there once.
            memory += int(status.get('RssAnon', '0 kB').split()[0]) << 10
            threads += int(status.get('Threads', '0'))
            descriptors += len(os.listdir(f'/proc/{pid}/fd'))
        except (OSError, ValueError):
            pass  # it has just ended
    return time.monotonic(), memory, descriptors, threads


class Watch:
    """Samples a process until told to stop."""

    def __init__(self, pid):
        self.pid, self.samples, self.ends = pid, [], threading.Event()
        # Whatever fails before it is stopped must not wait for it.
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ends.is_set():
            taken = sample(self.pid)
            if taken[1]:
                self.samples.append(taken)
            self.ends.wait(PAUSE)

    def stop(self):
        self.ends.set()
        self.thread.join()
        return self.samples


def median(values):
    values = sorted(values)
    return values[len(values) // 2]


def slope(times, values):
    """Least squares, per hour."""
    n, mean_t, mean_v = len(times), sum(times) / len(times), sum(values) / len(values)
    spread = sum((t - mean_t) ** 2 for t in times) or 1.0
    return 3600 * sum((times[i] - mean_t) * (values[i] - mean_v) for i in range(n)) / spread


def plot(path, title, times, values):
    low, high = 0, max(values) * 1.1 or 1
    width, height = 720, 240
    points = ' '.join(f'{40 + (width - 60) * (t - times[0]) / max(times[-1] - times[0], 1e-9):.1f},{height - 30 - (height - 60) * (v - low) / (high - low):.1f}' for t, v in zip(times, values))
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
                    f'<text x="40" y="18">{title}: 0 to {high:.4g}, {times[-1] - times[0]:.0f} s</text><polyline points="{points}" fill="none" stroke="#06c"/><path d="M40 30V{height - 30}H{width - 20}" fill="none" stroke="#888"/></svg>\n')


def judge(what, samples, directory):
    """Whether what was watched stays flat: the last third beside the second, for the first is a start. Of memory the median
    is compared; of descriptors and threads the lowest, for those of work under way come and go, and what is leaked stays."""
    times = [s[0] for s in samples]
    third = len(samples) // 3
    if third < 3:
        print(f'{what}: only {len(samples)} samples: too short to tell')
        return False
    flat = True
    for name, place, unit, typical, slack, share in (('memory', 1, 1 << 20, median, MEMORY_SLACK, MEMORY_GROWTH_MAX), ('descriptors', 2, 1, min, COUNT_SLACK, 0), ('threads', 3, 1, min, COUNT_SLACK, 0)):
        values = [s[place] for s in samples]
        before, after = typical(values[third:2 * third]), typical(values[2 * third:])
        holds = after <= before * (1 + share) + slack
        flat &= holds
        plot(directory / f'{what}-{name}.svg', f'{what}: {name}', times, [v / unit for v in values])
        print(f'{what}: {name}: second third {before / unit:.0f}, last third {after / unit:.0f}, highest {max(values) / unit:.0f}'
              f'{" MiB" if unit > 1 else ""}, {slope(times[third:], values[third:]) / unit:+.1f} an hour: {"flat" if holds else "GROWS"}')
    return flat


def small_artifacts(programs, directory):
    """Containers of containers and bombs have tests of their own; these are for their number."""
    folder = directory / 'samples'
    if not folder.exists():
        subprocess.run([programs / 'examples' / 'samples', folder], check=True, stdout=subprocess.DEVNULL)
    return [path for path in sorted(folder.iterdir()) if path.stat().st_size < 64 << 10 and 'itself' not in path.name and 'bomb' not in path.name]


def scans(programs, directory, count):
    files = small_artifacts(programs, directory)
    lines = directory / 'list'
    with open(lines, 'w') as file:
        for number in range(count):
            file.write(f'{files[number % len(files)]}\n')
    began = time.monotonic()
    scan = subprocess.Popen([programs / 'stakeout', 'scan', '--ndjson', '--files-from', lines], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    watch, told, verdicts, steady = Watch(scan.pid), 0, {}, True
    for line in scan.stdout:
        record = json.loads(line)
        if record.get('type') == 'file':
            told += 1
            known = verdicts.setdefault(record['path'], record['verdict'])
            if known != record['verdict']:
                print(f'scans: {record["path"]} was {known}, and is {record["verdict"]} now')
                steady = False
    scan.wait()
    samples, took = watch.stop(), time.monotonic() - began
    print(f'scans: {told} of {count} files told in {took:.0f} s, {told / took:.0f} a second, exit {scan.returncode}')
    lines.unlink()
    return judge('scans', samples, directory) and steady and told == count and scan.returncode in (0, 1, 2)


def port():
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return listener.getsockname()[1]


def ready(admin):
    for _ in range(300):
        try:
            if urllib.request.urlopen(f'http://127.0.0.1:{admin}/ready', timeout=2).status == 200:
                return
        except OSError:
            time.sleep(0.1)
    sys.exit('the daemon does not get ready')


def bounties(programs, directory, count):
    market, webhook, admin = port(), port(), port()
    archive = directory / 'archive'
    archive.mkdir(mode=0o700)
    config = directory / 'stakeout.toml'
    limits = ''.join(f'market.{name} = "none"\n' for name in ('stake_hour_max', 'stake_day_max', 'stake_open_max', 'loss_day_max', 'loss_row_max'))
    config.write_text(f'webhook.listen = "127.0.0.1:{webhook}"\nadmin.listen = "127.0.0.1:{admin}"\nanswers.hosts = ["http://127.0.0.1:{market}"]\n'
                      f'intake.allow_networks = ["127.0.0.0/8"]\narchive.directory = "{archive}"\nlog.level = "warn"\n{limits}')
    listed = directory / 'artifacts'
    listed.write_text(''.join(f'{path}\n' for path in small_artifacts(programs, directory)))
    daemon = subprocess.Popen([programs / 'stakeout', 'daemon', '--config', config], stderr=open(directory / 'daemon.log', 'w'), env=dict(os.environ, STAKEOUT_WEBHOOK_SECRET='a secret for a soak'))
    try:
        ready(admin)
        watch = Watch(daemon.pid)
        done = subprocess.run([programs / 'examples' / 'bounties', f'http://127.0.0.1:{webhook}/', 'a secret for a soak', listed, str(count), 'in-flight:8', str(market)], check=True, stdout=subprocess.PIPE, text=True)
        samples = watch.stop()
        told = json.loads(done.stdout)
        size = sum(path.stat().st_size for path in archive.rglob('*') if path.is_file())
        print(f'bounties: {told["answered"]} of {count} answered, {len(told["lost"])} lost, {told["conflicting"]} conflicting, {told["per_second"]:.0f} a second, p99 {told["p99_ms"]:.0f} ms; journal and artifacts {size / count:.0f} bytes a bounty')
        alive = daemon.poll() is None
        return judge('bounties', samples, directory) and alive and told['answered'] == count and not told['lost'] and not told['conflicting']
    finally:
        daemon.terminate()
        daemon.wait(60)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('programs', type=pathlib.Path)
    a.add_argument('directory', type=pathlib.Path)
    a.add_argument('--scans', type=int, default=20_000)
    a.add_argument('--bounties', type=int, default=2_000)
    o = a.parse_args()
    shutil.rmtree(o.directory, ignore_errors=True)
    o.directory.mkdir(parents=True)
    held = [scans(o.programs, o.directory, o.scans)] if o.scans else []
    held += [bounties(o.programs, o.directory, o.bounties)] if o.bounties else []
    if not all(held):
        sys.exit('the soak does not hold: see above')
    print(f'soak: {o.scans} scans and {o.bounties} bounties: all of it holds')


main()
