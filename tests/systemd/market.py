"""A marketplace behind a name server at 169.254.1.53: posts one bounty, signed with the secret that is given, whose
artifact and answer have names in place of addresses, and waits for the answer."""

import datetime, hashlib, hmac, http.server, json, socket, sys, threading, time, urllib.request

SECRET = sys.argv[1].encode()
ARTIFACT = bytes(reversed(b"*H+H$!ELIF-TSET-SURIVITNA-DRADNATS-RACIE$}7)CC7)^P(45XZP\\4[PA@%P!O5X"))
NAME = "artifacts.example"
asked, answered = [], []


def names():
    """Answers every question with 93.184.216.34, which is made an address of this machine."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("169.254.1.53", 53))
    while True:
        query, peer = server.recvfrom(512)
        asked.append(query)
        end = query.index(b"\0", 12) + 5
        is_a = query[end - 4 : end - 2] == b"\0\1"
        head = query[:2] + b"\x81\x80\0\1" + (b"\0\1" if is_a else b"\0\0") + b"\0\0\0\0"
        record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton("93.184.216.34")
        server.sendto(head + query[12:end] + (record if is_a else b""), peer)


class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", str(len(ARTIFACT)))
        self.end_headers()
        self.wfile.write(ARTIFACT)

    def log_message(self, *_):
        pass


threading.Thread(target=names, daemon=True).start()
web = http.server.ThreadingHTTPServer(("93.184.216.34", 80), Web)
threading.Thread(target=web.serve_forever, daemon=True).start()



def malicious():
    """How many bounties were answered so."""
    metrics = urllib.request.urlopen("http://127.0.0.1:9181/metrics").read().decode()
    lines = [line for line in metrics.splitlines() if line.startswith('stakeout_answers_total{verdict="malicious"}')]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


before = malicious()
now = datetime.datetime.now(datetime.timezone.utc)
identity = str(time.time_ns())
bounty = {
    "id": int(identity[-12:]),
    "artifact_type": "FILE",
    "artifact_uri": f"http://{NAME}/a",
    "sha256": hashlib.sha256(ARTIFACT).hexdigest(),
    "mimetype": "application/octet-stream",
    "metadata": {"sha256": hashlib.sha256(ARTIFACT).hexdigest(), "mimetype": "application/octet-stream"},
    "phase": "assertion",
    "expiration": (now + datetime.timedelta(seconds=30)).isoformat(),
    "tasked_at": now.isoformat(),
    "duration": 30,
    "response_url": f"https://api.polyswarm.network/v3/bounties/{identity}/assertions/",
    "rules": {"min_allowed_bid": 62500000000000000, "max_allowed_bid": 1000000000000000000},
}
body = json.dumps(bounty).encode()
request = urllib.request.Request("http://127.0.0.1:8000/", body, {
    "content-type": "application/json",
    "x-polyswarm-event": "bounty",
    "x-polyswarm-signature": hmac.new(SECRET, body, hashlib.sha256).hexdigest(),
})
assert urllib.request.urlopen(request).status == 202
for _ in range(300):
    if malicious() > before and asked:
        sys.exit(0)
    time.sleep(0.1)
print("looked up, but not judged malicious" if asked else "no name was looked up", file=sys.stderr)
sys.exit(1)
