"""The memory of a program at the moment it ends: all that it could have left behind. The program is traced, and stopped in its
exit, when nothing of its memory is given back to the system yet."""
import base64
import ctypes
import os
import signal
import subprocess
from dataclasses import dataclass

CONT, SETOPTIONS = 7, 0x4200            # ptrace(2)
TRACE_EXEC, TRACE_EXIT = 1 << 4, 1 << 6
EVENT_EXEC, EVENT_EXIT = 4, 6
TRACEME = 0
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]


def _ptrace(request, pid=0, data=0):
    if LIBC.ptrace(request, pid, None, data) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")


@dataclass
class Place:
    name: str
    start: int
    content: bytes


@dataclass
class Image:
    program: str
    arguments: bytes
    peak: int           # the most memory that was in use at a time, in KiB
    places: list        # all that could be written to, in pieces; the environment and the arguments are their own

    def holds(self, secrets):
        """Where something of a secret is, but for the environment, which the kernel put there and takes back itself:
        {secret: [place, ...]}."""
        found = {}
        for secret in secrets:
            for piece in pieces(secret):
                for place in self.places:
                    at = -1 if place.name == "environment" else place.content.find(piece)
                    if at >= 0:
                        near = place.content[max(0, at - 80):at + len(piece) + 40]
                        found.setdefault(secret, []).append(f"{place.name} at {place.start + at:#x}: {near!r}")
        return found


def forms(secret):
    """A secret as it is, and in base64 once and twice, wherever in a longer text it begins."""
    text = secret.encode() if isinstance(secret, str) else secret
    once = [encoded for skip in range(3) for encoded in [_inner(text, skip)]]
    return [text, *once, *(_inner(form, skip) for form in once for skip in range(3))]


def _inner(text, skip):
    """What of the base64 of a text depends on nothing but the text, with so many bytes before it."""
    whole = base64.b64encode(b"\0" * skip + text)
    return whole[(0, 2, 3)[skip]:len(whole) - 4]


def pieces(secret, length=12):
    """Pieces of each form: a copy of which the beginning is overwritten is a copy."""
    for form in forms(secret):
        last = max(len(form) - length, 0)
        for at in sorted({last * n // 9 for n in range(10)}):
            yield form[at:at + length]


def run(command, text, environment, cwd):
    """Runs a program to its end: (exit code, stdout, its memory then). What runs before it by `exec` is not looked at."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               env=environment, cwd=cwd, preexec_fn=lambda: _ptrace(TRACEME))
    pid, image = process.pid, None
    os.waitpid(pid, 0)                  # stopped by its first exec
    _ptrace(SETOPTIONS, pid, TRACE_EXEC | TRACE_EXIT)
    _ptrace(CONT, pid)
    process.stdin.write(text.encode())
    process.stdin.close()
    while True:
        _, status = os.waitpid(pid, 0)
        if not os.WIFSTOPPED(status):
            break
        if status >> 16 == EVENT_EXIT:
            image = _read(pid)
        stopped_by = os.WSTOPSIG(status)
        _ptrace(CONT, pid, 0 if status >> 16 or stopped_by == signal.SIGTRAP else stopped_by)
    out = process.stdout.read()
    process.stdout.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, out.decode(), image


def _read(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    environment = int(fields[47]), int(fields[48])      # proc(5): env_start, env_end
    places = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, rights, _, _, _, *name = line.split(maxsplit=5)
            if not rights.startswith("rw"):
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            name = name[0].strip() if name else "anonymous"
            for start, end, name in _parts(start, end, name, environment):
                memory.seek(start)
                places.append(Place(name, start, memory.read(end - start)))
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        arguments = file.read()
    with open(f"/proc/{pid}/status") as file:
        peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))
    return Image(os.readlink(f"/proc/{pid}/exe"), arguments, peak, places)


def _parts(start, end, name, environment):
    """The environment apart from the stack around it."""
    first, last = environment
    if not start <= first < last <= end:
        return [(start, end, name)]
    parts = [(start, first, name), (first, last, "environment"), (last, end, name)]
    return [part for part in parts if part[0] < part[1]]
