"""Runs of benches/queue.sh: see there."""
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request

import asyncio
import aioredis

bin_, jobs, rules, target, tests = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5]
work = tempfile.mkdtemp()
tick = os.sysconf('SC_CLK_TCK')
processes = []


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def start(*arguments, **environment):
    log = open(os.path.join(work, 'log'), 'ab')
    process = subprocess.Popen(arguments, env={**os.environ, **environment}, stdout=log, stderr=log)
    processes.append(process)
    return process


def stop(*several):
    for process in several:
        process.send_signal(signal.SIGTERM)
    for process in several:
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        processes.remove(process)


def cpu(*several):
    """Processor seconds of these processes, their children that ended, and those that run."""
    children = {}
    stats = {}
    for path in pathlib.Path('/proc').glob('[0-9]*/stat'):
        try:
            fields = path.read_text().rsplit(')', 1)[1].split()
        except OSError:
            continue
        pid = int(path.parent.name)
        stats[pid] = sum(map(int, fields[11:15])) / tick
        children.setdefault(int(fields[1]), []).append(pid)
    waiting, total = [process.pid for process in several], 0.0
    while waiting:
        pid = waiting.pop()
        total += stats.get(pid, 0.0)
        waiting += children.get(pid, [])
    return total


def alone(process):
    """Processor seconds of this process without its children."""
    fields = pathlib.Path('/proc/%d/stat' % process.pid).read_text().rsplit(')', 1)[1].split()
    return sum(map(int, fields[11:13])) / tick


def busiest(process):
    """Name and processor seconds of the thread of this process that has used most."""
    threads = []
    for path in pathlib.Path('/proc/%d/task' % process.pid).glob('*/stat'):
        name, fields = path.read_text().split('(', 1)[1].rsplit(')', 1)
        threads.append((sum(map(int, fields.split()[11:13])) / tick, name))
    return max(threads)


def asked(*command):
    """What Redis answers."""
    return subprocess.check_output(('redis-cli', '-p', str(redis_port), *command)).decode()


redis_port, artifacts_port = free_port(), free_port()
# Programs of about 64 KiB, and a text that triage declines.
programs = [path for path in sorted(pathlib.Path('/usr/bin').iterdir())
            if path.is_file() and 55_000 < path.stat().st_size < 75_000 and path.read_bytes()[:4] == b'\x7fELF']
text = os.path.join(work, 'text')
pathlib.Path(text).write_bytes(b'nothing to see here\n' * 3_200)


async def push(queue, count):
    """All jobs at once, and the time until all are answered."""
    redis = await aioredis.create_redis_pool('redis://127.0.0.1:%d' % redis_port)
    began = time.time()
    for number in range(count):
        job = {'polyswarmd_uri': 'http://127.0.0.1:%d' % artifacts_port, 'guid': 'g%d' % number, 'index': 1,
               'uri': 'Qm', 'artifact_type': 0, 'duration': 900, 'metadata': None, 'chain': 'side', 'ts': int(began)}
        await redis.rpush(queue, json.dumps(job))
    answered = 0
    while answered < count and time.time() < began + 600:
        await asyncio.sleep(.05)
        answered = sum(await asyncio.gather(*[redis.exists('%s_g%d_side_results' % (queue, n)) for n in range(count)]))
    took = time.time() - began
    await redis.flushdb()
    redis.close()
    return answered, took


def run(name, commands, count, artifact, *server, **environment):
    server = start(sys.executable, os.path.join(tests, 'artifacts.py'), str(artifacts_port), artifact, *server)
    consumers = [start(*command, **environment) for command in commands]
    time.sleep(1)
    loop = asyncio.get_event_loop()
    loop.run_until_complete(push('bench', min(count, 20)))  # warm
    before = cpu(*consumers)
    answered, took = loop.run_until_complete(push('bench', count))
    used = cpu(*consumers) - before
    stop(server, *consumers)
    print(json.dumps({'run': name, 'consumers': len(commands), 'jobs': count, 'answered': answered,
                      'cpu_ms_per_job': round(1000 * used / count, 2), 'jobs_per_second': round(count / took, 1)}), flush=True)


