#!/usr/bin/env python3
"""What a scan costs as it grows: with rules, with files, with the size of a file. Prints tables.

    benches/scale.py PROGRAMS RULES_DIR FOLDER [RUNS]

PROGRAMS holds a release build of stakeout and stakeout-worker, RULES_DIR any number of rule files, FOLDER takes what is made
(1.5 GB, removed at the end) and compiled rules (kept). Processor time of all processes, medians; the start, which is measured
on one small file, is taken off where it says so.
"""

import os
import pathlib
import random
import resource
import shutil
import statistics
import subprocess
import sys

programs, rules_dir, folder = (pathlib.Path(arg) for arg in sys.argv[1:4])
runs = int(sys.argv[4]) if len(sys.argv) > 4 else 3
made = folder / "scale"
shutil.rmtree(made, ignore_errors=True)
made.mkdir(parents=True)
cache = folder / "scale-rules"
cache.mkdir(mode=0o700, exist_ok=True)


def scan(rules, *paths):
    """Processor and wall seconds: the median of the runs, after one that is not counted."""
    command = [programs / "stakeout", "scan", "-j2", "--quiet", "--max-size", "2G", "--max-time", "300"]
    command += ["--no-yara"] if rules is None else ["--no-shipped-rules", "--rules-cache", cache, "--rules", rules]
    times = []
    for _ in range(runs + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        clock = os.times().elapsed
        done = subprocess.run([*command, *paths], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        if done.returncode not in (0, 1, 2):
            sys.exit(f"stakeout ended with {done.returncode}: {done.stderr.decode()}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        times.append((cpu, os.times().elapsed - clock))
    return [statistics.median(column) for column in zip(*times[1:])]


def rule_files(wanted):
    """A folder with so many rules of RULES_DIR, taken file by file in an order that is always the same."""
    files = sorted(path for path in rules_dir.rglob("*") if path.suffix in (".yar", ".yara"))
    random.Random(1).shuffle(files)
    target, count = made / f"rules-{wanted}", 0
    target.mkdir()
    for number, path in enumerate(files):
        text = path.read_bytes()
        rules = sum(line.startswith((b"rule ", b"private rule ")) for line in text.splitlines())
        # An included file is not there.
        if b'include "' in text or count + rules > wanted:
            continue
        (target / f"{number}.yar").write_bytes(text)
        count += rules
    return target, count


def small_files(target, count):
    """Texts, scripts and programs of 2 to 30 KB: pieces of real files, each unlike any other."""
    sources = [path for path in pathlib.Path("/usr/share/doc").rglob("*") if path.is_file()][:2000]
    sources += [path for path in pathlib.Path("/usr/bin").iterdir() if path.is_file()][:400]
    chance = random.Random(2)
    texts = [path.read_bytes()[:30_000] for path in sources if path.stat().st_size > 2_000]
    for number in range(count):
        place = target / f"{number // 1000:03}"
        place.mkdir(parents=True, exist_ok=True)
        text = chance.choice(texts)
        (place / str(number)).write_bytes(text[:chance.randrange(2_000, len(text) + 1)] + str(number).encode())
    return target


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |", flush=True)
    print()


one = made / "one"
one.write_bytes(b"abc")
thousand = small_files(made / "files-1000", 1_000)

rows, sets = [], []
for wanted in (0, 100, 1_000, 3_000, 10_000, 30_000):
    target, count = rule_files(wanted) if wanted else (None, 0)
    if sets and count == sets[-1][1]:
        break
    sets.append((target, count))
    start, files = scan(target, one)[0], scan(target, thousand)[0]
    # So many seconds for a thousand are as many milliseconds for each.
    rows.append((f"{count:,}", f"{start * 1e3:.0f}", f"{files - start:.3f}"))
table(("rules", "start, ms", "1,000 small files after it, ms each"), rows)

most = sets[-1][0]
start = scan(most, one)[0]
rows = []
for count in (1_000, 10_000, 100_000):
    target = thousand if count == 1_000 else small_files(made / f"files-{count}", count)
    cpu, wall = scan(most, target)
    alone = scan(None, target)[0]
    rows.append((f"{count:,}", f"{wall:.2f}", f"{(cpu - start) / count * 1e3:.3f}", f"{alone / count * 1e3:.3f}"))
    if count > 1_000:
        shutil.rmtree(target)
table(("small files", "wall, s", "ms each, without the start", "without rules, ms each"), rows)

rows = []
source = max((path for path in pathlib.Path("/usr/lib").rglob("*.so*") if path.is_file() and not path.is_symlink()),
             key=lambda path: path.stat().st_size).read_bytes()
for size in (4 << 10, 64 << 10, 1 << 20, 16 << 20, 256 << 20, 1 << 30):
    # The first byte makes it no program: one whose end is missing is not examined as others are.
    path = made / "sized"
    text = b"#" + (source * (size // len(source) + 1))[:size - 1]
    path.write_bytes(text)
    cpu, wall = scan(most, path)
    spent = max(cpu - start, 0)
    # A small file takes less than the start differs by.
    each = f"{spent / size * 1e9:.1f}" if size >= 1 << 20 else ""
    rows.append((f"{size >> 10:,}", f"{wall * 1e3:.0f}", f"{spent * 1e3:.1f}", each))
table(("KiB", "wall, ms", "without the start, ms", "ns a byte"), rows)
shutil.rmtree(made)
