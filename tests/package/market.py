"""A marketplace on loopback: posts signed bounties about one file, serves the file, takes the answers.

    market.py SECRET_FILE post COUNT [SECONDS]       the file takes SECONDS to come; waits for all answers
    market.py SECRET_FILE steady END_FILE RATE       RATE bounties a second until END_FILE is there, each by a connection of its
                                                     own; then waits for all answers

Prints what became of them, as a line of JSON. `refused` are connections that nobody took, `broken` those that ended without a
reply. Ends with 1 if a bounty that was taken was not answered.
"""

import datetime, hashlib, hmac, http.client, http.server, json, os, sys, threading, time

secret_file, how = sys.argv[1:3]
FILE = bytes(reversed(b"*H+H$!ELIF-TSET-SURIVITNA-DRADNATS-RACIE$}7)CC7)^P(45XZP\\4[PA@%P!O5X"))
DIGEST = hashlib.sha256(FILE).hexdigest()
counts, taken, answered = {}, set(), {}
lock = threading.Lock()
slow = float(sys.argv[4]) if how == "post" and len(sys.argv) > 4 else 0
slowest = 0.0


class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(slow)
        self.send_response(200)
        self.send_header("content-length", str(len(FILE)))
        self.end_headers()
        self.wfile.write(FILE)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with lock:
            answered.setdefault(self.path.split("/")[-3], body["verdict"])
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


threading.Thread(target=Server(("127.0.0.1", 8899), Web).serve_forever, daemon=True).start()


def post(secret, number):
    global slowest
    now = datetime.datetime.now(datetime.timezone.utc)
    identity = f"{os.getpid()}-{number}"
    body = json.dumps({
        "id": int(str(os.getpid()) + f"{number:06}"),
        "artifact_type": "FILE",
        "artifact_uri": "http://127.0.0.1:8899/file",
        "sha256": DIGEST,
        "mimetype": "application/octet-stream",
        "metadata": {"sha256": DIGEST, "mimetype": "application/octet-stream"},
        "phase": "assertion",
        "expiration": (now + datetime.timedelta(seconds=40)).isoformat(),
        "tasked_at": now.isoformat(),
        "duration": 40,
        "response_url": f"http://127.0.0.1:8899/v3/bounties/{identity}/assertions/",
        "rules": {"min_allowed_bid": 62500000000000000, "max_allowed_bid": 1000000000000000000},
    }).encode()
    began = time.monotonic()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=30)
        connection.request("POST", "/", body, {
            "content-type": "application/json",
            "x-polyswarm-event": "bounty",
            "x-polyswarm-signature": hmac.new(secret, body, hashlib.sha256).hexdigest(),
        })
        outcome = str(connection.getresponse().status)
        connection.close()
    except ConnectionRefusedError:
        outcome = "refused"
    except (OSError, http.client.HTTPException) as error:
        outcome = f"broken {type(error).__name__}"
    with lock:
        counts[outcome] = counts.get(outcome, 0) + 1
        slowest = max(slowest, time.monotonic() - began)
        if outcome == "202":
            taken.add(identity)


secret = open(secret_file, "rb").read().strip()
threads = []


def start(number):
    thread = threading.Thread(target=post, args=(secret, number))
    thread.start()
    threads.append(thread)


if how == "post":
    for number in range(int(sys.argv[3])):
        start(number)
else:
    pause, begun, number = 1 / float(sys.argv[4]), time.monotonic(), 0
    while not os.path.exists(sys.argv[3]):
        start(number)
        number += 1
        # By the clock, so that what waits does not slow down what follows.
        time.sleep(max(0, begun + number * pause - time.monotonic()))
for thread in threads:
    thread.join()
for _ in range(450):
    with lock:
        if taken <= answered.keys():
            break
    time.sleep(0.1)
verdicts = [answered.get(identity) for identity in taken]
print(json.dumps({
    "posted": len(threads), "counts": counts, "answered": sum(v is not None for v in verdicts),
    "malicious": verdicts.count("malicious"), "slowest_ms": round(slowest * 1000),
    "ids": [str(os.getpid()) + f"{number:06}" for number in range(min(len(threads), 3))],
}))
sys.exit(0 if taken <= answered.keys() else 1)
