"""`stakeout top` in a terminal of its own, while a daemon runs and when it is gone: terminal.py STAKEOUT PORT PID"""

import os
import pty
import re
import signal
import struct
import sys
import termios
import fcntl
import select
import time

PATIENCE = 60
ROWS, COLUMNS = 40, 100


class Terminal:
    """A terminal with a program in it."""

    def __init__(self, command):
        self.child, self.master = pty.fork()
        if self.child == 0:
            os.execv(command[0], command)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.before = termios.tcgetattr(self.master)
        self.seen = ""

    def wait(self, what, after=0):
        until = time.monotonic() + PATIENCE
        while what not in self.seen[after:]:
            assert time.monotonic() < until, f"{what!r} is not shown: {self.seen[-3000:]!r}"
            self.read()
        return len(self.seen)

    def read(self):
        if select.select([self.master], [], [], 0.1)[0]:
            try:
                self.seen += os.read(self.master, 65536).decode()
            except OSError:  # the other end is closed
                time.sleep(0.1)

    def end(self):
        os.kill(self.child, signal.SIGINT)
        self.wait("\x1b[?1049l")
        _, status = os.waitpid(self.child, 0)
        return os.waitstatus_to_exitcode(status)


def main(stakeout, port, daemon):
    terminal = Terminal([stakeout, "top", "--admin", f"127.0.0.1:{port}", "--interval", "200ms"])
    terminal.wait("\x1b[?1049h")
    for part in ["takes bounties", "engines", "Open bounties", "Purse"]:
        terminal.wait(part)
    # Twice drawn at least, and never wider or higher than the terminal.
    at = terminal.wait("takes bounties", terminal.wait("takes bounties"))
    for frame in terminal.seen[:at].split("\x1b[H")[3:-1]:
        lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", frame).split("\r\n")
        assert len(lines) <= ROWS and all(len(line) <= COLUMNS for line in lines), lines
    os.kill(int(daemon), signal.SIGTERM)
    at = terminal.wait("no daemon answers at", at)
    # What it said last stays below that, however much of the line the terminal has room for.
    terminal.wait("Open bounties", terminal.seen.rindex("no daemon answers at"))
    assert terminal.end() == 0
    assert terminal.seen.count("\x1b[?25l") == terminal.seen.count("\x1b[?25h") == 1, "the cursor is shown again"
    assert termios.tcgetattr(terminal.master) == terminal.before, "the terminal is as it was"
    print("test result: ok. 1 passed; 0 failed; 0 ignored (stakeout top in a terminal)")


main(*sys.argv[1:4])
