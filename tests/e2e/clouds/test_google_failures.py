"""A Google identity that was asked for and fails is an error that names it; the machine's own is there and is never taken."""
import json
import os

import pytest

import google_kinds

HOST = "europe-west1-docker.pkg.dev"
NOT_GOOGLE = ["http://oauth2.googleapis.com/token", "https://evil.example/token", "https://oauth2.googleapis.com.evil.example/token", "https://evil.example/oauth2.googleapis.com/token",
              "https://oauth2.googleapis.com@evil.example/token", "https://127.0.0.1/token", "https://evilgoogleapis.com/token", "https://oauth2.googleapis.com:8443/token",
              "file:///etc/passwd", "", "https://localhost/token", "//oauth2.googleapis.com/token",
              "https://boxregistry.azurecr.io/token", "https://evil.example#.googleapis.com"]


@pytest.fixture(autouse=True)
def a_machine_with_an_account(box, helper):
    google_kinds.metadata(box, helper.home)
    helper.machine = {"BOX_DMI": "gce"}
    yield
    assert not box.asked("gce-metadata"), f"the next identity was asked\n{box.story()}"


def change(variables, **fields):
    file = variables["GOOGLE_APPLICATION_CREDENTIALS"]
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))
    return variables


@pytest.mark.parametrize("uri", NOT_GOOGLE)
def test_a_token_uri_that_is_not_googles_gets_nothing(box, helper, uri):
    helper.get(HOST, **change(google_kinds.service_account(box, helper.home), token_uri=uri)).failed("adc.json", "Google")
    assert box.silent(), box.story()


@pytest.mark.parametrize("uri", NOT_GOOGLE)
def test_a_token_url_that_is_not_googles_gets_nothing(box, helper, uri):
    helper.get(HOST, **google_kinds.external_file(box, helper.home, token_url=uri)).failed("adc.json", "Google")
    assert box.silent(), box.story()


@pytest.mark.parametrize("uri", ["https://oauth2.googleapis.com\\@evil.example/token", "https://oauth2.googleapis.com\t.evil.example/token", "https:oauth2.googleapis.com/token"])
def test_an_address_that_parsers_read_differently_does_not_lead_elsewhere(box, helper, uri):
    answer = helper.get(HOST, **change(google_kinds.service_account(box, helper.home), token_uri=uri))
    assert {r.host for r in box.requests} <= {"oauth2.googleapis.com"} and not box.dns.asked and not box.strays, (answer, box.story())


@pytest.mark.parametrize("uri", NOT_GOOGLE[:6])
@pytest.mark.parametrize("lay", [google_kinds.external_impersonating, google_kinds.impersonated])
def test_an_impersonation_url_that_is_not_googles_gets_nothing(box, helper, lay, uri):
    variables = change(lay(box, helper.home), service_account_impersonation_url=uri)
    helper.get(HOST, **variables).failed("adc.json", "Google")
    assert not box.asked("google-iam") and not box.strays and not box.dns.asked, box.story()


@pytest.mark.parametrize("uri", NOT_GOOGLE[:6])
def test_a_workforce_token_url_that_is_not_googles_gets_nothing(box, helper, uri):
    helper.get(HOST, **change(google_kinds.external_authorized_user(box, helper.home), token_url=uri)).failed("adc.json", "Google")
    assert box.silent(), box.story()


def test_a_user_s_token_uri_that_is_not_googles_gets_nothing(box, helper):
    helper.get(HOST, **change(google_kinds.authorized_user(box, helper.home), token_uri="https://evil.example/token"))
    assert not box.dns.asked and not box.strays, box.story()


@pytest.mark.parametrize("lay", [google_kinds.service_account, google_kinds.external_file, google_kinds.impersonated])
def test_another_universe_gets_nothing(box, helper, lay):
    """universe_domain makes up other names; a key of another universe is none of Google's registries'."""
    helper.get(HOST, **change(lay(box, helper.home), universe_domain="evil.example"))
    assert not box.dns.asked and not box.strays, box.story()