def ours(number, *more):
    return [os.path.join(bin_, 'stakeout'), 'consume', '--redis-addr', '127.0.0.1:%d' % redis_port, '--queue', 'bench',
            '--dialect', 'polyswarm', '--name', 'n%d' % number, '--workers', '1', '--allow-network', '127.0.0.0/8',
            '--no-shipped-rules', '--rules', rules, '--rules-cache', os.path.join(target, 'cache', 'bench-rules'),
            '--liveness-file', os.path.join(work, 'liveness%d' % number), '--log-level', 'warn', *more]


def theirs(_):
    return [os.path.join(os.path.dirname(sys.executable), 'worker'), '--redis-addr', '127.0.0.1:%d' % redis_port,
            '--queue', 'bench', '--backend', 'scan_backend', '--download-limit', '8', '--scan-limit', '8']


def posted(admin):
    """Metrics of the frontend, by name without labels."""
    with urllib.request.urlopen('http://127.0.0.1:%d/metrics' % admin) as reply:
        lines = [line.rsplit(' ', 1) for line in reply.read().decode().splitlines() if line and line[0] != '#']
    return {name: float(value) for name, value in lines if '{' not in name}


def frontend(name, queue, count, artifact, consumers):
    """What a bounty costs the frontend itself, Redis and the consumers."""
    webhook, admin, market, handed = free_port(), free_port(), free_port(), free_port()
    folder = tempfile.mkdtemp(dir=work)
    config = os.path.join(folder, 'stakeout.toml')
    pathlib.Path(config).write_text('''
webhook.listen = "127.0.0.1:%d"
admin.listen = "127.0.0.1:%d"
answers.hosts = ["http://127.0.0.1:%d"]
intake.allow_networks = ["127.0.0.0/8"]
archive.directory = "%s"
scan = { workers = 1, shipped_rules = false, rules = ["%s"], rules_cache = "%s" }
log.level = "warn"
market = { stake_hour_max = "none", stake_day_max = "none", stake_open_max = "none" }
%s
''' % (webhook, admin, market, os.path.join(folder, 'archive'), rules, os.path.join(target, 'cache', 'bench-rules'),
       queue.format(redis=redis_port, handed=handed)))
    os.mkdir(os.path.join(folder, 'archive'), 0o700)
    daemon = start(os.path.join(bin_, 'stakeout'), 'daemon', '--config', config, STAKEOUT_WEBHOOK_SECRET='bench')
    behind = [start(*command) for command in consumers]
    for _ in range(600):
        try:
            urllib.request.urlopen('http://127.0.0.1:%d/ready' % admin).close()
            break
        except OSError:
            time.sleep(.1)

    def market_posts(number):
        command = (sys.executable, os.path.join(tests, 'market.py'), str(market), 'http://127.0.0.1:%d/' % webhook, 'bench',
                   str(number), '60', artifact, '0', 'elf')
        return json.loads(subprocess.check_output(command))

    market_posts(20)  # warm
    time.sleep(1)
    before = alone(daemon), cpu(daemon), alone(redis), cpu(*behind) if behind else 0.0
    busy = busiest(daemon)
    metrics, net = posted(admin), asked('info', 'stats')
    answered = market_posts(count)
    after = alone(daemon), cpu(daemon), alone(redis), cpu(*behind) if behind else 0.0
    busy = (busiest(daemon)[0] - busy[0], busiest(daemon)[1])
    metrics = {key: value - metrics.get(key, 0.0) for key, value in posted(admin).items()}
    moved = [int(line.split(':')[1]) for text in (net, asked('info', 'stats')) for line in text.splitlines()
             if line.startswith(('total_net_input_bytes', 'total_net_output_bytes'))]
    status = dict(line.split(':', 1) for line in pathlib.Path('/proc/%d/status' % daemon.pid).read_text().splitlines())
    stop(daemon, *behind)
    # Without its log, which is as large as the last commits were many.
    journal = sqlite3.connect(os.path.join(folder, 'archive', 'journal.sqlite'))
    pages, of_size = (journal.execute('pragma ' + what).fetchone()[0] for what in ('page_count', 'page_size'))
    free = journal.execute('pragma freelist_count').fetchone()[0]
    journal.close()
    of_each = [round(1000 * (later - sooner) / count, 3) for sooner, later in zip(before, after)]
    print(json.dumps({
        'run': name, 'bounties': count, 'answered': answered['answered'], 'seen': answered['seen'],
        'bounties_per_second': round(count / (answered['took'] - 1), 1),
        'frontend_cpu_ms': of_each[0], 'its_workers_cpu_ms': round(of_each[1] - of_each[0], 3), 'redis_cpu_ms': of_each[2],
        'consumers_cpu_ms': of_each[3], 'commits': round(metrics.get('stakeout_journal_commit_seconds_count', 0.0) / count, 2),
        'redis_bytes_in': round((moved[2] - moved[0]) / count),
        'redis_bytes_out': round((moved[3] - moved[1]) / count), 'busiest_thread': busy[1],
        'busiest_thread_cpu_ms': round(1000 * busy[0] / count, 3), 'journal_bytes': round((pages - free) * of_size / (count + 20)), 'frontend_rss_kib': int(status['VmRSS'].split()[0]),
        'redis_memory': [line for line in asked('info', 'memory').splitlines() if line.startswith('used_memory_peak:')]}),
        flush=True)
    asked('flushall')


