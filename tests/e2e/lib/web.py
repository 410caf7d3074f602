"""A small HTTP server whose replies go out whole, in one write."""
import http.server
import socketserver
import ssl
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def reply(self, status, body=b"", headers=()):
        lines = [f"HTTP/1.1 {status} {self.responses.get(status, ('Other',))[0]}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in dict(headers).items()]
        head = "\r\n".join([*lines, "", ""]).encode()
        self.wfile.write(head if self.command == "HEAD" else head + body)

    def log_message(self, *_):
        pass


class TcpServer(socketserver.ThreadingTCPServer):
    """On an ephemeral loopback port; with a (certificate, key) it speaks TLS."""
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, handler, certificate=None):
        super().__init__(("127.0.0.1", 0), type(handler.__name__, (handler,), {"disable_nagle_algorithm": True}))
        self._tls = None
        if certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*certificate)
        self.port = self.server_address[1]
        start(self)

    def finish_request(self, request, client_address):
        if self._tls:
            try:  # here, in the connection's own thread, so that a slow peer holds up no other
                request = self._tls.wrap_socket(request, server_side=True)
            except (ssl.SSLError, OSError):
                return
        super().finish_request(request, client_address)


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path, handler):
        super().__init__(str(path), handler)
        start(self)


def start(server):
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()


def stop(server):
    server.shutdown()
    server.server_close()
