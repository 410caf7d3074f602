"""What deploy/release makes, and that it makes the same twice. That the program is the same twice is deploy/release --check's."""
import json
import os
import re
import shlex
import subprocess

import pytest
import yaml

from lib.helper import NAME
from manifests import CHART, KUSTOMIZE, REPOSITORY, template

TARGET = f"{os.uname().machine}-unknown-linux-gnu"
VERSION = re.search(r'^version = "(.*)"', (REPOSITORY / "Cargo.toml").read_text(), re.M)[1]
FILE = f"{NAME}-{VERSION}-{os.uname().machine}"
CHART_FILE = f"{NAME}-chart-{VERSION}.tgz"


def release(dist, program, storage):
    environment = os.environ | {"DIST": str(dist), "PROGRAM": str(program), "BUILDAH": shlex.join(["buildah", *storage])}
    subprocess.run([REPOSITORY / "deploy/release", TARGET], env=environment, check=True, stdin=subprocess.DEVNULL)
    return dist


@pytest.fixture(scope="module")
def dist(work, program, storage):
    return release(work / "dist", program, storage)


def test_the_files_and_their_sums(dist, program):
    assert sorted(path.name for path in dist.iterdir()) == sorted([FILE, f"{FILE}.cdx.json", f"{FILE}.oci.tar", CHART_FILE, "SHA256SUMS"])
    done = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=dist, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count(": OK") == 4, done
    assert (dist / FILE).read_bytes() == program.read_bytes() and os.access(dist / FILE, os.X_OK)


def test_they_are_the_same_twice(dist, work, program, storage):
    again = release(work / "dist-again", program, storage)
    for path in dist.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name


def crates(*options):
    out = subprocess.run(["cargo", "tree", "--locked", "--prefix", "none", "--format", "{p}", "--target", TARGET, *options],
                         cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    return {tuple(line.split()[:2]) for line in out.splitlines()} - {(NAME, f"v{VERSION}")}


def test_the_sbom_names_what_is_in_the_program(dist):
    text = (dist / f"{FILE}.cdx.json").read_text()
    bom = json.loads(text)
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.5")
    assert (bom["metadata"]["component"]["name"], bom["metadata"]["component"]["version"]) == (NAME, VERSION)
    named = {(component["name"], "v" + component["version"]) for component in bom["components"]}
    # cargo metadata, from which the SBOM is made, counts in what a feature mentions without turning it on (time-macros).
    used = crates("--edges", "normal")
    assert used <= named and len(named - used) <= 2, named ^ used
    locked = {(name, f"v{version}"): checksum for name, version, checksum in re.findall(
        r'name = "(.*)"\nversion = "(.*)"\nsource = ".*"\nchecksum = "(.*)"', (REPOSITORY / "Cargo.lock").read_text())}
    for component in bom["components"]:
        assert component["purl"] == f"pkg:cargo/{component['name']}@{component['version']}"
        assert component["licenses"], component["name"]
        assert component["hashes"] == [{"alg": "SHA-256", "content": locked[component["name"], "v" + component["version"]]}]
    assert "/tmp" not in text and str(REPOSITORY) not in text


def test_the_packed_chart_is_the_chart(dist, tmp_path):
    def templates(chart):
        return subprocess.run(["helm", "template", "scan", chart], check=True, capture_output=True, text=True).stdout
    assert templates(dist / CHART_FILE) == templates(CHART)


def test_the_version_is_one():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    example = yaml.safe_load((KUSTOMIZE / "example/kustomization.yaml").read_text())
    assert [chart["version"], chart["appVersion"], example["images"][0]["newTag"]] == [VERSION] * 3
    assert f"/{NAME}:{VERSION} " in (REPOSITORY / "README.md").read_text()
    assert template({"image": {"repository": "r"}, "scan": {"enabled": True, "targets": ["a"]}}).count(f'image: "r:{VERSION}"\n') == 1
