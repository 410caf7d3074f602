"""A forward proxy that records: CONNECT for https (RFC 9110 section 9.3.6), absolute-form for http, SOCKS 5 (RFC 1928, user and password by
RFC 1929); http://proxy.example:3128 in the box."""
import http.client
import http.server
import select
import socket
import socketserver
import threading

PORT = 3128


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _permitted(self, what):
        given = self.headers.get("Proxy-Authorization")
        self.server.seen.append((self.command, what, given))
        if self.server.credential and given != self.server.credential:
            self.send_response_only(407)
            self.send_header("Proxy-Authenticate", 'Basic realm="proxy"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return False
        return True

    def do_CONNECT(self):
        if not self._permitted(self.path):
            return
        host, _, port = self.path.partition(":")
        try:
            upstream = socket.create_connection((host, int(port)), 5)
        except OSError:
            return self.send_error(502)
        self.server.ports.add(upstream.getsockname()[1])
        self.send_response_only(200, "Connection established")
        self.end_headers()
        self.close_connection = True
        _join(self.connection, upstream)

    def _absolute(self):
        if not self._permitted(self.path):
            return
        host, _, path = self.path.removeprefix("http://").partition("/")
        upstream = http.client.HTTPConnection(host, timeout=5)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        upstream.request(self.command, "/" + path, body, {k: v for k, v in self.headers.items() if not k.lower().startswith("proxy-")})
        self.server.ports.add(upstream.sock.getsockname()[1])
        reply = upstream.getresponse()
        payload = reply.read()
        self.send_response_only(reply.status)
        for name, value in reply.getheaders():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = do_PUT = _absolute

    def log_message(self, *_):
        pass


def _join(client, upstream):
    with upstream:
        pipes = {client: upstream, upstream: client}
        while True:
            ready, _, _ = select.select(list(pipes), [], [], 20)
            for end in ready or [None]:
                data = end and end.recv(65536)
                if not data:
                    return
                pipes[end].sendall(data)


class _Socks(socketserver.BaseRequestHandler):
    def handle(self):
        _, count = self._read(2)
        methods, login = self._read(count), None
        if 2 in methods:
            self.request.sendall(b"\5\2")
            self._read(1)
            login = f"{self._text()}:{self._text()}"
            self.request.sendall(b"\1\0")
        else:
            self.request.sendall(b"\5\0")
        _, _, _, kind = self._read(4)
        host = self._text() if kind == 3 else socket.inet_ntoa(self._read(4))
        port = int.from_bytes(self._read(2), "big")
        self.server.seen.append(("SOCKS by name" if kind == 3 else "SOCKS by address", f"{host}:{port}", login))
        upstream = socket.create_connection((host, port), 5)
        self.server.ports.add(upstream.getsockname()[1])
        self.request.sendall(b"\5\0\0\1" + bytes(6))
        _join(self.request, upstream)

    def _read(self, count):
        data = b""
        while len(data) < count:
            data += self.request.recv(count - len(data)) or self._over()
        return data

    def _text(self):
        return self._read(self._read(1)[0]).decode()

    def _over(self):
        raise ConnectionError("the client went away")


class Proxy(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    url = f"http://proxy.example:{PORT}"

    def __init__(self):
        super().__init__(("127.0.0.40", PORT), _Handler)
        self.reset()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def finish_request(self, request, client_address):
        first = request.recv(1, socket.MSG_PEEK)
        (_Socks if first == b"\5" else self.RequestHandlerClass)(request, client_address, self)

    def reset(self):
        self.seen = []            # (method, where to, Proxy-Authorization)
        self.ports = set()        # from which it went on to a server
        self.credential = None    # the Proxy-Authorization that is demanded

    def hosts(self):
        return [where.split("/")[2] if where.startswith("http://") else where.partition(":")[0] for _, where, _ in self.seen]

    def handle_error(self, *_):
        pass                      # a client that went away
