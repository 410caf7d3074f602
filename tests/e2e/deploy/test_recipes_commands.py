"""The commands of the recipes' pages, as they stand there, in a copy of the repository: a shell runs them, with the tools themselves replaced by
fakes that note how they were called. So every variable was set, every file is there, and nothing is used before it was made."""
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from manifests import objects
from recipes import RECIPES, manifests, pages, read

TOOLS = ["aws", "az", "buildah", "deploy/image/build", "gcloud", "helm", "kubectl", "podman"]
# Notes the directory and the arguments; where a value is asked for, prints one.
FAKE = """#!/usr/bin/env python3
import json, os, sys
with open({log!r}, "a") as log:
    log.write(json.dumps([os.getcwd(), {name!r}, *sys.argv[1:]]) + "\\n")
if "--query" in sys.argv:
    print("value-of-" + sys.argv[sys.argv.index("--query") + 1])
"""


def blocks(name):
    return [re.sub(r"^  ", "", block, flags=re.MULTILINE) if block.startswith("  ") else block
            for block in re.findall(r"^ *```sh\n(.*?)^ *```$", (RECIPES / name).read_text(), re.MULTILINE | re.DOTALL)]


ALL = [(path.name, text) for path in pages() for text in blocks(path.name)]


@pytest.fixture
def run(tmp_path):
    """Runs a block from the top directory; returns the calls: (directory below the recipes, words)."""
    tree, log, programs = tmp_path / "tree", tmp_path / "calls", tmp_path / "bin"
    shutil.copytree(RECIPES, tree / "docs/recipes")
    for name in TOOLS:
        place = tree / name if "/" in name else programs / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(FAKE.format(log=str(log), name=name))
        place.chmod(0o755)

    def run(text):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=tree, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              env={"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(tmp_path)})
        assert done.returncode == 0, done
        calls = [json.loads(line) for line in log.read_text().splitlines()]
        return [(Path(directory), words) for directory, *words in calls]
    return run


def files(directory, words):
    """The files that a call reads, which must be there."""
    named = [after for word, after in zip(words, words[1:]) if word in ("-f", "--file", "--values")]
    named += [word.removeprefix("file://") for word in words if word.startswith("file://")]
    for name in named:
        assert (directory / name).is_file(), f"{' '.join(words)}: {name} is not in {directory}"
    return [str((directory / name).resolve()).partition("/docs/recipes/")[2] for name in named]


@pytest.mark.parametrize("name, text", ALL, ids=[f"{name}-{number}" for number, (name, _) in enumerate(ALL)])
def test_nothing_is_used_before_it_was_made(run, name, text):
    made, built, used = set(), set(), set()
    for directory, words in run(text):
        read_files = files(directory, words)
        line = " ".join(words)
        if words[:3] == ["kubectl", "create", "namespace"]:
            made.add(words[3])
        elif words[0] == "kubectl" and "docker-registry" in words:
            namespace, secret = words[words.index("-n") + 1], words[words.index("docker-registry") + 1]
            assert namespace in made, line
            made.add((namespace, secret))
        elif words[:2] == ["kubectl", "apply"]:
            for manifest in read_files:
                needs(manifest, made)
        elif words[0] == "kubectl" and "logs" in words:
            assert "waited" in made, f"{line}: its container may not have started"
        elif words[0] == "kubectl" and "wait" in words:
            made.add("waited")
        elif words[:2] == ["podman", "build"]:
            built.add(words[words.index("-t") + 1])
        elif words[0] == "deploy/image/build":
            built.add(words[1])
        elif words[1] == "push":
            assert words[2] in built, line
            used.add(words[2])
        elif words[:3] == ["helm", "repo", "add"]:
            made.add(words[3])
        elif words[:2] == ["helm", "upgrade"]:
            assert words[3].split("/")[0] in made and "--version" in words, line
            made.add(words[words.index("-n") + 1])  # the release is there, and so is its namespace
        elif "create" in words:  # of a cloud
            made.add(words[words.index("create") + 1])
        elif words[:2] == ["aws", "iam"] and words[2] == "create-role":
            made.add(words[words.index("--role-name") + 1])
        elif "put-role-policy" in words:
            assert words[words.index("--role-name") + 1] in made, line
        for account in re.findall(r"serviceAccount:([a-z]+)@", line):
            assert account in made, f"{line}: nobody made {account}"
    assert built == used, f"{built - used} is built and nowhere pushed"


def needs(manifest, made):
    """That the manifest's namespace was made before, and the pull secrets that its account names."""
    if manifest == "explain.yaml":  # comes after a recipe, into its namespace
        return
    for parsed in objects(read(manifest)):
        namespace = parsed["metadata"]["namespace"]
        assert namespace in made, f"{manifest}: nobody made the namespace {namespace}"
        for secret in parsed.get("imagePullSecrets", ()):
            assert (namespace, secret["name"]) in made, f"{manifest}: nobody made {secret['name']}"


def test_every_manifest_is_applied_by_its_page():
    told = {name for name in manifests() for page_name, text in ALL
            if re.search(rf"\bdocs/recipes/{re.escape(name)}\b|\bor {re.escape(name)}\b", text)
            or re.search(rf"cd docs/recipes/{re.escape(name.split('/')[0])}\n.*-f {re.escape(name.split('/')[-1])}\b", text, re.DOTALL)}
    assert told == set(manifests())


def test_what_the_clouds_are_told_was_asked_of_them(run):
    """AKS: the values that `az` printed go into the commands that want them."""
    calls = [" ".join(words) for _, words in run(blocks("aks.md")[0])]
    for flag, query in [("--assignee-object-id", "principalId"), ("--scope", "id"), ("--issuer", "oidcIssuerProfile.issuerUrl")]:
        assert any(f"{flag} value-of-{query} " in f"{call} " for call in calls), calls


def test_the_ci_image_is_named_as_the_jobs_name_it():
    for name in ("gitlab-ci.yml", "github.yml"):
        image, = re.findall(r"\S+/crane:\S+", read(f"crane-ci/{name}"))
        assert image in blocks("crane-ci.md")[0], image
