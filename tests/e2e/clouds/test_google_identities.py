"""Every kind of Application Default Credentials opens every Google registry, with read-only scopes."""
import json

import pytest

import google_kinds
from box.google_account import CLOUD_PLATFORM, IAM, READ_ONLY, STORAGE

HOST = "europe-west1-docker.pkg.dev"
HOSTS = ["gcr.io", "eu.gcr.io", "us.gcr.io", "asia.gcr.io", "marketplace.gcr.io", HOST, "us-docker.pkg.dev", "us-central1-docker.pkg.dev",
         "docker.europe-west3.rep.pkg.dev", "docker.us-central1.rep.pkg.dev", "container.cloud.google.com"]


def token(box, answer):
    user, secret = answer.found()
    assert user == "oauth2accesstoken"
    assert secret in box.google.tokens, box.story()
    return box.google.tokens[secret]


@pytest.mark.parametrize("form", ["{}", "{}/project/repo/app", "https://{}"])
@pytest.mark.parametrize("host", HOSTS)
def test_every_row_of_the_table(box, helper, host, form):
    got = token(box, helper.get(form.format(host), **google_kinds.service_account(box, helper.home)))
    assert (got.identity, got.endpoint) == (google_kinds.EMAIL, "oauth2.googleapis.com")
    assert got.scopes == {READ_ONLY, STORAGE}
    assert box.endpoints() == ["POST oauth2.googleapis.com/token"], box.story()


@pytest.mark.parametrize("kind", google_kinds.EVERY)
def test_each_kind(box, helper, kind):
    lay, identity, fakes = google_kinds.EVERY[kind]
    helper.machine = {"BOX_DMI": {"metadata server": "gce", "external_account aws metadata": "ec2"}.get(kind, "none")}
    got = token(box, helper.get(HOST, **lay(box, helper.home)))
    assert got.identity == identity, box.story()
    assert {r.by for r in box.requests} == set(fakes), box.story()
    if "user" not in kind or "impersonated" in kind:      # what a person consented to cannot be narrowed
        assert got.scopes == {READ_ONLY, STORAGE}, got


@pytest.mark.parametrize("kind", ["impersonated_service_account", "external_account impersonating"])
def test_the_wider_scope_serves_only_to_impersonate(box, helper, kind):
    got = token(box, helper.get(HOST, **google_kinds.EVERY[kind][0](box, helper.home)))
    others = [t for t in box.google.tokens.values() if t is not got]
    assert len(others) == 1 and others[0].scopes & {CLOUD_PLATFORM, IAM}
    assert got.endpoint == "iamcredentials.googleapis.com"


def test_impersonation_from_a_federated_identity(box, helper):
    """google-auth does not have this combination, Google's other clients do."""
    assert token(box, helper.get(HOST, **google_kinds.impersonated_by_federation(box, helper.home))).identity == google_kinds.EMAIL
    assert [r.by for r in box.requests] == ["google-sts", "google-iam"], box.story()


def test_delegates_are_passed_on(box, helper):
    middle = "middle@box-project.iam.gserviceaccount.com"
    assert token(box, helper.get(HOST, **google_kinds.impersonated(box, helper.home, [middle]))).identity == google_kinds.EMAIL


def test_the_lifetime_that_a_configuration_wants(box, helper):
    google_kinds.external_impersonating(box, helper.home)
    variables = google_kinds.external_file(box, helper.home, service_account_impersonation_url=f"{google_kinds.IAM_URL}/{google_kinds.EMAIL}:generateAccessToken",
                                           service_account_impersonation={"token_lifetime_seconds": 600})
    token(box, helper.get(HOST, **variables))
    assert json.loads(box.asked("google-iam")[0].body)["lifetime"] == "600s", box.asked("google-iam")[0].body


def test_the_file_that_gcloud_leaves_needs_no_variable(box, helper):
    variables = google_kinds.authorized_user(box, helper.home)
    place = helper.home / ".config/gcloud/application_default_credentials.json"
    place.parent.mkdir(parents=True)
    variables["GOOGLE_APPLICATION_CREDENTIALS"].rename(place)
    assert token(box, helper.get(HOST)).identity == "person@example.com"


def test_a_configuration_directory_that_a_variable_names(box, helper):
    variables = google_kinds.authorized_user(box, helper.home)
    (helper.home / "conf").mkdir()
    variables["GOOGLE_APPLICATION_CREDENTIALS"].rename(helper.home / "conf/application_default_credentials.json")
    assert token(box, helper.get(HOST, CLOUDSDK_CONFIG=helper.home / "conf")).identity == "person@example.com"


def test_a_plain_text_subject_token_from_a_url(box, helper):
    google_kinds.external_url(box, helper.home)
    box.subject_url.as_json = False
    source = {"url": box.subject_url.url, "headers": {"X-Agent": "box"}}
    assert token(box, helper.get(HOST, **google_kinds.lay(helper.home, google_kinds.external(source)))).identity == google_kinds.FEDERATED


def test_the_metadata_server_is_asked_for_both_scopes_at_once(box, helper):
    helper.machine = {"BOX_DMI": "gce"}
    token(box, helper.get(HOST, **google_kinds.metadata(box, helper.home)))
    asked = box.asked("gce-metadata")[-1]
    assert asked.path == "/computeMetadata/v1/instance/service-accounts/default/token"
    assert set(asked.query["scopes"].split(",")) == {READ_ONLY, STORAGE}, box.story()


def test_a_key_comes_before_the_machine(box, helper):
    google_kinds.metadata(box, helper.home)
    helper.machine = {"BOX_DMI": "gce"}
    assert token(box, helper.get(HOST, **google_kinds.service_account(box, helper.home))).identity == google_kinds.EMAIL
    assert not box.asked("gce-metadata"), box.story()


def test_a_server_error_is_tried_again(box, helper):
    box.oauth.failures = [503]
    token(box, helper.get(HOST, **google_kinds.service_account(box, helper.home)))
    assert [r.status for r in box.requests] == [503, 200], box.story()
