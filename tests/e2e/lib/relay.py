"""Stands in front of a server and does to its bytes, below TLS, what a broken network or an attacker does."""
import socket
import struct
import threading
import time


def cut(at):
    """So many bytes, then the end."""
    def pass_on(client, before, data):
        client.sendall(data[:max(0, at - before)])
        return before + len(data) < at
    return pass_on


def reset(at):
    """So many bytes, then a reset."""
    def pass_on(client, before, data):
        client.sendall(data[:max(0, at - before)])
        if before + len(data) >= at:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        return True
    return pass_on


def flip(at):
    """One bit of one byte is turned over."""
    def pass_on(client, before, data):
        if before <= at < before + len(data):
            here = at - before
            data = data[:here] + bytes([data[here] ^ 0x10]) + data[here + 1:]
        client.sendall(data)
        return True
    return pass_on


def late(at, seconds=0.3):
    """A pause before one byte."""
    def pass_on(client, before, data):
        if before <= at < before + len(data):
            client.sendall(data[:at - before])
            time.sleep(seconds)
            data = data[at - before:]
        client.sendall(data)
        return True
    return pass_on


class Relay:
    """`damage` is what happens on the next connection; those after it are left alone. `passed` counts the server's bytes."""

    def __init__(self, port):
        self.damage, self.passed, self._to = None, 0, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self):
        self._listener.close()

    def _serve(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            damage, self.damage = self.damage, None
            threading.Thread(target=self._pass, args=(client, damage), daemon=True).start()

    def _pass(self, client, damage):
        server = socket.create_connection(("127.0.0.1", self._to))
        for side in (client, server):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_copy, args=(client, server), daemon=True).start()
        before, goes_on = 0, True
        try:
            while goes_on and (data := server.recv(65536)):
                goes_on = damage(client, before, data) if damage else client.sendall(data) is None
                before += len(data)
                self.passed = before
        except OSError:
            pass       # one of them went away
        client.close()
        server.close()


def _copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass
