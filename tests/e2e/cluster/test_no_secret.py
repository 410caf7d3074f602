"""Against the real API server, under debug logging: no verb shows a secret, nor eight letters of one."""
import base64
import json

import pytest

HOST, OTHER = "registry.example.com", "stored.example.com"
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
SECRETS = {
    "pull": "Qz7vKp2mXw9rTn4bHd6s", "identity": "Nb6hUm2dSx9aEw4oGi7y", "github": "ghp_Jc2sVh7qPd4gTo9zMa6x", "ci": "Ex8nLw3yIr6kUb1fCv5t",
    "variable": "Hs9wDu4pKo7xQg2vAc6i", "aws": "Fi0tMs5vRj8oLa3qCb7u", "login": "Bg2yDt6mSe9zKr4pHv1f",
}


def forms(secret):
    for text in (secret, f"user:{secret}"):
        yield base64.b64encode(text.encode()).decode()
    yield secret


def told(text, secrets):
    return [secret for secret in secrets for form in forms(secret)
            if any(form[at:at + 8] in text for at in range(len(form) - 7))]


@pytest.fixture
def everything(api, home, namespace, in_pod):
    """A pod with every kind of secret; returns all that nobody may read, the pod's own token among it."""
    api.service_account(namespace, "scanner", ["regcred"])
    api.pull_secret(namespace, "regcred", {HOST: {"username": "user", "password": SECRETS["pull"]},
                                           "token.example.com": {"identitytoken": SECRETS["identity"]}})
    api.secret(namespace, "ecr-sa", {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRETS["aws"]})
    api.allow_get(namespace, f"{namespace}/scanner", ["regcred", "ecr-sa"], ["scanner"])
    secret_rules = [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["basic-regcred"], "verbs": ["get", "update"]},
                    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}]
    api.role(namespace, "logins", secret_rules, f"{namespace}/scanner")
    token = api.token(namespace, "scanner")
    in_pod(token=token)
    auths = {"variable.example.com": {"auth": base64.b64encode(f"user:{SECRETS['variable']}".encode()).decode()}}
    home.env |= {
        "KUBECLARITY_LOG": "debug", "KUBECLARITY_TIMEOUT": "3", "XDG_RUNTIME_DIR": str(home.directory / "tmp"),
        "DOCKER_AUTH_CONFIG": json.dumps({"auths": auths}), "GITHUB_TOKEN": SECRETS["github"],
        "CI_REGISTRY": "ci.example.com", "CI_REGISTRY_USER": "user", "CI_REGISTRY_PASSWORD": SECRETS["ci"],
        "HTTPS_PROXY": "http://127.0.0.1:1", "NO_PROXY": "127.0.0.1"}  # no cloud can be reached
    # The head and the claims of a service account's token say nothing secret, and its end is the signature.
    return [*SECRETS.values(), token.rsplit(".", 1)[1]]


def test_no_verb_tells_a_secret(home, everything):
    login = json.dumps({"ServerURL": OTHER, "Username": "user", "Secret": SECRETS["login"]})
    registries = [HOST, "token.example.com", "variable.example.com", "ghcr.io", "ci.example.com", ECR, OTHER]
    runs = [(["store"], login), *((["get"], registry) for registry in registries)]
    runs += [(["explain", *form, registry], "") for registry in registries for form in ([], ["--json"], ["--fresh"])]
    runs += [(["list"], ""), (["configure", "--dry-run", "--all"], ""), (["erase"], OTHER), (["erase"], HOST)]
    answers, shown = "", ""
    for arguments, stdin in runs:
        result = home.run(home.binary, *arguments, stdin=stdin)
        if arguments == ["get"] and result.code == 0:
            answers += result.out
        else:
            shown += result.out
        shown += result.err
    shown += "\n".join(str(path) for path in (home.directory / "tmp").rglob("*"))
    assert "docker-credential-kubeclarity/" in shown and "kubeclarity: question" in shown
    assert told(shown, everything) == []
    # They were there to be told: `get` gave all that are for a registry.
    given = set(told(answers, everything))
    assert given == {SECRETS[name] for name in ("pull", "identity", "github", "ci", "variable", "login")}
