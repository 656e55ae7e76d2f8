"""polyswarmd's download route, as far as a worker needs it: GET /artifacts/<uri>/<index>/.

usage: artifacts.py PORT ELF [close]; with `close`, every connection is closed after one artifact."""
import base64
import http.server
import sys

EICAR = base64.b64decode('WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJQ0FSLVNUQU5EQVJELUFOVElWSVJVUy1URVNULUZJTEUhJEgrSCo=')
ELF = open(sys.argv[2], 'rb').read()


class Route(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.0' if sys.argv[3:] == ['close'] else 'HTTP/1.1'
    disable_nagle_algorithm = True

    def do_GET(self):
        parts = [part for part in self.path.split('/') if part]
        if len(parts) != 3 or parts[0] != 'artifacts' or parts[1] == 'gone':
            self.send_error(404)
            return
        body = EICAR if int(parts[2]) % 2 == 0 else ELF
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


Server(('127.0.0.1', int(sys.argv[1])), Route).serve_forever()
