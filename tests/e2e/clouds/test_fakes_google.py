"""The Google fakes are proven with Google's own client, google-auth."""
import json

import google.auth
import pytest
from google.auth import exceptions
from google.auth.transport.requests import Request

import google_kinds
from box.google_account import CLOUD_PLATFORM, READ_ONLY, STORAGE

SCOPES = [STORAGE, READ_ONLY]


def token(box, home, monkeypatch, variables, scopes=SCOPES):
    for name, value in {"HOME": home, "REQUESTS_CA_BUNDLE": box.ca.path, **variables}.items():
        monkeypatch.setenv(name, str(value))
    credentials, _ = google.auth.default(scopes=scopes)
    credentials.refresh(Request())
    return box.google.tokens[credentials.token]


@pytest.mark.parametrize("kind", google_kinds.EVERY)
def test_google_auth_is_served(box, tmp_path, monkeypatch, kind):
    lay, identity, fakes = google_kinds.EVERY[kind]
    variables = lay(box, tmp_path)
    found = token(box, tmp_path, monkeypatch, variables, [CLOUD_PLATFORM] if kind == "authorized_user" else SCOPES)
    assert found.identity == identity, box.story()
    assert set(fakes) <= {r.by for r in box.asked()}, box.story()


def change(home, **fields):
    file = home / "adc.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def test_a_key_of_another_account_is_refused(box, tmp_path, monkeypatch):
    variables = google_kinds.service_account(box, tmp_path)
    change(tmp_path, private_key=box.google.service_account("other")["private_key"])
    with pytest.raises(exceptions.RefreshError, match="Invalid JWT Signature"):
        token(box, tmp_path, monkeypatch, variables)


def test_an_unknown_scope_is_refused(box, tmp_path, monkeypatch):
    with pytest.raises(exceptions.RefreshError, match="invalid_scope"):
        token(box, tmp_path, monkeypatch, google_kinds.service_account(box, tmp_path), ["https://www.googleapis.com/auth/everything"])


def test_a_user_gets_no_scope_beyond_consent(box, tmp_path, monkeypatch):
    box.google.person()
    from google.oauth2.credentials import Credentials
    client, identity = next(iter(box.google.people.items()))
    credentials = Credentials(None, client[2], token_uri="https://oauth2.googleapis.com/token", client_id=client[0], client_secret=client[1], scopes=[STORAGE])
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(box.ca.path))
    with pytest.raises(exceptions.RefreshError, match="invalid_scope"):
        credentials.refresh(Request())


def test_a_pool_refuses_a_strangers_token(box, tmp_path, monkeypatch):
    variables = google_kinds.external_file(box, tmp_path)
    box.google.pools[google_kinds.AUDIENCE] = {"someone-else"}
    with pytest.raises(exceptions.OAuthError, match="attribute condition"):
        token(box, tmp_path, monkeypatch, variables)


def test_impersonation_needs_the_right_and_the_scope(box, tmp_path, monkeypatch):
    variables = google_kinds.impersonated(box, tmp_path)
    box.google.may_impersonate.clear()
    with pytest.raises(exceptions.RefreshError, match="getAccessToken"):
        token(box, tmp_path, monkeypatch, variables)
    weak = box.google.issue("x", {READ_ONLY}, "test")
    import urllib.error
    import urllib.request
    import ssl
    call = urllib.request.Request("https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b:generateAccessToken", b'{"scope":["openid"]}',
                                  {"Authorization": f"Bearer {weak}"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(call, context=ssl.create_default_context(cafile=box.ca.path))
    assert caught.value.code == 403 and b"scopes" in caught.value.read()
