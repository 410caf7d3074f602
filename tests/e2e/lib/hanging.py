"""A file system that hangs: python hanging.py MOUNTPOINT KIND COMMAND... mounts it there, runs the command, and ends with its exit code.

KIND is a request of FUSE (LOOKUP, OPEN, READ, OPENDIR, READDIR, WRITE): the server takes it, and never answers, so that not even a signal
ends whoever waits for it. `unread`: it does not even take it. `autofs`: a directory that is mounted when it is looked at, by nobody.
`none`: it never hangs. It runs in a mount namespace of its own, and needs /dev/fuse.
"""
import ctypes
import os
import struct
import subprocess
import sys
import threading

FILES = {".dockerconfigjson", "config.json", "auth.json", "kubeconfig", "token"}
CONTENT = os.environ.get("HANGING_CONTENT", "{}").encode()
NAMES = {1: "LOOKUP", 3: "GETATTR", 8: "MKNOD", 9: "MKDIR", 14: "OPEN", 15: "READ", 16: "WRITE", 18: "RELEASE", 25: "FLUSH", 26: "INIT",
         27: "OPENDIR", 28: "READDIR", 29: "RELEASEDIR", 35: "CREATE"}
LIBC = ctypes.CDLL(None, use_errno=True)


def mount(source, place, kind, options):
    if LIBC.mount(source.encode(), place.encode(), kind.encode(), 0, options.encode()) != 0:
        sys.exit(f"hanging: {kind}: {os.strerror(ctypes.get_errno())}")


class Server:
    """Any name is there, but hidden ones: those above are files with the content, all others directories."""

    def __init__(self, place, hangs):
        self.hangs = hangs
        self.nodes = {1: None}   # number: content of a file, None of a directory
        self.fd = os.open("/dev/fuse", os.O_RDWR)
        mount("hanging", place, "fuse", f"fd={self.fd},rootmode=40755,user_id=0,group_id=0")
        self.answer()            # INIT
        if hangs != "unread":
            threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            self.answer()

    def attributes(self, node):
        content = self.nodes.get(node)
        mode = 0o40755 if content is None else 0o100600
        return struct.pack("<QQQQQQIIIIIIIIII", node, len(content or b""), 1, 0, 0, 0, 0, 0, 0, mode, 1, os.getuid(), os.getgid(), 0, 4096, 0)

    def entry(self, name):
        node = len(self.nodes) + 1
        self.nodes[node] = CONTENT if name in FILES else None
        return struct.pack("<QQQQII", node, 0, 1, 1, 0, 0) + self.attributes(node)

    def answer(self):
        request = os.read(self.fd, 1 << 18)
        _, code, unique, node = struct.unpack("<IIQQ", request[:24])
        body, name = request[40:], NAMES.get(code, str(code))
        if name == self.hangs:
            return               # taken, and never answered
        error, reply = 0, b""
        if name == "INIT":
            reply = struct.pack("<IIIIHHIII", 7, 31, 65536, 0, 12, 10, 65536, 1, 0) + bytes(28)
        elif name == "LOOKUP":
            wanted = body.split(b"\0")[0].decode()
            if wanted.startswith(".") and wanted not in FILES:
                error = -2
            else:
                reply = self.entry(wanted)
        elif name == "MKDIR":
            error = -17
        elif name == "CREATE":
            reply = self.entry("config.json") + struct.pack("<QII", 1, 0, 0)
        elif name == "GETATTR":
            reply = struct.pack("<QII", 1, 0, 0) + self.attributes(node)
        elif name in ("OPEN", "OPENDIR"):
            reply = struct.pack("<QII", 1, 0, 0)
        elif name == "READ":
            offset, size = struct.unpack("<QI", body[8:20])
            reply = (self.nodes.get(node) or b"")[offset:offset + size]
        elif name == "READDIR":
            offset = struct.unpack("<Q", body[8:16])[0]
            reply = struct.pack("<QQII", 2, 1, 3, 4) + b"one" + bytes(5) if offset == 0 and node == 1 else b""
        elif name == "WRITE":
            reply = struct.pack("<II", struct.unpack("<I", body[16:20])[0], 0)
        elif name in ("2", "36", "42"):
            return               # FORGET, INTERRUPT, BATCH_FORGET have no answer
        elif name not in ("RELEASE", "RELEASEDIR", "FLUSH"):
            error = -38
        os.write(self.fd, struct.pack("<IiQ", 16 + len(reply), error, unique) + reply)


def main(place, kind, *command):
    if kind == "autofs":
        _, pipe = os.pipe()
        mount("hanging", place, "autofs", f"fd={pipe},pgrp={os.getpgrp()},minproto=5,maxproto=5,indirect")
    else:
        Server(place, kind)
    # What is in the daemon's own group is let into an autofs.
    ended = subprocess.Popen(command, start_new_session=True).wait()
    sys.stdout.flush()
    # With the server ends what waits for it.
    os._exit(ended if ended >= 0 else 128 - ended)


main(*sys.argv[1:])
