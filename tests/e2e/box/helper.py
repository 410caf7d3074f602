"""The program under test, run as a client runs it: nothing in its environment but what the test gives."""
import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAM = os.environ.get("HELPER") or str(HERE.parents[2] / "target/release/docker-credential-kubeclarity")
NOT_FOUND = "credentials not found in native keychain\n"


@dataclass
class Answer:
    code: int
    out: str
    err: str
    seconds: float
    box: object

    def _explain(self):
        return f"exit {self.code}, stdout {self.out!r}, stderr {self.err!r}\n{self.box.story()}"

    def found(self):
        """(user name, secret), after all that the protocol demands of a found credential."""
        assert self.code == 0, self._explain()
        assert self.err == "", self._explain()
        assert self.out.endswith("\n") and self.out.count("\n") == 1, self._explain()
        data = json.loads(self.out)
        assert set(data) == {"ServerURL", "Username", "Secret"} and all(data.values()), self._explain()
        return data["Username"], data["Secret"]

    def not_found(self):
        assert (self.code, self.out, self.err) == (1, NOT_FOUND, ""), self._explain()
        return True

    def failed(self, *words):
        """The one line of a failure, which must hold every one of `words`."""
        assert (self.code, self.err) == (1, ""), self._explain()
        assert self.out.startswith("kubeclarity: ") and self.out.count("\n") == 1 and self.out.endswith("\n"), self._explain()
        for word in words:
            assert word.lower() in self.out.lower(), f"the message does not say {word!r}: {self._explain()}"
        return self.out


class Helper:
    def __init__(self, box, home: Path):
        self.box, self.home = box, home
        self.machine = {}          # BOX_POD, BOX_DMI, ...: see dress

    def environment(self, **variables):
        ca = str(self.box.ca.path)
        plain = {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "SSL_CERT_FILE": ca, "AWS_CA_BUNDLE": ca, "KUBECLARITY_CACHE": "off"}
        merged = {**plain, **self.machine, **variables}
        return {k: str(v) for k, v in merged.items() if v is not None}

    def get(self, server, **variables):
        return self.run("get", text=server, **variables)

    def run(self, *arguments, text="", **variables):
        environment = self.environment(**variables)
        command = [PROGRAM, *arguments]
        if environment.get("BOX_DMI") == os.environ.get("BOX_DMI", "none"):
            del environment["BOX_DMI"]      # what the box has on already
        if any(k.startswith("BOX_") for k in environment):
            command = [str(HERE / "dress"), "bash", "-c", 'unset ${!BOX_*}; exec "$@"', "-"] + command
        start = time.monotonic()
        done = subprocess.run(command, input=text.encode(), capture_output=True, env=environment, timeout=60, cwd=self.home)
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode(), time.monotonic() - start, self.box)
