"""Many helpers at a time, each of whose requests is known to be its own, and what is done to the replies to it."""
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import steps
from box.helper import HERE, PROGRAM, Answer
from lib import image

ALL = os.environ.get("FAULTS") == "all"     # every position instead of a sample, however long it takes


def positions(length, sample):
    """Those below a length: a sample of them, both ends among it, or all."""
    if ALL or length <= sample:
        return list(range(length))
    return [at * (length - 1) // (sample - 1) for at in range(sample)]


def dressed(helper, **variables):
    """The command line and the environment of a `get`, on the machine that the helper is on."""
    environment = helper.environment(**variables)
    command = [PROGRAM, "get"]
    if environment.get("BOX_DMI") == os.environ.get("BOX_DMI", "none"):
        del environment["BOX_DMI"]
    if any(name.startswith("BOX_") for name in environment):
        command = [str(HERE / "dress"), "bash", "-c", 'unset ${!BOX_*}; exec "$@"', "-", *command]
    return command, environment


class Run:
    """One helper, and the requests that it made."""

    def __init__(self, fault):
        self.fault, self.pid, self.asked = fault, None, 0


class Crowd:
    """Lays out a step's identity once. `fault` of a run takes the number of its request to the step's fake, from 0, and gives what
    is done to the reply (see Reply), or None."""

    def __init__(self, box, helper, step):
        self.box, self.helper = box, helper
        self.host, how, self.fake, firmware = steps.EVERY[step]
        helper.machine = {"BOX_DMI": firmware}
        self.variables = how(box, helper.home)
        self.answers = next(fake for fake in box.fakes if fake.name == self.fake)
        self.live, self.lock, self.alone = [], threading.Lock(), None
        box.instead[self.fake] = self._answer

    def _answer(self, request):
        reply = self.answers.answer(request)
        run = self.alone or self._who(request)
        with self.lock:
            number, run.asked = run.asked, run.asked + 1
        reply.fault = run.fault(number)
        return reply

    def _who(self, request):
        """The run whose socket has the port that the request came from (proc(5), /proc/net/tcp)."""
        port = f":{request.peer:04X}"
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            with open(table) as lines:
                for line in lines:
                    fields = line.split()
                    if fields[1].endswith(port) and not fields[2].endswith(":0000"):
                        owner = self._owner(f"socket:[{fields[9]}]")
                        if owner:
                            return owner
        raise LookupError(f"nobody has port {request.peer}")

    def _owner(self, socket):
        with self.lock:
            live = list(self.live)
        for run in live:
            try:
                with os.scandir(f"/proc/{run.pid}/fd") as open_files:
                    if any(_link(file.path) == socket for file in open_files):
                        return run
            except OSError:
                continue
        return None

    def get(self, fault, **variables):
        """One helper's answer."""
        command, environment = dressed(self.helper, **self.variables, **variables)
        run = Run(fault)
        with self.lock:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       env=environment, cwd=self.helper.home)
            run.pid = process.pid
            self.live.append(run)
        start = time.monotonic()
        process.stdin.write(self.host.encode())
        process.stdin.close()
        out, err = process.stdout.read(), process.stderr.read()
        code = process.wait()
        seconds = time.monotonic() - start
        process.stdout.close()
        process.stderr.close()
        with self.lock:
            self.live.remove(run)
        return Answer(code, out.decode(), err.decode(), seconds, self.box)

    def measured(self, fault, **variables):
        """One helper, and no other at the same time: (its answer, the most memory that it had, in KiB)."""
        command, environment = dressed(self.helper, **self.variables, **variables)
        self.alone = Run(fault)
        start = time.monotonic()
        code, out, memory = image.run(command, self.host, environment, self.helper.home)
        self.alone, seconds = None, time.monotonic() - start
        return Answer(code, out, "", seconds, self.box), memory.peak

    def all(self, faults, check, **variables):
        """One helper for each fault, eight at a time; `check` is given the fault's key and the answer."""
        def one(item):
            key, fault = item
            check(key, self.get(fault, **variables))
        with ThreadPoolExecutor(8) as workers:
            list(workers.map(one, faults.items()))

    def lengths(self):
        """The length of each reply of the step's fake in a run that is left alone."""
        seen = []

        def measure(_):
            def whole(reply):
                seen.append(len(reply))
                return [reply]
            return whole
        self.get(measure).found()
        return seen


def _link(path):
    try:
        return os.readlink(path)
    except OSError:
        return ""


def cut(request, at):
    """The reply to this request is cut there; all others are whole."""
    return lambda number: (lambda whole: [whole[:at]]) if number == request else None


def flipped(request, at):
    """A bit of the reply to this request is turned over."""
    return lambda number: (lambda whole: [whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1:]]) if number == request else None


def always(pieces):
    return lambda number: lambda whole: pieces(whole)


def told(text):
    """For the figures in docs/reliability.md."""
    print(text, file=sys.stderr)
