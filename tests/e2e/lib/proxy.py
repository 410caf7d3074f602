"""A TLS proxy in front of the API server: passes requests on after a pause, and notes when each one was under way."""
import http.client
import ssl
import threading
import time
from dataclasses import dataclass

from .web import Handler, TcpServer, stop


@dataclass
class Request:
    method: str
    path: str
    start: float
    end: float


class SlowProxy:
    def __init__(self, api, certificate, pause):
        self.requests = []
        lock = threading.Lock()
        requests = self.requests
        tls = ssl.create_default_context(cafile=api.ca)

        class Forward(Handler):
            def forward(self):
                start = time.monotonic()
                body = self.body()
                time.sleep(pause)
                upstream = http.client.HTTPSConnection("127.0.0.1", api.port, context=tls, timeout=30)
                upstream.request(self.command, self.path, body or None, {"Authorization": self.headers["Authorization"]})
                answer = upstream.getresponse()
                content = answer.read()
                upstream.close()
                with lock:
                    requests.append(Request(self.command, self.path, start, time.monotonic()))
                self.reply(answer.status, content, {"Content-Type": answer.headers["Content-Type"]})

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward

        self._server = TcpServer(Forward, certificate)
        self.port = self._server.port

    def stop(self):
        stop(self._server)

    def depth(self):
        """How many requests, at the most, had to wait for one another."""
        depths = []
        for request in sorted(self.requests, key=lambda request: request.start):
            before = [depth for end, depth in depths if end <= request.start]
            depths.append((request.end, 1 + max(before, default=0)))
        return max((depth for _, depth in depths), default=0)
