"""Runs the peers side by side and prints one table. Called by peers.sh, which builds and installs them.

Runs are interleaved, so that what else the machine does falls on all alike, and medians are compared. The time
of a program is user plus system time of the reaped process (and wall time where the disk is waited for).
"""

import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

RUNS = int(os.environ.get("RUNS", "5"))
FILES = int(os.environ.get("FILES", "20000"))
DROP = "/proc/sys/vm/drop_caches"
bins = pathlib.Path(sys.argv[1])
stakeout, python = sys.argv[2], sys.argv[3]
rows, skipped = [], []


def run(command):
    """One run: (wall, user + system) in seconds, and what it printed. None if it failed outright."""
    with tempfile.TemporaryFile() as out:
        begun = time.perf_counter()
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        # stakeout answers 1 when it found something, and 2 when a file could not be read.
        if child.returncode not in (0, 1, 2):
            why = f"{pathlib.Path(command[0]).name} {command[1]} ended with {child.returncode}"
            if why not in skipped:
                skipped.append(why)
            return None
        out.seek(0)
        return wall, usage.ru_utime + usage.ru_stime, out.read()


def interleaved(commands, before=lambda command: None):
    """Median (wall, cpu) and the last output for each command, or None where it failed."""
    runs = {name: [] for name in commands}
    for _ in range(RUNS):
        for name, command in commands.items():
            before(command)
            runs[name].append(run(command))
    return {
        name: None if None in all_of else (
            statistics.median(one[0] for one in all_of), statistics.median(one[1] for one in all_of), all_of[-1][2])
        for name, all_of in runs.items()
    }


def row(case, program, files, seconds, against, bar):
    ratio = f"{seconds / files / against:.3g}" if against else ""
    rows.append((case, program, files, f"{seconds / files * 1e6:,.1f}", ratio, bar))


