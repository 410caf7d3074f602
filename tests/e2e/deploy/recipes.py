"""The recipes of docs/recipes, as the tests run them: the very files, with the tests' names in place of the examples in them."""
import base64
import re
import shutil
import subprocess
from pathlib import Path

import yaml

from kubelet import Image, Pod
from lib.pod import volume
from manifests import REPOSITORY, objects

RECIPES = REPOSITORY / "docs/recipes"
HELPER = "registry.example.com/docker-credential-kubeclarity:0.1.0"
APP = "registry.example.com/team/app:1"
CRANE = "gcr.io/go-containerregistry/crane:v0.22.1"


def read(name):
    return (RECIPES / name).read_text()


def manifests():
    """The files that kubectl applies: all of whose documents have a kind."""
    names = sorted(str(path.relative_to(RECIPES)) for path in RECIPES.rglob("*.yaml"))
    return [name for name in names if all("kind" in parsed for parsed in objects(read(name)))]


def pages():
    return sorted(RECIPES.rglob("*.md"))


class Recipe:
    """A recipe in a namespace of its own; `names` are put in place of the examples, each of which must be there."""

    def __init__(self, api, server, name, **names):
        text = read(name)
        self.api, self.namespace = api, api.namespace("recipe")
        own, = {parsed["metadata"]["namespace"] for parsed in objects(text)}
        for old, new in names.items():
            assert old in text, f"{name} has no {old}"
            text = text.replace(old, new)
        self.text = re.sub(rf"\bnamespace: {own}\b", f"namespace: {self.namespace}", text)
        server.apply(self.text)
        for role in (parsed for parsed in objects(self.text) if parsed["kind"] == "Role"):
            for rule in role["rules"]:
                api._wait_for_right(self.namespace, rule, f"{self.namespace}/{self.spec['serviceAccountName']}")

    def the(self, kind):
        found, = [parsed for parsed in objects(self.text) if parsed["kind"] == kind]
        return found

    @property
    def template(self):
        """The pod's, of the Job or CronJob."""
        jobs = [parsed["spec"] for parsed in objects(self.text) if parsed["kind"] in ("Job", "CronJob")]
        return jobs[0].get("jobTemplate", {}).get("spec", jobs[0])["template"]

    @property
    def spec(self):
        return self.template["spec"]

    def pod(self, directory, images, hosts, **more):
        return JobPod(directory, self.api, self.namespace, self.spec, images, hosts, **more)


class JobPod(Pod):
    """With what pods of the recipes have besides: projected tokens (`tokens` by audience), optional secrets, variables out of secrets."""

    def __init__(self, *arguments, tokens=(), **more):
        self.tokens = dict(tokens)
        super().__init__(*arguments, **more)

    def _volume(self, each):
        place = self.directory / f"volume-{each['name']}"
        if "projected" in each:
            sources = [source["serviceAccountToken"] for source in each["projected"]["sources"]]
            return projected(place, {source["path"]: self.tokens[source["audience"]] for source in sources})
        if each.get("secret", {}).get("optional") and each["secret"]["secretName"] not in self._secrets():
            return volume(place, {})
        return super()._volume(each)

    def _secrets(self):
        return [item["metadata"]["name"] for item in self.api.request("GET", f"/api/v1/namespaces/{self.namespace}/secrets")["items"]]

    def _environment(self, image, container):
        plain = [each for each in container.get("env", ()) if "secretKeyRef" not in each.get("valueFrom", {})]
        env = super()._environment(image, container | {"env": plain})
        for each in (each for each in container.get("env", ()) if each not in plain):
            reference = each["valueFrom"]["secretKeyRef"]
            env[each["name"]] = base64.b64decode(self._object("secrets", reference["name"])["data"][reference["key"]]).decode()
        return env

    def explain(self, image):
        """What explain.yaml does, in this pod: its account and what a webhook added, with the helper's image."""
        container = self.spec["containers"][0]
        kept = [each for each in container.get("env", ()) if each["name"] not in ("PATH", "DOCKER_CONFIG", "HOME")]
        return self.container({"image": HELPER, "args": ["explain", image], "env": kept,
                               "volumeMounts": [mount for mount in container["volumeMounts"] if mount["name"] not in ("helper", "tmp")]})


def projected(place, files):
    """Files, with folders, as kubelet lays out a projected volume: the first part of each path is a link through `..data`."""
    dated = place / "..2026_01_02_03_04_05.678901234"
    dated.mkdir(parents=True)
    (place / "..data").symlink_to(dated.name)
    for path, content in files.items():
        (dated / path).parent.mkdir(parents=True, exist_ok=True)
        (dated / path).write_text(content)
        first = Path(path).parts[0]
        (place / first).symlink_to(f"..data/{first}")
    return place


def root_of(directory, authorities, programs, files=(), certificates="etc/ssl/certs"):
    """A directory that is an image of these programs (place: program), with the libraries that they load, and the authorities."""
    certificates = directory / certificates / "ca-certificates.crt"
    certificates.parent.mkdir(parents=True)
    shutil.copy(authorities, certificates)
    for place, program in programs.items():
        target = directory / place.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(program).resolve(), target)
        loaded = subprocess.run(["ldd", program], capture_output=True, text=True)
        for library in re.findall(r"(/\S+) \(0x", loaded.stdout):
            copy = directory / library.lstrip("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path(library).resolve(), copy)
    for place, text in dict(files).items():
        target = directory / place.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return Image(directory, [next(iter(programs))])


def page(name):
    """The text of a page, its lines joined, so that a quotation may run over an end of line."""
    return re.sub(r"\s+", " ", (RECIPES / name).read_text())


def yaml_of(name):
    return yaml.safe_load(read(name))
