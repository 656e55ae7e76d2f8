"""PolySwarm's webhooks, as far as a frontend needs them: hands out artifacts, posts signed bounties, takes answers.

usage: market.py PORT WEBHOOK_URL SECRET BOUNTIES SECONDS ELF [GAP [elf]]; prints one JSON object of the answers. Every
other artifact is EICAR; with `elf` none is.
"""
import base64
import collections
import datetime
import hashlib
import hmac
import http.client
import http.server
import json
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid

port, webhook, secret, bounties, seconds = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5])
elf = open(sys.argv[6], 'rb').read()
gap = float(sys.argv[7]) if len(sys.argv) > 7 else .02
programs_only = sys.argv[8:] == ['elf']
EICAR = base64.b64decode('WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJQ0FSLVNUQU5EQVJELUFOVElWSVJVUy1URVNULUZJTEUhJEgrSCo=')
# Numbers that no earlier call has used: the frontend may be the same.
first = time.time_ns() // 2_000_000 * 2
answers = collections.defaultdict(list)


class Market(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        kind, number = self.path.strip('/').split('/')
        body = EICAR if kind == 'eicar' else elf
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        answers[int(self.path.split('/')[3])].append((time.time(), body))
        self.send_response(200)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256


server = Server(('127.0.0.1', port), Market)
threading.Thread(target=server.serve_forever, daemon=True).start()


def kind_of(number):
    return 'elf' if programs_only or number % 2 else 'eicar'


def post(number):
    now = datetime.datetime.now(datetime.timezone.utc)
    kind = kind_of(number)
    mimetype = 'text/plain' if kind == 'eicar' else 'application/x-executable'
    body = json.dumps({
        'id': number, 'artifact_type': 'file', 'artifact_uri': f'http://127.0.0.1:{port}/{kind}/{number}',
        'metadata': {'mimetype': mimetype}, 'phase': 'assertion',
        'expiration': (now + datetime.timedelta(seconds=seconds)).isoformat(), 'tasked_at': now.isoformat(),
        'duration': seconds, 'response_url': f'http://127.0.0.1:{port}/v3/bounties/{number}/assertions/?nonce=n',
        'rules': {'min_allowed_bid': 62500000000000000, 'max_allowed_bid': 1000000000000000000}}).encode()
    headers = {'Content-Type': 'application/json', 'X-POLYSWARM-EVENT': 'bounty',
               'X-POLYSWARM-DELIVERY': str(uuid.uuid4()),
               'X-POLYSWARM-SIGNATURE': hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(webhook, body, headers), timeout=10) as reply:
                return reply.status
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            time.sleep(.2)
        except (OSError, http.client.HTTPException):
            # The frontend is gone, perhaps in the middle of its reply.
            time.sleep(.2)


began = time.time()
ends = {}
for number in range(first, first + bounties):
    post(number)
    ends[number] = time.time() + seconds
    time.sleep(gap)
while len(answers) < bounties and time.time() < max(ends.values()) + 5:
    time.sleep(.05)
time.sleep(1)
seen = collections.Counter()
late = sum(1 for number, told in answers.items() if told[0][0] > ends[number])
twice = sum(1 for told in answers.values() if len({json.dumps(body, sort_keys=True) for _, body in told}) > 1)
for number, told in answers.items():
    body = told[0][1]
    seen['%s %s' % (kind_of(number), body['verdict'])] += 1
comments = collections.Counter(
    comment[:60] for told in answers.values() for comment in told[0][1].get('metadata', {}).get('comments', []))
print(json.dumps({'bounties': bounties, 'answered': len(answers), 'seen': seen, 'late': late, 'contradictions': twice,
                  'took': round(time.time() - began, 1), 'comments': dict(comments.most_common(5)),
                  'products': sorted({told[0][1].get('metadata', {}).get('malware_family', '') for told in answers.values()})}))
