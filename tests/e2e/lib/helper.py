"""Runs the helper, and clients that run it, in a home and an environment of their own."""
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import pod as pods

NAME = "docker-credential-kubeclarity"
NOT_FOUND = "credentials not found in native keychain\n"
# Notes each call, then becomes the helper: shows that a client really asked.
SHIM = """\
#!/bin/sh
echo "$*" >> {home}/asked
exec {helper} "$@"
"""


@dataclass
class Result:
    """What a command did; `code` is its exit code."""
    code: int
    out: str
    err: str


class Home:
    """A clean environment: HOME in `directory`, the helper and `paths` on PATH, nothing else of ours."""

    def __init__(self, directory, helper=None, paths=(), hosts=None, **env):
        self.directory = Path(directory)
        self.binary = Path(helper or os.environ["HELPER"]).resolve(strict=True)
        self.hosts = hosts
        self.pod = None
        shims = self.directory / "bin"
        shims.mkdir(parents=True)
        shim = shims / NAME
        shim.write_text(SHIM.format(home=self.directory, helper=self.binary))
        shim.chmod(0o755)
        path = ":".join(map(str, [shims, *paths, "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]))
        self.env = {"HOME": str(self.directory), "PATH": path, "TMPDIR": str(self._folder("tmp")), "LC_ALL": "C.UTF-8"}
        self.env |= {name: str(value) for name, value in env.items()}

    def run(self, *command, stdin="", timeout=120, before=(), **env):
        """Runs a command to its end. `before` goes in front of it, inside the pod (strace, for one)."""
        extra = {name: str(value) for name, value in env.items()}
        account = None
        if self.pod:
            account, extra = self.pod.account, self.pod.env | extra
        done = subprocess.run(
            pods.enter([*before, *command], account, self.hosts), input=stdin, env=self.env | extra,
            cwd=self.directory, capture_output=True, text=True, timeout=timeout)
        return Result(done.returncode, done.stdout, done.stderr)

    def helper(self, verb, stdin="", **options):
        return self.run(self.binary, verb, stdin=stdin, **options)

    def get(self, server, **options):
        return self.helper("get", server, **options)

    def configure(self, *registries):
        """Makes this helper the clients' own: for these registries, or without any for all."""
        docker, containers = self._folder(".docker"), self._folder(".config/containers")
        config = {"credHelpers": dict.fromkeys(registries, "kubeclarity")} if registries else {"credsStore": "kubeclarity"}
        (docker / "config.json").write_text(json.dumps(config))
        if not registries:  # skopeo, podman and buildah do not read credsStore
            (containers / "registries.conf").write_text('credential-helpers = ["kubeclarity"]\n')

    @property
    def asked(self):
        """The verbs with which clients called the helper so far."""
        log = self.directory / "asked"
        return log.read_text().split() if log.exists() else []

    def _folder(self, name):
        folder = self.directory / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def found(server, username, secret):
    """What a `get` that found something must be, byte for byte but for the order of keys."""
    return {"ServerURL": server, "Username": username, "Secret": secret}


def assert_found(result, server, username, secret):
    assert (result.code, result.err) == (0, ""), result
    assert result.out.endswith("\n") and result.out.count("\n") == 1, result
    assert json.loads(result.out) == found(server, username, secret)


def assert_not_found(result):
    assert result == Result(1, NOT_FOUND, "")


def assert_error(result, *parts):
    """One line on stdout that begins `kubeclarity: ` and holds all the parts."""
    assert (result.code, result.err) == (1, ""), result
    assert result.out.startswith("kubeclarity: "), result
    assert result.out.endswith("\n") and result.out.count("\n") == 1, result
    missing = [part for part in parts if part not in result.out]
    assert not missing, f"{missing} not in {result.out!r}"