def drop_caches(command):
    os.sync()
    pathlib.Path(DROP).write_text("3")
    # The program itself and its libraries are not what is measured.
    subprocess.run([command[0], "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def directories(wanted):
    """Whole directories of /usr, in an order that is always the same, until they hold `wanted` files."""
    below = sorted(str(two) for one in pathlib.Path("/usr").iterdir() if one.is_dir() and not one.is_symlink()
                   for two in one.iterdir() if two.is_dir() and not two.is_symlink())
    random.Random(1).shuffle(below)
    taken, found = [], 0
    for directory in below:
        here = sum(len(names) for _, _, names in os.walk(directory))
        if 0 < here <= wanted / 4:
            taken.append(directory)
            found += here
        if found >= wanted:
            break
    return taken


def files_below(paths, keep, most):
    found = []
    for path in paths:
        for directory, _, names in os.walk(path):
            found += [os.path.join(directory, name) for name in sorted(names)]
    random.Random(2).shuffle(found)
    kept = []
    for path in found:
        if len(kept) == most:
            break
        try:
            with open(path, "rb") as file:
                head = file.read(4)
            if os.path.isfile(path) and not os.path.islink(path) and "\n" not in path and keep(path, head):
                kept.append(path)
        except OSError:
            pass
    return kept


def triage_warm(below):
    floor = [str(bins / "floor"), *below]
    ours = [stakeout, "triage", "--io", "plain", *below]
    auto = [stakeout, "triage", *below]
    listed = files_below(below, lambda path, head: True, 2000)
    commands = {"floor: walk, open, fstat, pread 4 KiB, close": floor, "stakeout triage": auto,
                "stakeout triage --io plain": ours}
    with tempfile.NamedTemporaryFile("w", suffix=".list") as list_file:
        list_file.write("\n".join(listed) + "\n")
        list_file.flush()
        if shutil.which("file"):
            commands["file (2,000 of them)"] = ["file", "-b", "-f", list_file.name]
        else:
            skipped.append("`file` is not installed: apt-get install file")
        run(floor)
        done = interleaved(commands)
    of_floor = done["floor: walk, open, fstat, pread 4 KiB, close"]
    if of_floor is None:
        skipped.append("triage, warm: the floor failed")
        return
    files = int(of_floor[2].split()[0])
    per_file = of_floor[1] / files
    for name, result in done.items():
        if result:
            count = len(listed) if name.startswith("file") else files
            bar = "1.25" if name.startswith("stakeout") else ""
            row("triage, warm, CPU", name, count, result[1], per_file, bar)


def triage_cold(below):
    if not os.access(DROP, os.W_OK):
        skipped.append(f"triage, cold: needs root to write {DROP}")
        return
    floor = "floor: io_uring, 64 in flight"
    done = interleaved({
        floor: [str(bins / "floor_uring"), *below],
        "stakeout triage": [stakeout, "triage", *below],
        "stakeout triage --io plain": [stakeout, "triage", "--io", "plain", *below],
    }, drop_caches)
    if done[floor] is None:
        # It says so by ending with 3.
        skipped.append("triage, cold: this machine forbids io_uring, so there is no floor")
        return
    files = int(done[floor][2].split()[0])
    for name, result in done.items():
        if result:
            row("triage, cold, wall", name, files, result[0], done[floor][0] / files, "1.5" if name == "stakeout triage" else "")


def examination(case, program, script, paths):
    if not paths:
        skipped.append(f"{case}: no files found" + (": set PE_DIR to a folder of PE files" if "PE" in case else ""))
        return
    if not python:
        skipped.append(f"{case}: no Python environment with {program}")
        return
    with tempfile.NamedTemporaryFile("w", suffix=".list") as list_file:
        list_file.write("\n".join(paths) + "\n")
        list_file.flush()
        scan = [stakeout, "scan", "--in-process", "--no-yara", "--threads", "1", "--all"]
        done = interleaved({
            "start": [*scan, "--files-from", os.devnull],
            "scan": [*scan, "--files-from", list_file.name],
            "with SHA-256": [stakeout, "scan", "--in-process", "--no-yara", "--threads", "1", "--ndjson", "--files-from", list_file.name],
            program: [python, script, list_file.name],
        })
    if None in done.values() or not done[program][2]:
        skipped.append(f"{case}: a program failed")
        return
    # The peer's own clock, without the start of Python; so ours is taken without its start too.
    seconds, parsed = done[program][2].split()
    per_file = float(seconds) / len(paths)
    start = done["start"][1]
    row(case, f"{program} ({int(parsed)} parsed)", len(paths), float(seconds), per_file, "")
    row(case, "stakeout scan --threads 1", len(paths), done["scan"][1] - start, per_file, "0.033")
    row(case, "the same, and SHA-256 and JSON", len(paths), done["with SHA-256"][1] - start, per_file, "")


below = directories(FILES)
here = pathlib.Path(__file__).parent
triage_warm(below)
triage_cold(below)
# Elsewhere MZ alone is too little to open every file for; in a folder that was given, names mean nothing.
pe_suffixes = "" if "PE_DIR" in os.environ else (".exe", ".dll", ".sys", ".pyd", ".efi")
pe_roots = [os.environ["PE_DIR"]] if "PE_DIR" in os.environ else ["/usr", "/opt", os.path.expanduser("~")]
small = 20 << 20
pes = files_below(pe_roots, lambda path, head: head[:2] == b"MZ" and path.lower().endswith(pe_suffixes)
                  and os.path.getsize(path) <= small, 100)
examination("PE examination, CPU", "pefile, full, imphash", here / "pefile_pass.py", pes)
for what, roots in (("ELF programs, CPU", ["/usr/bin", "/usr/sbin"]), ("ELF libraries, CPU", ["/usr/lib"])):
    elves = files_below(roots, lambda path, head: head == b"\x7fELF" and os.path.getsize(path) <= small, 100)
    examination(what, "pyelftools", here / "elftools_pass.py", elves)

head = ("case", "program", "files", "us a file", "ratio", "bar")
widths = [max(len(str(line[i])) for line in [head, *rows]) for i in range(len(head))]
for line in [head, ["-" * width for width in widths], *rows]:
    print("| " + " | ".join(str(cell).ljust(width) for cell, width in zip(line, widths)) + " |")
print(f"\nMedians of {RUNS} interleaved runs. Ratio: to the first line of the case. Bar: what the ratio should not exceed.")
print(f"Skipped: {len(skipped)}")
for why in skipped:
    print(f"  {why}")
