"""The programs of the test, each watched as a service manager watches a unit: started again when it has ended."""

import os
import signal
import subprocess
import threading
import time

# Variables that would override what is configured.
OVERRIDING = {"BID_STRATEGY", "STAKEOUT_WEBHOOK_SECRET", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}


class Program:
    """A program that runs until it is told to end for good."""

    def __init__(self, name, command, place, user=None, groups=(), pause=1.0, before=None, environment=None):
        self.name, self.command, self.user, self.groups = name, [str(part) for part in command], user, list(groups)
        self.pause, self.before = pause, before
        self.directory = place / f"cwd-{name}"
        self.directory.mkdir(mode=0o700)
        if user is not None:
            os.chown(self.directory, *user)
        self.log = place / f"{name}.log"
        self.environment = {name: value for name, value in os.environ.items() if name not in OVERRIDING}
        self.environment.update(TMPDIR=str(self.directory), HOME=str(self.directory), **(environment or {}))
        self.lock = threading.Lock()
        self.process = None
        self.stopped_until = 0.0
        self.ending = False
        self.meant = False
        self.starts = 0
        self.unasked = []

    def start(self):
        self.launch()
        threading.Thread(target=self.watch, daemon=True).start()
        return self

    def launch(self):
        if self.before is not None:
            self.before()
        who = {}
        if self.user is not None:
            who = {"user": self.user[0], "group": self.user[1], "extra_groups": self.groups}
        with self.lock:
            if self.ending:
                return
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(
                    self.command, cwd=self.directory, env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                    stderr=log, **who
                )
            self.meant = False
            self.starts += 1

    def watch(self):
        while True:
            process = self.process
            status = process.wait()
            if self.ending:
                return
            if not self.meant:
                self.unasked.append(status)
            time.sleep(self.pause)
            self.launch()
            if self.process is process:
                return

    @property
    def pid(self):
        """Its process, if it runs."""
        process = self.process
        return process.pid if process is not None and process.returncode is None else None

    def is_stopped(self):
        return time.monotonic() < self.stopped_until

    def signal(self, which):
        """Sends a signal; false where it does not run."""
        with self.lock:
            if self.pid is None:
                return False
            if which in (signal.SIGKILL, signal.SIGABRT):
                self.meant = True
            os.kill(self.process.pid, which)
            return True

    def stop_for(self, seconds):
        """SIGSTOP, and SIGCONT after some seconds."""
        if not self.signal(signal.SIGSTOP):
            return False
        self.stopped_until = time.monotonic() + seconds
        stopped = self.process

        def go_on():
            with self.lock:
                if stopped.returncode is None:
                    os.kill(stopped.pid, signal.SIGCONT)

        timer = threading.Timer(seconds, go_on)
        timer.daemon = True
        timer.start()
        return True

    def end(self, seconds=30):
        """Ends it for good by SIGTERM; what it ends with, or None where it had to be killed."""
        with self.lock:
            self.ending = True
            process = self.process
            if process is None or process.returncode is not None:
                return process and process.returncode
            os.kill(process.pid, signal.SIGCONT)
            os.kill(process.pid, signal.SIGTERM)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None


def parents():
    """The parent of each process of this machine."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as file:
                    fields = file.read().rsplit(b")", 1)[1].split()
            except (OSError, IndexError):
                continue
            if fields[0] not in (b"Z", b"X"):
                found[int(entry)] = int(fields[1])
    return found


def descendants(root):
    """All processes below one, itself left out."""
    of = parents()
    found, ring = [], [root]
    while ring:
        ring = [process for process, parent in of.items() if parent in ring]
        found += ring
    return sorted(found)
