"""A pod, as far as a program inside can tell: its mounted service account and the API server's address."""
import os
from pathlib import Path

ACCOUNT = "/run/secrets/kubernetes.io/serviceaccount"  # /var/run is a link to /run
# Empty directories hide what the machine itself has there: its own service account, and what other podmans share.
ENTER = f"""\
for hidden in /run /dev/shm /var/lib/containers; do
  if [ -d $hidden ]; then mount -t tmpfs -o mode=755 tmpfs $hidden; fi
done
if [ "$1" ]; then mkdir -p {ACCOUNT}; mount --bind "$1" {ACCOUNT}; fi
if [ "$2" ]; then mount --bind "$2" /etc/hosts; fi
shift 2
exec "$@"
"""


def enter(command, account=None, hosts=None):
    """The command line that runs `command` in a private mount namespace.

    `account` is a directory to see as the service account's, `hosts` a file to see as /etc/hosts.
    """
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]
    return [*unshare, "sh", "-euc", ENTER, "pod", str(account or ""), str(hosts or ""), *map(str, command)]


def volume(directory, files):
    """Files as kubelet lays out a secret's volume: links through `..data` into a dated directory."""
    directory = Path(directory)
    dated = directory / "..2026_01_02_03_04_05.678901234"
    dated.mkdir(parents=True)
    (directory / "..data").symlink_to(dated.name)
    for name, content in files.items():
        (dated / name).write_text(content)
        (directory / name).symlink_to(f"..data/{name}")
    return directory


class Pod:
    """`account` is the directory to mount, `env` what kubelet sets."""

    def __init__(self, directory, token, namespace, ca, host, port):
        self.account = volume(directory, {"token": token, "namespace": namespace, "ca.crt": Path(ca).read_text()})
        self.env = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": str(port)}


