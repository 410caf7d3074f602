"""Images made on the spot: a few small layers, pushed by crane."""
import base64
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

from . import pod as pods


def push(directory, reference, layers, ca, hosts, login=None):
    """Pushes an image of so many layers; returns (reference, digest)."""
    directory = Path(directory)
    (directory / ".docker").mkdir(parents=True)
    if login:
        auth = base64.b64encode(":".join(login).encode()).decode()
        config = {"auths": {reference.split("/")[0]: {"auth": auth}}}
        (directory / ".docker/config.json").write_text(json.dumps(config))
    arguments = []
    for number in range(layers):
        arguments += ["-f", _layer(directory / f"{number}.tar", f"layer-{number}", f"{reference} {number}\n" * 1000)]
    command = ["crane", "append", "--oci-empty-base", *arguments, "-t", reference]
    done = subprocess.run(
        pods.enter(command, hosts=hosts), check=True, capture_output=True, text=True,
        env={"HOME": str(directory), "PATH": os.environ["PATH"], "SSL_CERT_FILE": str(ca)})
    return reference, done.stdout.strip().rsplit("@", 1)[1]


def _layer(path, name, content):
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content.encode()))
    return path
