"""A name server that knows no name, and remembers who was asked for (RFC 1035: the question is echoed with RCODE 3, NXDOMAIN).

All names that the clouds' clients may look up are in the hosts file, so a question that comes here is for a name that nobody should ask."""
import socketserver
import threading


def question(message: bytes):
    labels, at = [], 12
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode("ascii", "replace"))
        at += 1 + message[at]
    return ".".join(labels).lower(), at + 5


class _Handler(socketserver.BaseRequestHandler):
    def handle(self):
        message, connection = self.request
        name, end = question(message)
        self.server.asked.append(name)
        header = message[:2] + bytes([0x80 | (message[2] & 0x79), 0x83]) + b"\0\1" + b"\0" * 6
        connection.sendto(header + message[12:end], self.client_address)


class NameServer(socketserver.ThreadingUDPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 53), _Handler)
        self.asked = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
