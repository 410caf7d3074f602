"""Debian's docker-registry with TLS, open or behind a password."""
import json
import os
import re
import subprocess
import time
from pathlib import Path


class Registry:
    """Serves `name:port` (see `host`) until stopped. With `users`, a dict of passwords, all is private."""

    def __init__(self, directory, name, authority, users=None):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True)
        certificate, key = authority.server(name, "127.0.0.1")
        config = {
            "version": "0.1", "log": {"level": "info"},
            "storage": {"filesystem": {"rootdirectory": str(self.directory / "data")}},
            "http": {"addr": "127.0.0.1:0", "tls": {"certificate": str(certificate), "key": str(key)}}}
        if users:
            (self.directory / "htpasswd").write_text("".join(_htpasswd(*user) for user in users.items()))
            config["auth"] = {"htpasswd": {"realm": name, "path": str(self.directory / "htpasswd")}}
        (self.directory / "config.yml").write_text(json.dumps(config))  # JSON is YAML
        self.log = self.directory / "log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                ["docker-registry", "serve", self.directory / "config.yml"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"})
        self.port = self._port()
        self.host = f"{name}:{self.port}"

    def _port(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if match := re.search(r"listening on 127\.0\.0\.1:(\d+)", self.log.read_text()):
                return int(match[1])
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"docker-registry does not listen:\n{self.log.read_text()}")

    def stop(self):
        self._process.terminate()
        self._process.wait(10)


def _htpasswd(user, password):
    done = subprocess.run(["htpasswd", "-niBC", "4", user], input=password, check=True, capture_output=True, text=True)
    return done.stdout.strip() + "\n"
