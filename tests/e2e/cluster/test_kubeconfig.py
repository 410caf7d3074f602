"""The cluster by kubeconfig: each way to be somebody."""
import json
import re
import shlex
from pathlib import Path

import pytest

from lib.helper import assert_error, assert_found, assert_not_found

HOST = "registry.example.com"
README = Path(__file__).resolve().parents[3] / "README.md"
PLUGIN = """\
#!/bin/sh
echo 'junk on stderr' >&2
cat > {stdin}
echo "$0" >> {calls}
echo {credential}
"""


@pytest.fixture
def named(api, home, namespace):
    """A named pull secret, and scanner and alice who may read it."""
    api.service_account(namespace, "scanner")
    api.pull_secret(namespace, "regcred", {HOST: {"username": "user", "password": "by-kubeconfig"}})
    for subject in (f"{namespace}/scanner", "alice"):
        api.allow_get(namespace, subject, secrets=["regcred"])
    home.env |= {"KUBECLARITY_PULL_SECRETS": "regcred", "CREDS_SECRET_NAMESPACE": namespace}


@pytest.fixture
def use(api, home, named, namespace):
    """Points KUBECONFIG at a new kubeconfig of this user."""
    def write(user, **cluster):
        path = api.kubeconfig(home.directory / "kubeconfig", user, namespace, **cluster)
        home.env["KUBECONFIG"] = str(path)
        return path
    return write


def exec_user(home, script):
    plugin = home.directory / "plugin"
    plugin.write_text(script)
    plugin.chmod(0o755)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "IfAvailable"}}


def test_token(api, home, namespace, use):
    use({"token": api.token(namespace, "scanner")})
    assert_found(home.get(HOST), HOST, "user", "by-kubeconfig")


@pytest.mark.parametrize("end", ["", "\n"])
def test_token_file(api, home, namespace, use, end):
    (home.directory / "token").write_text(api.token(namespace, "scanner") + end)
    use({"tokenFile": str(home.directory / "token")})
    assert_found(home.get(HOST), HOST, "user", "by-kubeconfig")


def test_client_certificate(api, home, use):
    certificate, key = api.clients.client("alice")
    use({"client-certificate": str(certificate), "client-key": str(key)})
    assert_found(home.get(HOST), HOST, "user", "by-kubeconfig")


def test_client_certificate_of_nobody(api, home, namespace, use):
    certificate, key = api.clients.client("mallory")
    use({"client-certificate": str(certificate), "client-key": str(key)})
    assert_error(home.get(HOST), f"{namespace}/regcred", "Role")


def test_exec_plugin_can_neither_talk_to_the_client_nor_listen(api, home, namespace, use):
    token = api.token(namespace, "scanner")
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token}}
    stdin, calls = home.directory / "plugin-stdin", home.directory / "plugin-calls"
    use(exec_user(home, PLUGIN.format(stdin=stdin, calls=calls, credential=shlex.quote(json.dumps(credential)))))
    assert_found(home.get(HOST), HOST, "user", "by-kubeconfig")
    assert stdin.read_text() == ""
    assert len(calls.read_text().splitlines()) == 1


def test_exec_plugin_that_fails(home, use):
    use(exec_user(home, "#!/bin/sh\necho 'please log in' >&2\nexit 3\n"))
    assert_error(home.get(HOST), "plugin")


def test_exec_plugin_that_is_not_there(home, use):
    use({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/nowhere/plugin", "interactiveMode": "Never"}})
    assert_error(home.get(HOST), "/nowhere/plugin")


def test_exec_plugin_that_hangs_is_held_to_the_deadline(home, use):
    use(exec_user(home, "#!/bin/sh\nexec sleep 60\n"))
    assert_error(home.get(HOST, KUBECLARITY_TIMEOUT=2, timeout=6))


def test_the_home_s_own_kubeconfig(api, home, namespace, use):
    path = use({"token": api.token(namespace, "scanner")})
    del home.env["KUBECONFIG"]
    (home.directory / ".kube").mkdir()
    path.rename(home.directory / ".kube/config")
    assert_found(home.get(HOST), HOST, "user", "by-kubeconfig")


def test_the_namespace_of_names_is_the_context_s(api, home, namespace, use):
    elsewhere = api.namespace("elsewhere")
    use({"token": api.token(namespace, "scanner")})
    api.kubeconfig(home.directory / "kubeconfig", {"token": api.token(namespace, "scanner")}, elsewhere)
    assert_error(home.get(HOST), f"{elsewhere}/regcred")
    assert_found(home.get(HOST, KUBECLARITY_PULL_SECRETS=f"{namespace}/regcred"), HOST, "user", "by-kubeconfig")


def test_no_service_account_is_looked_up_unless_named(api, home, namespace, use):
    api.service_account(namespace, "workload", pull_secrets=["own"])
    api.pull_secret(namespace, "own", {"own.example.com": {"username": "user", "password": "own"}})
    api.allow_get(namespace, "alice", secrets=["own"], service_accounts=["workload"])
    certificate, key = api.clients.client("alice")
    use({"client-certificate": str(certificate), "client-key": str(key)})
    assert_not_found(home.get("own.example.com"))
    assert_found(home.get("own.example.com", KUBECLARITY_SERVICE_ACCOUNT="workload"), "own.example.com", "user", "own")


def test_the_readme_s_lines_for_a_desk(api, home, namespace, private, auths, image):
    """`configure`, then crane, with a pull secret that is in the cluster of the kubeconfig and nowhere else."""
    api.service_account(namespace, "scanner")
    api.pull_secret(namespace, "regcred", auths)
    api.allow_get(namespace, f"{namespace}/scanner", secrets=["regcred"])
    (home.directory / ".kube").mkdir()
    api.kubeconfig(home.directory / ".kube/config", {"token": api.token(namespace, "scanner")}, namespace)
    block, = re.findall(r"```sh\n(docker-credential-kubeclarity configure.*?)```", README.read_text().split("\n## ")[0], re.DOTALL)
    for old, new in (("registry.example.com/team/app:1", image[0]), ("registry.example.com", private.host), ("team-a/regcred", f"{namespace}/regcred")):
        assert old in block
        block = block.replace(old, new)
    done = home.run("bash", "-euc", block)
    assert (done.code, done.out.splitlines()[-1:]) == (0, [image[1]]), done
    assert home.asked == ["configure", private.host, "get"], home.asked
