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


RUNS = [(job, step["run"]) for _, job, step in STEPS if "run" in step]
# What dash reads without a complaint and does not do.
BASH_ONLY = re.compile(r"\[\[|\bpipefail\b|^\s*source\s|\$'|\bdeclare\b|\$RANDOM", re.M)


@pytest.mark.parametrize("job, script", RUNS, ids=[script.split("\n")[0][:40] for _, script in RUNS])
def test_the_shell_reads_it(job, script):
    """A job in a container has `sh`, one on the machine itself `bash`."""
    assert "shell" not in job.get("defaults", {}).get("run", {}) and all("shell" not in step for step in job["steps"])
    shell = "sh" if "container" in job else "bash"
    subprocess.run([shell, "-n", "-c", script], check=True)
    assert shell == "bash" or not BASH_ONLY.search(script), BASH_ONLY.search(script)
    assert "${{" not in script, "what GitHub fills in is no text of a script's: it goes through env"


def test_sh_is_not_bash_here_and_arrays_are_refused():
    """A `sh` that is bash would read what a container's does not."""
    assert subprocess.run(["sh", "-n", "-c", "a=(b c)"], capture_output=True).returncode != 0


def test_actionlint_finds_nothing():
    files = sorted((REPOSITORY / ".github/workflows").glob("*.yml"))
    done = subprocess.run(["actionlint", "-no-color", *files], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done


def test_actionlint_would_find_something(tmp_path):
    broken = tmp_path / "broken.yml"
    broken.write_text((REPOSITORY / ".github/workflows/ci.yml").read_text().replace("runs-on", "runs_on"))
    assert subprocess.run(["actionlint", "-no-color", broken], capture_output=True).returncode == 1


def test_containers_have_what_the_scripts_need():
    for job in {id(job): job for job, _ in RUNS if "container" in job}.values():
        scripts = [step.get("run", "") for step in job["steps"]]
        installs = [number for number, script in enumerate(scripts) if "apt-get install" in script and "python3-venv" in script]
        assert installs and installs[0] < min(number for number, script in enumerate(scripts) if calls(script)), scripts


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


def test_a_tag_is_compared_as_text(tmp_path):
    """The step that refuses a tag: run, with tags that are patterns for the version."""
    script, = (script for _, script in RUNS if script.startswith("grep") and "GITHUB_REF_NAME" in script)
    (tmp_path / "Cargo.toml").write_text('version = "1.2.3"\n')
    def accepts(tag):
        return subprocess.run(["sh", "-ec", script], cwd=tmp_path, env=os.environ | {"GITHUB_REF_NAME": tag}).returncode == 0
    assert accepts("v1.2.3")
    for tag in ("v1x2.3", "v1.2..", "v.*", "v1.2.3-rc1", "v1.2", "v", "v1.2.[3]"):
        assert not accepts(tag), tag


def test_only_publishing_may_write_and_it_runs_nothing_of_the_repository():
    rights = {(name, label): job.get("permissions") for name, workflow in WORKFLOWS.items() for label, job in workflow["jobs"].items()}
    assert all(workflow["permissions"] == {"contents": "read"} for workflow in WORKFLOWS.values())
    assert {key: value for key, value in rights.items() if value} == {
        ("release", "publish"): {"contents": "write", "id-token": "write", "attestations": "write"}}
    publish = WORKFLOWS["release"]["jobs"]["publish"]
    assert not [step for step in publish["steps"] if "checkout" in step.get("uses", "") or calls(step.get("run", ""))]


def test_all_that_is_published_is_attested_first():
    steps = WORKFLOWS["release"]["jobs"]["publish"]["steps"]
    sums, attest, create = (next(number for number, step in enumerate(steps) if part in step.get("run", step.get("uses", "")))
                            for part in ("sha256sum", "actions/attest-build-provenance@", "gh release create"))
    assert sums < attest < create
    assert steps[sums]["run"] == "cd dist && sha256sum -- * > ../SHA256SUMS"
    assert steps[attest]["with"] == {"subject-checksums": "SHA256SUMS"}
    assert steps[create]["run"].endswith(" dist/* SHA256SUMS")
    how = (REPOSITORY / "docs/releasing.md").read_text()
    assert "gh attestation verify FILE" in how and "release.yml@refs/tags/vVERSION" in how


USES = re.compile(r"^\s*-?\s*uses:\s*(.*)$", re.M)
PINNED = re.compile(r"(actions/[a-z-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)")


def test_actions_are_githubs_own_and_pinned_by_commit():
    used = [line for path in (REPOSITORY / ".github/workflows").iterdir() for line in USES.findall(path.read_text())]
    assert len(used) == len([step for _, _, step in STEPS if "uses" in step]) >= 7
    pins = {}
    for line in used:
        assert PINNED.fullmatch(line), f"{line}: name the commit, and its version in a comment"
        action, commit, version = PINNED.fullmatch(line).groups()
        assert pins.setdefault(action, (commit, version)) == (commit, version), action
    images = [job["container"]["image"] for _, job, _ in STEPS if "container" in job]
    assert images and all(re.search(r":\d+\.\d+\.\d+-bookworm$|@sha256:[0-9a-f]{64}$", image) for image in images)
    for _, _, step in STEPS:
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


SCRIPTS = [REPOSITORY / path for path in subprocess.run(["git", "-C", REPOSITORY, "ls-files"], check=True, capture_output=True, text=True).stdout.split("\n")
           if path and not path.startswith(("docs/", "src/")) and not path.endswith((".md", ".txt", ".lock"))]
INSTALL = re.compile(r"(?<![\w-])pip3?\"? install\b.*")


def test_pip_accepts_nothing_without_a_hash():
    """Every `pip install` in a script names files with hashes, and takes no source package, whose build would fetch more."""
    found = [(path.name, line) for path in SCRIPTS for line in INSTALL.findall(path.read_text(errors="replace"))
             if path.name != "test_workflows.py"]
    assert {name for name, _ in found} == {"tool", "prepare"}, found
    for name, line in found:
        assert "--require-hashes" in line and "--only-binary :all:" in line and " -r " in line, (name, line)


REQUIREMENTS = [*sorted((REPOSITORY / ".ci/tools").glob("*.txt")), REPOSITORY / "tests/e2e/requirements.txt"]


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.stem)
def test_every_package_has_a_version_and_hashes(path):
    packages = re.sub(r"\\\n", " ", path.read_text()).strip().splitlines()
    packages = [line for line in packages if not line.startswith("#")]
    assert packages
    for package in packages:
        assert re.fullmatch(r"[\w.-]+(\[[\w,-]+\])?==[\w.]+(\s+--hash=sha256:[0-9a-f]{64})+", package), package[:100]


def test_the_hashed_packages_are_those_that_are_asked_for():
    wanted = (REPOSITORY / "tests/e2e/requirements.in").read_text().split()
    locked = [line.split()[0] for line in (REPOSITORY / "tests/e2e/requirements.txt").read_text().splitlines() if "==" in line]
    assert wanted and {each.lower() for each in wanted} <= set(locked)
