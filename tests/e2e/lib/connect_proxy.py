"""An HTTP proxy that knows only CONNECT, and notes where to it was asked to connect. It connects to loopback whatever the name."""
import select
import socket
import socketserver

from .web import start, stop


class ConnectProxy(socketserver.ThreadingTCPServer):
    """`seen` holds each `host:port` asked for, oldest first; `url` is for HTTPS_PROXY."""
    daemon_threads = True

    def __init__(self):
        self.seen = []
        super().__init__(("127.0.0.1", 0), Tunnel)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        start(self)

    def stop(self):
        stop(self)


class Tunnel(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        verb, target, _ = self.rfile.readline().decode().split()
        while self.rfile.readline().strip():
            pass
        if verb != "CONNECT":
            self.wfile.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            return
        self.server.seen.append(target)
        with socket.create_connection(("127.0.0.1", int(target.rsplit(":", 1)[1]))) as upstream:
            upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            other = {self.connection: upstream, upstream: self.connection}
            while True:
                for ready in select.select(list(other), [], [])[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    other[ready].sendall(data)
