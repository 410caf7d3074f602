"""A proxy that knows only CONNECT and SOCKS 5 (RFC 1928), and notes where to it was asked to connect. It connects to loopback whatever the name."""
import select
import socket
import socketserver

from .web import start, stop


class ConnectProxy(socketserver.ThreadingTCPServer):
    """`seen` holds each `host:port` asked for, oldest first; `url` is for HTTPS_PROXY, `address` the same without a scheme."""
    daemon_threads = True

    def __init__(self):
        self.seen = []
        super().__init__(("127.0.0.1", 0), Tunnel)
        self.address = f"127.0.0.1:{self.server_address[1]}"
        self.url = f"http://{self.address}"
        start(self)

    def stop(self):
        stop(self)


class Tunnel(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        if self.rfile.peek(1)[:1] == b"\5":
            return self._socks()
        verb, target, _ = self.rfile.readline().decode().split()
        while self.rfile.readline().strip():
            pass
        if verb != "CONNECT":
            self.wfile.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            return
        self._join(target, b"HTTP/1.1 200 OK\r\n\r\n")

    def _socks(self):
        _, count = self.rfile.read(2)
        login = 2 in self.rfile.read(count)
        self.wfile.write(b"\5\2" if login else b"\5\0")
        if login:
            self.rfile.read(1), self._text(), self._text()
            self.wfile.write(b"\1\0")
        kind = self.rfile.read(4)[3]
        host = self._text() if kind == 3 else socket.inet_ntoa(self.rfile.read(4))
        port = int.from_bytes(self.rfile.read(2), "big")
        self._join(f"{host}:{port}", b"\5\0\0\1" + bytes(6))

    def _text(self):
        return self.rfile.read(self.rfile.read(1)[0]).decode()

    def _join(self, target, answer):
        self.server.seen.append(target)
        with socket.create_connection(("127.0.0.1", int(target.rsplit(":", 1)[1]))) as upstream:
            upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.wfile.write(answer)
            other = {self.connection: upstream, upstream: self.connection}
            while True:
                for ready in select.select(list(other), [], [])[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    other[ready].sendall(data)
