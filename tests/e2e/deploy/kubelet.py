"""Runs a pod as kubelet would, as far as the programs inside can tell: each container in a root of its own, changed into by chroot,
read-only if the pod says so, as the pod's or the image's user, who gains no privileges, with its volumes, variables and service account.
No engine, no cgroup, no network of its own."""
import base64
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from lib.pod import ACCOUNT, volume

# Arguments: the root, rw or ro, then pairs of what is bound where and how; after --, the command.
ENTER = """\
root=$1 mode=$2; shift 2
/bin/mount --bind "$root" "$root"
while [ "$1" != -- ]; do
  /bin/mount --rbind "$1" "$root$2"
  if [ "$3" = ro ]; then /bin/mount -o remount,bind,ro "$root$2"; fi
  shift 3
done
shift
/bin/mount -o "remount,bind,$mode" "$root"
exec "$@"
"""


@dataclass
class Image:
    """A directory that is the whole of an image, and what it runs unless told otherwise."""
    root: Path
    entrypoint: list = field(default_factory=list)
    env: dict = field(default_factory=dict)
    user: int = 0


@dataclass
class Done:
    code: int
    out: str
    err: str


class Pod:
    """`spec` is a pod's; `images` maps the names in it to Images; ConfigMaps and Secrets are read from the API server."""

    def __init__(self, directory, api, namespace, spec, images, hosts, resolv_conf=None, env=()):
        self.directory, self.api, self.namespace, self.spec = Path(directory), api, namespace, spec
        self.images, self.hosts, self.resolv_conf, self.env = images, hosts, resolv_conf, dict(env)
        self.directory.mkdir()
        self.account = None
        if spec.get("automountServiceAccountToken", True):
            token = api.token(namespace, spec.get("serviceAccountName", "default"))
            self.account = volume(self.directory / "account", {"token": token, "namespace": namespace, "ca.crt": Path(api.ca).read_text()})
        self.volumes = {each["name"]: self._volume(each) for each in spec.get("volumes", ())}
        self.writable = {each["name"] for each in spec.get("volumes", ()) if "emptyDir" in each}
        self._number = 0

    def _object(self, kind, name):
        return self.api.request("GET", f"/api/v1/namespaces/{self.namespace}/{kind}/{name}")

    def _volume(self, each):
        place = self.directory / f"volume-{each['name']}"
        if "configMap" in each:
            data = self._object("configmaps", each["configMap"]["name"])["data"]
            return volume(place, {item["path"]: data[item["key"]] for item in each["configMap"].get("items", ())} or data)
        if "secret" in each:
            data = self._object("secrets", each["secret"]["secretName"])["data"]
            return volume(place, {key: base64.b64decode(value).decode() for key, value in data.items()})
        assert "emptyDir" in each, each
        place.mkdir()
        place.chmod(0o777)
        return place

    def run(self):
        """The init containers one after the other, then the container: the first that fails ends it."""
        for container in [*self.spec.get("initContainers", ()), *self.spec["containers"]]:
            done = self.container(container)
            if done.code:
                break
        return done

    def container(self, container, command=None):
        image = self.images[container["image"]]
        self._number += 1
        root = self.directory / f"root-{self._number}"
        shutil.copytree(image.root, root, symlinks=True)
        security = self.spec.get("securityContext", {}) | container.get("securityContext", {})
        binds = [("/dev", "/dev", "rw"), ("/proc", "/proc", "rw"), (self.hosts, "/etc/hosts", "ro")]
        if self.account:
            binds.append((self.account, ACCOUNT.replace("/run", "/var/run", 1), "ro"))
        for mount in container.get("volumeMounts", ()):
            writable = mount["name"] in self.writable and not mount.get("readOnly")
            binds.append((self.volumes[mount["name"]], mount["mountPath"], "rw" if writable else "ro"))
        if self.resolv_conf:
            binds.append((self.resolv_conf, "/etc/resolv.conf", "ro"))
        for source, target, _ in binds:
            place = root / target.lstrip("/")
            if Path(source).is_dir():
                place.mkdir(parents=True, exist_ok=True)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.touch()
        env = self._environment(image, container)

        def filled(words):
            return [re.sub(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)", lambda match: env.get(match[1], match[0]), word) for word in words]
        argv = command or filled([*(container.get("command") or image.entrypoint), *container.get("args", ())])
        user = security.get("runAsUser", image.user)
        assert not security.get("runAsNonRoot") or user, "runAsNonRoot, and root"
        mode = "ro" if security.get("readOnlyRootFilesystem") else "rw"
        # All by its path: PATH is the container's own, by which chroot looks for the command in the new root.
        enter = ["/usr/bin/unshare", "-m", "--propagation", "private", "/bin/sh", "-euc", ENTER, "pod", root, mode,
                 *(part for bind in binds for part in bind), "--",
                 "/usr/bin/setpriv", "--no-new-privs", "/usr/sbin/chroot", f"--userspec={user}:{security.get('runAsGroup', user)}", "--groups=", root, *argv]
        done = subprocess.run([str(part) for part in enter], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        return Done(done.returncode, done.stdout, done.stderr)

    def _environment(self, image, container):
        env = dict(image.env)
        for each in container.get("envFrom", ()):
            if "secretRef" in each:
                data = self._object("secrets", each["secretRef"]["name"])["data"]
                env |= {name: base64.b64decode(value).decode() for name, value in data.items()}
            else:
                env |= self._object("configmaps", each["configMapRef"]["name"])["data"]
        for each in container.get("env", ()):
            if "valueFrom" in each:
                reference = each["valueFrom"]["fieldRef"]["fieldPath"]
                env[each["name"]] = {"metadata.namespace": self.namespace}[reference]
            else:
                env[each["name"]] = each.get("value", "")
        return env | {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(self.api.port)} | self.env
