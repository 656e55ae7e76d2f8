"""Runs of benches/queue.sh: see there."""
import json
import os
import pathlib
import shutil
import signal
import socket
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


def run(name, commands, count, artifact, **environment):
    server = start(sys.executable, os.path.join(tests, 'artifacts.py'), str(artifacts_port), artifact)
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


redis = start('redis-server', '--port', str(redis_port), '--bind', '127.0.0.1', '--save', '', '--dir', work)
time.sleep(1)
try:
    elf = str(programs[0])
    for artifact, what in ((elf, 'a program of %d KiB' % (os.path.getsize(elf) >> 10)), (text, 'a text that triage declines')):
        for count in (1, 2):
            run('stakeout consume, %s' % what, [ours(number) for number in range(count)], jobs, artifact)
            run('Python worker, %s' % what, [theirs(number) for number in range(count)], jobs, artifact,
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
