"""Bursts of helpers over a machine's mixed registries: what reaches the clouds, how long it takes, and that nothing grows.
`FAULTS=all` makes the long run ten thousand long."""
import json
import os
import time

import pytest

import azure_kinds
import faults
import google_kinds
import identities
from test_cached_answers import at_once

ECR = [f"{account}.dkr.ecr.{region}.amazonaws.com" for account in ("123456789012", "210987654321") for region in ("eu-west-1", "us-east-1")]
GOOGLE = ["gcr.io", "eu.gcr.io", "europe-docker.pkg.dev", "us-central1-docker.pkg.dev"]
ACR = ["boxregistry.azurecr.io"]
# What takes no network is asked for as well: it must not wait for what does.
OURS = ["registry.example.com", "ghcr.io", "mirror.example.com:5000"]
CALLS = len(ECR) + 1 + len(GOOGLE) + 2 * len(ACR)


@pytest.fixture
def questions(box, helper):
    """Twelve registries, each with the variables of one machine that has an identity for all of them."""
    helper.machine = {"KUBECLARITY_CACHE": None, "XDG_RUNTIME_DIR": helper.home / "run", "KUBECLARITY_TIMEOUT": "60"}
    (helper.home / "run").mkdir(mode=0o700)
    auths = {host: {"username": "user", "password": f"password of {host}"} for host in (OURS[0], OURS[2])}
    variables = {**identities.keys(box.aws.user()), **google_kinds.service_account(box, helper.home), **azure_kinds.client_secret(box, helper.home)[0],
                 "DOCKER_AUTH_CONFIG": json.dumps({"auths": auths}), "GITHUB_TOKEN": "a token for ghcr.io"}
    return [(host, variables) for host in [*ECR, "public.ecr.aws", *GOOGLE, *ACR, *OURS]]


def kept(helper):
    """The names and the sizes of all files that the helper left anywhere."""
    return {str(file.relative_to(helper.home)): file.stat().st_size for file in helper.home.rglob("*") if file.is_file()}


def forget(helper):
    for file in (helper.home / "run").rglob("*"):
        if file.is_file():
            file.unlink()


def burst(helper, questions, size=200):
    start = time.monotonic()
    secrets = at_once(helper, [questions[at % len(questions)] for at in range(size)])
    seconds = time.monotonic() - start
    by_host = {}
    for at, secret in enumerate(secrets):
        by_host.setdefault(questions[at % len(questions)][0], set()).add(secret)
    assert all(len(of) == 1 for of in by_host.values()), "one registry, two answers"
    return {host: next(iter(of)) for host, of in by_host.items()}, seconds


def test_a_thousand_in_bursts_of_two_hundred_with_nothing_kept(box, helper, questions):
    for number in range(5):
        forget(helper)
        before = len(box.requests)
        answers, seconds = burst(helper, questions)
        calls = [r.by for r in box.requests[before:]]
        assert len(calls) == CALLS, calls
        assert len(set(answers.values())) == len(questions)
        faults.told(f"cold burst {number + 1}: 200 gets of {len(questions)} registries in {seconds:.2f} s, {len(calls)} calls upstream")


def test_a_thousand_in_bursts_of_two_hundred_of_what_is_kept(box, helper, questions):
    first, _ = burst(helper, questions)
    before, files = len(box.requests), kept(helper)
    for number in range(5):
        answers, seconds = burst(helper, questions)
        assert answers == first and len(box.requests) == before, box.story()
        faults.told(f"warm burst {number + 1}: 200 gets of {len(questions)} registries in {seconds:.2f} s, no call upstream")
    assert kept(helper) == files
    # One answer for each registry that took the network; no lock, no temporary file.
    assert sum(name.startswith("run/") for name in files) == len(questions) - len(OURS), files


def test_a_long_run_grows_nothing(box, helper, questions):
    first, _ = burst(helper, questions, len(questions))
    before, files, open_files = len(box.requests), kept(helper), len(os.listdir("/proc/self/fd"))
    count = 10_000 if faults.ALL else 400
    start = time.monotonic()
    for at in range(count):
        host, variables = questions[at % len(questions)]
        assert helper.get(host, **variables).found()[1] == first[host]
    seconds = time.monotonic() - start
    assert len(box.requests) == before, box.story()
    assert kept(helper) == files
    assert len(os.listdir("/proc/self/fd")) <= open_files + 2
    faults.told(f"long run: {count} gets one after another in {seconds:.1f} s, {sum(files.values())} bytes in {len(files)} files before and after")
