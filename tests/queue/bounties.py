"""Posts single bounties by PolySwarm's webhooks, each as it is told, and says how each was answered.

usage: bounties.py PORT WEBHOOK_URL SECRET < LINES; a line is a JSON object: name, uri; where they differ from what is usual:
sha256, type (file), seconds (30). Prints one JSON object: by name the verdict, the comments, the number of different answers,
and whether the first came in time.
"""
import datetime
import hashlib
import hmac
import http.server
import json
import sys
import threading
import time
import urllib.request
import uuid

port, webhook, secret = int(sys.argv[1]), sys.argv[2], sys.argv[3]
answers = {}


class Market(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        answers.setdefault(int(self.path.split('/')[3]), []).append((time.time(), body))
        self.send_response(200)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *_):
        pass


threading.Thread(target=http.server.ThreadingHTTPServer(('127.0.0.1', port), Market).serve_forever, daemon=True).start()
bounties, ends = [json.loads(line) for line in sys.stdin if line.strip()], {}
# Numbers that no earlier call has used: the frontend may be the same.
base = time.time_ns() // 1_000_000
for number, bounty in enumerate(bounties, base):
    now, seconds = datetime.datetime.now(datetime.timezone.utc), bounty.get('seconds', 30)
    posted = {
        'id': number, 'artifact_type': bounty.get('type', 'file'), 'artifact_uri': bounty['uri'],
        'metadata': {'mimetype': 'application/octet-stream'}, 'phase': 'assertion',
        'expiration': (now + datetime.timedelta(seconds=seconds)).isoformat(), 'tasked_at': now.isoformat(),
        'duration': seconds, 'response_url': f'http://127.0.0.1:{port}/v3/bounties/{number}/assertions/?nonce=n',
        'rules': {'min_allowed_bid': 62500000000000000, 'max_allowed_bid': 1000000000000000000}}
    if 'sha256' in bounty:
        posted['sha256'] = posted['metadata']['sha256'] = bounty['sha256']
    body = json.dumps(posted).encode()
    headers = {'Content-Type': 'application/json', 'X-POLYSWARM-EVENT': 'bounty', 'X-POLYSWARM-DELIVERY': str(uuid.uuid4()),
               'X-POLYSWARM-SIGNATURE': hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}
    urllib.request.urlopen(urllib.request.Request(webhook, body, headers), timeout=10).close()
    ends[number] = time.time() + seconds
while len(answers) < len(bounties) and time.time() < max(ends.values()) + 5:
    time.sleep(.05)
time.sleep(.5)
told = {}
for number, bounty in enumerate(bounties, base):
    said = answers.get(number)
    if said is None:
        told[bounty['name']] = None
        continue
    came, first = said[0]
    told[bounty['name']] = {
        'verdict': first['verdict'], 'comments': first.get('metadata', {}).get('comments', []),
        'answers': len({json.dumps(body, sort_keys=True) for _, body in said}), 'in_time': came <= ends[number]}
print(json.dumps(told))
