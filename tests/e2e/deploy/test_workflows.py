"""The workflows of .github, as far as can be told without GitHub: what they call is there, what they may do is little."""
import os
import re
import subprocess

import pytest
import yaml

from manifests import REPOSITORY

WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in (REPOSITORY / ".github/workflows").glob("*.yml")}
STEPS = [(name, job, step) for name, workflow in WORKFLOWS.items() for job in workflow["jobs"].values() for step in job["steps"]]
CALL = re.compile(r"(?:^|[\s;&|])((?:\.ci|deploy|tests)/[\w/.-]+)")


def calls(script):
    return CALL.findall(script)


def test_both_are_there():
    assert sorted(WORKFLOWS) == ["ci", "release"]
    assert [step["run"] for name, _, step in STEPS if name == "ci" and "run" in step][-1] == "bash .ci/run"
    assert WORKFLOWS["release"][True] == {"push": {"tags": ["v*"]}}  # YAML 1.1 reads `on` as true


def test_every_script_that_is_called_is_there():
    called = {call for _, _, step in STEPS for call in calls(step.get("run", ""))}
    assert called == {".ci/run", ".ci/gates", "deploy/release", "tests/e2e/run"}
    for call in called:
        assert os.access(REPOSITORY / call, os.X_OK) or call == ".ci/run", call
    tracked = subprocess.run(["git", "-C", REPOSITORY, "ls-files", *called], check=True, capture_output=True, text=True).stdout.split()
    assert set(tracked) == called


@pytest.mark.parametrize("step", [step for _, _, step in STEPS if "run" in step], ids=lambda step: step["run"].split("\n")[0][:40])
def test_the_shell_reads_it(step):
    subprocess.run(["bash", "-n", "-c", step["run"]], check=True)
    assert "${{" not in step["run"], "what GitHub fills in is no text of a script's: it goes through env"


def test_a_release_has_both_architectures_each_on_its_own():
    build = WORKFLOWS["release"]["jobs"]["build"]
    assert build["strategy"]["matrix"]["include"] == [
        {"arch": "x86_64", "runner": "ubuntu-24.04"}, {"arch": "aarch64", "runner": "ubuntu-24.04-arm"}]
    assert build["runs-on"] == "${{ matrix.runner }}" and build["env"]["TARGET"] == "${{ matrix.arch }}-unknown-linux-musl"
    scripts = "\n".join(step.get("run", "") for step in build["steps"])
    for target in ("x86_64", "aarch64"):
        assert f"{target}-unknown-linux-musl" in (REPOSITORY / "deploy/static").read_text()
    assert 'deploy/release "$TARGET"' in scripts and 'deploy/release --check "$TARGET"' in scripts
    assert WORKFLOWS["release"]["jobs"]["publish"]["needs"] == "build"


def test_only_publishing_may_write_and_it_runs_nothing_of_the_repository():
    rights = {(name, label): job.get("permissions") for name, workflow in WORKFLOWS.items() for label, job in workflow["jobs"].items()}
    assert all(workflow["permissions"] == {"contents": "read"} for workflow in WORKFLOWS.values())
    assert {key: value for key, value in rights.items() if value} == {("release", "publish"): {"contents": "write"}}
    publish = WORKFLOWS["release"]["jobs"]["publish"]
    assert not [step for step in publish["steps"] if "checkout" in step.get("uses", "") or calls(step.get("run", ""))]


def test_actions_are_githubs_own_and_pinned():
    used = [step["uses"] for _, _, step in STEPS if "uses" in step]
    assert len(used) >= 6
    for action in used:
        assert re.fullmatch(r"actions/[a-z-]+@(v\d+\.\d+\.\d+|[0-9a-f]{40})", action), action
    images = [job["container"]["image"] for _, job, _ in STEPS if "container" in job]
    assert images and all(re.search(r":\d+\.\d+\.\d+-bookworm$|@sha256:[0-9a-f]{64}$", image) for image in images)
    for _, _, step in STEPS:
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
