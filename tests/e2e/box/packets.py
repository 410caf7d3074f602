"""Off-cloud: a network whose default route swallows packets, and a record of each packet that went there."""
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

NET = Path(__file__).with_name("net")


class OffCloud:
    """`with OffCloud() as network:` turns this namespace's metadata addresses into a black hole; `network.sent()` says who was called."""

    def __enter__(self):
        subprocess.run([NET, "none"], check=True)
        self.seen, self.over = [], False
        self.tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))    # ETH_P_ALL, see packet(7)
        self.tap.bind(("box1", 0))
        self.tap.settimeout(0.05)
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()
        return self

    def _listen(self):
        while not self.over:
            try:
                frame = self.tap.recv(2048)
            except TimeoutError:
                continue
            if struct.unpack("!H", frame[12:14])[0] == 0x0800:
                ports = struct.unpack("!HH", frame[34:38]) if frame[23] in (6, 17) else (0, 0)
                self.seen.append((socket.inet_ntoa(frame[30:34]), ports[1]))

    def sent(self):
        time.sleep(0.1)
        return list(self.seen)

    def __exit__(self, *_):
        self.over = True
        self.thread.join()
        self.tap.close()
        subprocess.run([NET, "cloud"], check=True)