def streams(number):
    return [os.path.join(bin_, 'stakeout'), 'consume', '--redis-addr', '127.0.0.1:%d' % redis_port, '--queue', 'stakeout',
            '--name', 's%d' % number, '--workers', '1', '--allow-network', '127.0.0.0/8', '--no-shipped-rules', '--rules', rules,
            '--rules-cache', os.path.join(target, 'cache', 'bench-rules'), '--log-level', 'warn',
            '--liveness-file', os.path.join(work, 'liveness-s%d' % number)]


def frontends(elf):
    """The same bounties, scanned by workers of the frontend, and by consumers."""
    count = max(jobs, 1_000)
    frontend('frontend that scans itself', '', count, elf, [])
    queue = '''[queue]
redis = "127.0.0.1:{redis}"
local = "never"
artifacts_listen = "127.0.0.1:{handed}"
artifacts_url = "http://127.0.0.1:{handed}"'''
    frontend('frontend with a queue, artifacts from its store', queue, count, elf, [streams(0)])
    frontend('frontend with a queue, artifacts by reference', queue + '\nartifacts = "reference"', count, elf, [streams(0)])


# As docs/queue.md says, but that a queue need not outlive the measurement by a second.
redis = start('redis-server', '--port', str(redis_port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'yes', '--dir', work)
time.sleep(1)
try:
    elf = str(programs[0])
    frontends(elf)
    if os.environ.get('ONLY') == 'frontend':
        sys.exit()
    for artifact, what in ((elf, 'a program of %d KiB' % (os.path.getsize(elf) >> 10)), (text, 'a text that triage declines')):
        for count in (1, 2):
            for server in ((), ('close',)):
                name = what + (', a connection for each' if server else '')
                run('stakeout consume, %s' % name, [ours(number) for number in range(count)], jobs, artifact, *server)
                run('Python worker, %s' % name, [theirs(number) for number in range(count)], jobs, artifact, *server,
                    RULES=rules, PYTHONPATH=tests, TMPDIR=work)
    for count in (1, 2, 4, 8):
        run('Python worker that sleeps 0.2 s, 8 at once', [theirs(number) for number in range(count)], jobs, elf,
            SCAN_SECONDS='0.2', PYTHONPATH=tests, TMPDIR=work)
    example = os.path.join(bin_, 'examples', 'queue_load')
    for count in (1, 2, 4, 8):
        address = '127.0.0.1:%d' % redis_port
        consumers = [start(example, 'consume', address, 'n%d' % number, '200', '8') for number in range(count)]
        time.sleep(1)
        before = cpu(*consumers)
        out = json.loads(subprocess.check_output([example, 'produce', address, str(jobs)]))
        out.update(run='streams, a scan that sleeps 0.2 s, 8 at once', consumers=count,
                   consumer_cpu_ms_per_job=round(1000 * (cpu(*consumers) - before) / jobs, 2))
        stop(*consumers)
        print(json.dumps(out), flush=True)
finally:
    for process in processes:
        process.kill()
    shutil.rmtree(work, ignore_errors=True)
