"""crane pulls from each cloud's host with the helper as credsStore: a real registry behind each cloud's own way of asking."""
import json
import os
import subprocess

import pytest

import azure_kinds
import google_kinds
import identities
from box.helper import PROGRAM

ACCOUNT = "123456789012"
AWS = (lambda b, h: identities.keys(b.aws.user()))
CHINA = (lambda b, h: AWS(b, h) | {"AWS_REGION": "cn-north-1"})
AZURE = (lambda cloud: lambda b, h: azure_kinds.client_secret(b, h, cloud)[0] | azure_kinds.of_cloud(cloud))
HOSTS = [(f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com", AWS), (f"{ACCOUNT}.dkr.ecr-fips.us-east-1.amazonaws.com", AWS), (f"{ACCOUNT}.dkr-ecr.us-east-2.on.aws", AWS),
         (f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn", CHINA), ("public.ecr.aws", AWS),
         ("europe-west1-docker.pkg.dev", google_kinds.service_account), ("gcr.io", google_kinds.service_account), ("docker.europe-west3.rep.pkg.dev", google_kinds.external_impersonating),
         ("boxregistry.azurecr.io", AZURE("public")), ("boxregistry.azurecr.us", AZURE("us")), ("boxregistry.azurecr.cn", AZURE("china"))]


class Crane:
    """crane, with the helper on its PATH behind a script that keeps each question."""

    def __init__(self, helper, config):
        self.helper, self.log = helper, helper.home / "questions"
        binaries = helper.home / "path"
        binaries.mkdir()
        script = binaries / "docker-credential-kubeclarity"
        script.write_text(f'#!/bin/sh\nq=$(cat)\nprintf "%s\\n" "$q" >> {self.log}\nprintf "%s\\n" "$q" | exec {PROGRAM} "$@"\n')
        script.chmod(0o755)
        (helper.home / "docker").mkdir()
        (helper.home / "docker/config.json").write_text(json.dumps(config))
        self.path = f"{binaries}:{os.environ['PATH']}"

    def run(self, *arguments, **variables):
        environment = self.helper.environment(**variables, PATH=self.path, DOCKER_CONFIG=self.helper.home / "docker")
        return subprocess.run(["crane", *arguments], capture_output=True, text=True, env=environment, timeout=60)

    def questions(self):
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.mark.parametrize("host,lay", HOSTS, ids=[h for h, _ in HOSTS])
def test_a_private_image_is_pulled(box, helper, host, lay):
    digest = box.real_registry.push("team/app")
    crane = Crane(helper, {"credsStore": "kubeclarity"})
    variables = lay(box, helper.home)
    done = crane.run("pull", f"{host}/team/app:1", str(helper.home / "image.tar"), **variables)
    assert done.returncode == 0, f"{done.stderr}\n{box.story()}"
    assert (helper.home / "image.tar").stat().st_size > 0
    assert crane.run("digest", f"{host}/team/app:1", **variables).stdout.strip() == digest
    assert crane.questions()[0] == f"{host}/team/app", crane.questions()
    assert box.asked("registry")[0].status == 401      # the registry is a private one


@pytest.mark.parametrize("host,lay", [HOSTS[0], HOSTS[5], HOSTS[8]], ids=["ecr", "google", "azure"])
def test_without_an_identity_the_registry_refuses(box, helper, host, lay):
    box.real_registry.push("team/app")
    done = Crane(helper, {"credsStore": "kubeclarity"}).run("manifest", f"{host}/team/app:1")
    assert done.returncode != 0 and ("401" in done.stderr or "UNAUTHORIZED" in done.stderr or "GET with Basic" in done.stderr), f"{done.stderr}\n{box.story()}"


@pytest.mark.parametrize("host,lay", [HOSTS[0], HOSTS[5], HOSTS[8]], ids=["ecr", "google", "azure"])
def test_as_a_credential_helper_of_one_host(box, helper, host, lay):
    box.real_registry.push("team/app")
    crane = Crane(helper, {"credHelpers": {host: "kubeclarity"}})
    done = crane.run("manifest", f"{host}/team/app:1", **lay(box, helper.home))
    assert done.returncode == 0, f"{done.stderr}\n{box.story()}"