def test_a_key_that_google_does_not_know(box, helper):
    variables = google_kinds.service_account(box, helper.home)
    change(variables, private_key=box.google.service_account("other")["private_key"])
    message = helper.get(HOST, **variables).failed("Invalid JWT Signature")
    assert google_kinds.EMAIL in message or str(variables["GOOGLE_APPLICATION_CREDENTIALS"]) in message, message
    assert len(box.requests) == 1, f"a refusal is not tried again\n{box.story()}"


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"type":"nonsense"}', '{"type":"service_account"}', '{"client_email":"a@b"}'])
def test_a_file_that_is_no_credential(box, helper, text):
    file = helper.home / "adc.json"
    if text is not None:
        file.write_text(text)
    helper.get(HOST, GOOGLE_APPLICATION_CREDENTIALS=file).failed(str(file))
    assert box.silent(), box.story()


@pytest.mark.parametrize("field", ["private_key", "client_email"])
def test_a_key_file_with_a_field_missing(box, helper, field):
    variables = google_kinds.service_account(box, helper.home)
    file = variables["GOOGLE_APPLICATION_CREDENTIALS"]
    file.write_text(json.dumps({k: v for k, v in json.loads(file.read_text()).items() if k != field}))
    helper.get(HOST, **variables).failed(field)
    assert box.silent(), box.story()


def test_a_private_key_that_is_damaged_is_not_quoted(box, helper):
    variables = change(google_kinds.service_account(box, helper.home), private_key="-----BEGIN PRIVATE KEY-----\nc2VjcmV0LW1hdGVyaWFs\n-----END PRIVATE KEY-----\n")
    message = helper.get(HOST, **variables).failed(str(variables["GOOGLE_APPLICATION_CREDENTIALS"]))
    assert "c2VjcmV0" not in message
    assert box.silent(), box.story()


def test_a_revoked_login(box, helper):
    variables = google_kinds.authorized_user(box, helper.home)
    box.google.people = {(*k[:2], "another"): v for k, v in box.google.people.items()}
    helper.get(HOST, **variables).failed("expired or revoked")
    assert len(box.requests) == 1, box.story()


def test_a_subject_token_file_that_is_not_there(box, helper):
    variables = google_kinds.external_file(box, helper.home)
    (helper.home / "subject-token").unlink()
    helper.get(HOST, **variables).failed(str(helper.home / "subject-token"))
    assert box.silent(), box.story()


def test_a_subject_that_the_pool_refuses(box, helper):
    variables = google_kinds.external_file(box, helper.home)
    box.google.pools[google_kinds.AUDIENCE] = {"someone-else"}
    message = helper.get(HOST, **variables).failed("attribute condition")
    assert (helper.home / "subject-token").read_text() not in message


def test_an_impersonation_that_is_denied(box, helper):
    variables = google_kinds.external_impersonating(box, helper.home)
    box.google.may_impersonate.clear()
    helper.get(HOST, **variables).failed(google_kinds.EMAIL)
    assert [r.by for r in box.requests] == ["google-sts", "google-iam"], box.story()


def test_an_executable_that_the_user_did_not_allow_is_not_run(box, helper):
    variables = google_kinds.external_executable(box, helper.home)
    program = helper.home / "vend"
    program.write_text(f"#!/bin/sh\ntouch {helper.home}/ran\n{program.read_text()[len('#!/bin/sh'):]}")
    helper.get(HOST, **variables | {"GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES": None}).failed("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES")
    helper.get(HOST, **variables | {"GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES": "0"}).failed("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES")
    assert not os.path.exists(helper.home / "ran") and box.silent(), box.story()


@pytest.mark.parametrize("body", ["exit 4", "echo nonsense", """echo '{"version":1,"success":false,"code":"401","message":"caller not authorized"}'""", "sleep 30"])
def test_an_executable_that_fails(box, helper, body):
    variables = google_kinds.external_executable(box, helper.home)
    (helper.home / "vend").write_text(f"#!/bin/sh\n{body}\n")
    file = variables["GOOGLE_APPLICATION_CREDENTIALS"]
    file.write_text(file.read_text().replace("5000", "1000"))
    answer = helper.get(HOST, **variables)
    message = answer.failed("adc.json")
    assert "executable" in message or "program" in message, message
    assert answer.seconds < 3 and box.silent(), box.story()
