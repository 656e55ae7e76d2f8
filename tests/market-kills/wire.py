"""What stands between the programs, and what watches them: a proxy, a witness of the chain, requests to market and Redis."""

import base64
import json
import os
import socket
import struct
import threading
import time
import urllib.error
import urllib.request


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Proxy:
    """Passes TCP on, until it is told to cut everything or to hold it back."""

    def __init__(self, port):
        self.target = ("127.0.0.1", port)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.flows = threading.Event()
        self.flows.set()
        self.refuses_until = 0.0
        self.pairs = set()
        self.lock = threading.Lock()
        self.cuts = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(near,), daemon=True).start()

    def serve(self, near):
        far = None
        try:
            if time.monotonic() >= self.refuses_until:
                far = socket.create_connection(self.target, timeout=10)
                far.settimeout(None)
        except OSError:
            pass
        if far is None:
            near.close()
            return
        pair = (near, far)
        with self.lock:
            self.pairs.add(pair)
        back = threading.Thread(target=self.pump, args=(far, near), daemon=True)
        back.start()
        self.pump(near, far)
        back.join()
        with self.lock:
            self.pairs.discard(pair)
        near.close()
        far.close()

    def pump(self, source, sink):
        try:
            while data := source.recv(65536):
                self.flows.wait()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            # One end is gone, so the other goes too.
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def cut(self, seconds):
        """Resets every connection, in the middle of whatever it carries, and takes none for some seconds."""
        self.refuses_until = time.monotonic() + seconds
        with self.lock:
            pairs = list(self.pairs)
        for near, far in pairs:
            self.cuts += 1
            for end in (near, far):
                try:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def stall(self, seconds):
        """Holds back everything for some seconds, and then goes on."""
        self.flows.clear()
        timer = threading.Timer(seconds, self.flows.set)
        timer.daemon = True
        timer.start()


class Witness:
    """Hears everything that the market tells of its chain, without the proxy, and keeps the times."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /events/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        self.stream = self.socket.makefile("rb")
        status = self.stream.readline()
        assert b" 101 " in status, status
        while self.stream.readline().strip():
            pass
        self.lock = threading.Lock()
        self.events = []
        self.block = 0
        self.ended = None
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        try:
            while (message := self.message()) is not None:
                told = json.loads(message)
                with self.lock:
                    if told["event"] == "block":
                        self.block = told["data"]["number"]
                    else:
                        self.events.append((told["event"], told["data"], told.get("block_number"), time.time()))
        except (OSError, ValueError, struct.error) as error:
            self.ended = repr(error)

    def message(self):
        """The next text; None once the market closes."""
        text = b""
        while True:
            first, second = struct.unpack("!BB", self.stream.read(2))
            length = second & 0x7F
            if length == 126:
                (length,) = struct.unpack("!H", self.stream.read(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", self.stream.read(8))
            data = self.stream.read(length)
            kind = first & 0x0F
            if kind == 8:
                self.ended = "closed"
                return None
            if kind in (0, 1):
                text += data
                if first & 0x80:
                    return text

    def seen(self, kind):
        """The data of all events of a kind, in order, each with its block and time."""
        with self.lock:
            return [(data, block, at) for event, data, block, at in self.events if event == kind]


def ask(port, path, body=None, account=None):
    """What the market answers to a question, and whether it is no error."""
    if account is not None:
        path += ("&" if "?" in path else "?") + f"account={account}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=data, method="GET")
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=120) as reply:
            return json.load(reply)["result"], True
    except urllib.error.HTTPError as error:
        return json.load(error), False


def redis(port, *words, seconds=2.0):
    """A command to Redis, and the first line of its reply."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        parts = [f"*{len(words)}\r\n"] + [f"${len(word)}\r\n{word}\r\n" for word in words]
        connection.sendall("".join(parts).encode())
        return connection.makefile("rb").readline().strip().decode()
