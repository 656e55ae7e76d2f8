"""The signer's key and passphrase: searched for in every process but the signer, in core dumps, and in all files.

While the signer signs, /proc of every process of the run is read: memory, environment, command line. Daemon, worker,
consumer and Redis are made to dump core. Controls: the same search finds the key in the signer, where the test may read its
memory, and in a process that holds a copy on purpose; and what the signer must refuse, others do not refuse.
"""

import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import threading
import time

from programs import descendants

HERE = pathlib.Path(__file__).resolve().parent
# How long memory is searched each time, at the most, and until how many signatures.
SEARCH_SECONDS, SIGNED_MIN = 20, 5


def peek(process, user=None):
    """Reads the beginning of a process's memory, as another user perhaps; what came of it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        told = "?"
        try:
            if user is not None:
                os.setgroups([])
                os.setresgid(user[1], user[1], user[1])
                os.setresuid(user[0], user[0], user[0])
            with open(f"/proc/{process}/maps") as maps:
                start = int(maps.readline().split("-")[0], 16)
            with open(f"/proc/{process}/mem", "rb", buffering=0) as memory:
                memory.seek(start)
                told = f"read {len(memory.read(16))} bytes"
        except OSError as error:
            told = type(error).__name__
        finally:
            os.write(writer, told.encode())
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        told = pipe.read().decode()
    os.waitpid(child, 0)
    return told


class Secret:
    """What is known of where the key is."""

    def __init__(self, scene):
        self.scene = scene
        self.told, self.wrong = [], []
        self.hits = []
        self.refused = 0
        self.searches = []
        self.seen = []
        self.threads = []
        self.lock = threading.Lock()

    def expect(self, what, is_right, told=""):
        if not is_right:
            self.wrong.append(f"{what}: {told}")

    def ask(self, processes=(), files=()):
        """What the search finds, in a process of its own."""
        question = {"key": self.scene.key.hex(), "passphrase": self.scene.passphrase, "seen": self.seen}
        question.update(processes=list(processes), files=[str(path) for path in files])
        asked = subprocess.run(
            [sys.executable, HERE / "search.py"], input=json.dumps(question).encode(), capture_output=True, check=False
        )
        if asked.returncode != 0:
            sys.exit(f"FAILED: the search: {asked.stderr.decode()}")
        return json.loads(asked.stdout)

    def controls(self):
        """That the search finds what is there, and that the signer lets nobody look."""
        scene = self.scene
        holder = subprocess.Popen(
            [sys.executable, "-c", "import sys, time; held = sys.stdin.buffer.read(); print(len(held), flush=True); time.sleep(600)"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        holder.stdin.write(scene.key)
        holder.stdin.close()
        holder.stdout.readline()
        found = self.ask([holder.pid])["processes"]
        hits = found.get(str(holder.pid), {"found": []})["found"]
        holder.kill()
        holder.wait()
        holder.stdout.close()
        self.expect("control: a planted key is not found", hits, hits)
        self.told.append(f"control: a planted key is found {len(hits)} times")
        signer = scene.signer.pid
        told = self.ask([signer])
        if str(signer) in told["processes"]:
            hits = told["processes"][str(signer)]["found"]
            self.expect("control: the key is not found in the signer", any("key" in hit for hit in hits), hits)
            self.told.append(f"control: in the signer the key is found {len(hits)} times: {', '.join(sorted(set(hits)))}")
        else:
            self.told.append("control: this user cannot read the signer's memory, which is as it must be")
        if scene.several_users:
            peeks = {name: peek(signer, scene.user[name]) for name in ("signer", "daemon", "others")}
            control = peek(scene.daemon.pid, scene.user["daemon"])
        elif os.getuid() != 0:
            peeks = {"same user": peek(signer)}
            control = peek(scene.daemon.pid)
        else:
            self.told.append("SKIPPED: memory of the signer as another user: other users cannot come to the directory of the test")
            return
        self.expect("others can read the signer's memory", set(peeks.values()) == {"PermissionError"}, peeks)
        self.expect("control: the daemon's user cannot read the daemon's memory", control.startswith("read"), control)
        self.told.append(f"reading the signer's memory as: {peeks}; control, the daemon's as its own user: {control}")

    def processes(self):
        """All processes of the run but the signer, and but the searching itself."""
        signer = self.scene.signer.pid
        mine = {process for process in descendants(os.getpid()) if process != signer}
        return sorted(process for process in mine if not is_search(process))

    def search(self):
        """Again and again, until the signer has signed some more meanwhile."""
        before, end = len(self.scene.entries()), time.monotonic() + SEARCH_SECONDS
        while True:
            self.search_once()
            if len(self.scene.entries()) - before >= SIGNED_MIN or time.monotonic() > end:
                return

    def search_once(self):
        signed = len(self.scene.entries())
        told = self.ask(self.processes())
        signed = len(self.scene.entries()) - signed
        names = {}
        for found in told["processes"].values():
            names[found["name"]] = names.get(found["name"], 0) + 1
        with self.lock:
            self.seen = told["seen"]
            self.hits += [f"{found['name']}: {hit}" for found in told["processes"].values() for hit in found["found"]]
            self.refused += len(told["refused"])
            read = sum(found["bytes"] for found in told["processes"].values())
            self.searches.append((names, read, signed))

    def search_soon(self):
        """Searches while the test goes on."""
        thread = threading.Thread(target=self.search)
        thread.start()
        self.threads.append(thread)

    def wait(self):
        for thread in self.threads:
            thread.join()

    def dump_cores(self):
        """Makes each program but signer and market end by SIGABRT, and searches what it leaves."""
        scene = self.scene
        pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().strip()
        if pattern.startswith("|") or "/" in pattern or resource.getrlimit(resource.RLIMIT_CORE)[0] == 0:
            self.told.append(
                f"SKIPPED: core dumps: they go elsewhere here (kernel.core_pattern is {pattern!r}) or are not allowed; the "
                "memory of the processes is searched all the same"
            )
            return
        workers = [process for process in descendants(scene.daemon.pid)]
        for worker in workers:
            os.kill(worker, signal.SIGABRT)
        time.sleep(1)
        cores = list(scene.daemon.directory.glob("core*"))
        self.expect("workers dump core", not cores, cores)
        for program in (scene.daemon, scene.consumers[0], scene.redis, scene.signer):
            while not program.signal(signal.SIGABRT):
                time.sleep(0.05)
            process = program.process
            while process.returncode is None:
                time.sleep(0.05)
        dumped = []
        for name in ("daemon", "consumer-a", "redis", "signer"):
            # Redis goes to the directory of its data.
            places = [scene.killed[name].directory] + [scene.place / "redis"] * (name == "redis")
            cores = [path for place in places for path in place.glob("core*") if path.is_file()]
            if name == "signer":
                self.expect("the signer dumps core", not cores, cores)
                continue
            self.expect(f"{name} dumps no core", cores, "SIGABRT left none")
            for path, found in self.ask(files=cores)["files"].items():
                self.hits += [f"core of {name}: {hit}" for hit in found["found"]]
                dumped.append(f"{name} {found['bytes'] >> 20} MiB")
            for path in cores:
                path.unlink()
        self.told.append(
            f"core dumps: {', '.join(dumped)}; {len(workers)} workers of the daemon, and the signer, dump none by their own choice"
        )

    def files(self):
        """All that the run left on disk, but the file of the passphrase itself."""
        own = {self.scene.place / "signer" / name for name in ("passphrase",)}
        left = [path for path in self.scene.place.rglob("*") if path.is_file() and path not in own]
        found = self.ask(files=left)["files"]
        self.hits += [f"{path}: {hit}" for path, told in found.items() for hit in told["found"]]
        planted = self.ask(files=own)["files"]
        self.expect("control: the passphrase is not found in its file", any(told["found"] for told in planted.values()), planted)
        self.told.append(f"files searched: {len(found)}, {sum(told['bytes'] for told in found.values()) >> 20} MiB")

    def judge(self, verdict):
        signed = sum(signed for _, _, signed in self.searches)
        read = sum(read for _, read, _ in self.searches)
        most = {}
        for names, _, _ in self.searches:
            most.update({name: max(number, most.get(name, 0)) for name, number in names.items()})
        told = ", ".join(f"{number} {name}" for name, number in sorted(most.items()))
        self.told.append(
            f"memory searched {len(self.searches)} times ({told}), {read >> 20} MiB; the signer signed {signed} times meanwhile"
        )
        if self.refused:
            self.told.append(f"SKIPPED: memory of some processes: this user may not read it ({self.refused} times)")
        else:
            missing = {"stakeout", "stakeout-worker", "redis-server"} - set(most)
            verdict.expect("programs whose memory was never searched", not missing, missing)
        verdict.expect("the signer signed nothing while memory was searched", signed > 0)
        verdict.expect("the key or its passphrase was found", not self.hits, "; ".join(self.hits[:10]))
        verdict.wrong += self.wrong
        self.told.append(f"key and passphrase outside of the signer: {len(self.hits)} hits")


def is_search(process):
    try:
        with open(f"/proc/{process}/cmdline", "rb") as file:
            return b"search.py" in file.read()
    except OSError:
        return True
