"""Artifacts for what consumers download, at two ports, with a record of who asked for what with which credentials.

usage: shelf.py PORT OTHER_PORT ELF RECORD KEY; RECORD gets a line of JSON for each request.

    /KIND                   eicar, elf; url-KIND: the address of that; words: a text; gone: 404;
                            later, slow: eicar after 6 and 20 s
    /artifacts/KIND/N/      the same by polyswarmd's route
    /turns/KIND/KIND/NAME   the first to ask for it gets the first, everybody else the second
    /key/KIND               only with the key
    /away/KIND              redirects to the other port
"""
import base64
import http.server
import json
import sys
import threading
import time

ports, elf, record, key = (int(sys.argv[1]), int(sys.argv[2])), open(sys.argv[3], 'rb').read(), sys.argv[4], sys.argv[5]
EICAR = base64.b64decode('WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJQ0FSLVNUQU5EQVJELUFOVElWSVJVUy1URVNULUZJTEUhJEgrSCo=')
lock = threading.Lock()
asked = set()


def content(kind, port):
    if kind.startswith('url-'):
        return b'http://127.0.0.1:%d/%s\n' % (port, kind[4:].encode())
    time.sleep({'later': 6, 'slow': 20}.get(kind, 0))
    return {'eicar': EICAR, 'later': EICAR, 'slow': EICAR, 'elf': elf, 'words': b'no address at all\n'}.get(kind)


class Shelf(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True

    def do_GET(self):
        port = self.server.server_address[1]
        authorization = self.headers.get('Authorization')
        with lock:
            first = self.path not in asked
            asked.add(self.path)
            with open(record, 'a') as log:
                log.write(json.dumps({'port': port, 'host': self.headers.get('Host'), 'path': self.path,
                                      'authorization': authorization}) + '\n')
        parts = self.path.split('?')[0].strip('/').split('/')
        if parts[0] == 'away':
            return self.answer(302, b'', 'http://127.0.0.1:%d/%s' % (ports[port == ports[0]], parts[1]))
        if parts[0] == 'key' and authorization != key:
            return self.answer(401, b'')
        if parts[0] == 'turns':
            kind = parts[1] if first else parts[2]
        else:
            kind = parts[1] if parts[0] in ('artifacts', 'key') else parts[0]
        body = content(kind, port)
        return self.answer(404, b'') if body is None else self.answer(200, body)

    def answer(self, status, body, location=None):
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        if location:
            self.send_header('Location', location)
        self.end_headers()
        # Whoever asked for what is slow may have gone.
        try:
            self.wfile.write(body)
        except OSError:
            pass

    def log_message(self, *_):
        pass


servers = [http.server.ThreadingHTTPServer(('127.0.0.1', port), Shelf) for port in ports]
threading.Thread(target=servers[1].serve_forever, daemon=True).start()
servers[0].serve_forever()
