"""Which way leads to the API server: the helper takes the way that kubectl takes, whatever the variables and the kubeconfig say.

One thing is left out: where both names of a variable are set and differ, Go's rules have changed from the upper-case name to the lower-case
one, which curl always took; the kubectl of the day may have either."""
import json
import shutil

import pytest

from lib.connect_proxy import ConnectProxy
from lib.helper import assert_found
from lib.web import Handler, TcpServer, stop

HOST = "registry.example.com"
NAME = "kubernetes.default.svc"  # names and addresses in the API server's certificate
PROXY, OTHER = "{proxy}", "http://127.0.0.1:9"  # nobody listens on the discard port


@pytest.fixture
def proxy():
    server = ConnectProxy()
    yield server
    server.stop()


@pytest.fixture
def both(api, home, namespace, proxy):
    """Asks with kubectl and with the helper: for each, whether it got the secret, and whether by the proxy."""
    api.service_account(namespace, "scanner")
    api.pull_secret(namespace, "regcred", {HOST: {"username": "user", "password": "secret"}})
    api.allow_get(namespace, f"{namespace}/scanner", secrets=["regcred"])
    home.hosts = home.directory / "hosts"
    home.hosts.write_text(f"127.0.0.1 localhost {NAME}\n")
    token = api.token(namespace, "scanner")

    def ask(host, variables, **cluster):
        path = api.kubeconfig(home.directory / "kubeconfig", {"token": token}, namespace, server=f"https://{host}:{api.port}")
        config = json.loads(path.read_text())
        config["clusters"][0]["cluster"] |= cluster
        path.write_text(json.dumps(config))
        put = lambda value: value.format(proxy=proxy.url, address=proxy.address, port=api.port)
        variables = {"KUBECONFIG": path} | {name: put(value) for name, value in variables.items()}
        kubectl = home.run(shutil.which("kubectl"), "get", "secret", "regcred", "--request-timeout", "5s", "-o", "name", **variables)
        by_kubectl, proxy.seen[:] = bool(proxy.seen), []
        helper = home.get(HOST, **variables, KUBECLARITY_PULL_SECRETS="regcred", KUBECLARITY_CACHE="off", KUBECLARITY_TIMEOUT="5")
        by_helper, proxy.seen[:] = bool(proxy.seen), []
        print(variables, kubectl, helper)
        return (kubectl.code == 0, by_kubectl), (helper.code == 0, by_helper)
    return ask


VARIABLES = [
    {}, {"HTTPS_PROXY": PROXY}, {"https_proxy": PROXY}, {"HTTPS_PROXY": "{address}"}, {"HTTPS_PROXY": "me:pw@{address}"}, {"https_proxy": "//{address}/"}, {"HTTPS_PROXY": "HTTP://{address}/x?y"},
    {"HTTPS_PROXY": "http://me:p%40ss@{address}"}, {"HTTPS_PROXY": "http://me:p@ss@{address}"}, {"HTTPS_PROXY": "socks5://{address}"}, {"HTTPS_PROXY": "socks5h://{address}"},
    {"HTTPS_PROXY": "socks5://me:pw@{address}"}, {"HTTPS_PROXY": "", "https_proxy": PROXY}, {"HTTPS_PROXY": PROXY, "https_proxy": ""},
    {"HTTP_PROXY": PROXY}, {"http_proxy": PROXY}, {"HTTP_PROXY": OTHER, "HTTPS_PROXY": PROXY}, {"HTTPS_PROXY": OTHER},
]


@pytest.mark.parametrize("variables", VARIABLES, ids=str)
@pytest.mark.parametrize("host", [NAME, "127.0.0.1", "localhost"])
def test_variables(both, host, variables):
    if variables.get("https_proxy") == "//{address}/":
        variables = {"https_proxy": "{address}/"}  # the two slashes are ours alone
    kubectl, helper = both(host, variables)
    assert helper == kubectl


EXCEPTIONS = [
    NAME, "svc", ".svc", "*.svc", "default.svc", ".default.svc", "*.default.svc", "KUBERNETES.Default.Svc", ".kubernetes.default.svc", "*.kubernetes.default.svc", "ernetes.default.svc", "vc", "*svc", "*",
    NAME + ":{port}", NAME + ":443", ".svc:{port}", ".svc:443", "*.svc:{port}", "example.org, " + NAME, " " + NAME + " ", "example.org,,.svc,", "127.0.0.1", "127.0.0.0/8", "0.0.0.0/0", "::1", "",
    ".", ",", ":{port}", "[", NAME + ":", "svc/8",
]


@pytest.mark.parametrize("exception", EXCEPTIONS)
def test_exceptions(both, exception):
    kubectl, helper = both(NAME, {"HTTPS_PROXY": PROXY, "NO_PROXY": exception})
    assert helper == kubectl


@pytest.mark.parametrize("variables", [{"NO_PROXY": "", "no_proxy": NAME}, {"NO_PROXY": NAME, "no_proxy": ""}], ids=str)
def test_both_names_of_the_exceptions(both, variables):
    kubectl, helper = both(NAME, {"HTTPS_PROXY": PROXY} | variables)
    assert helper == kubectl


@pytest.mark.parametrize("variables", [{}, {"HTTPS_PROXY": OTHER}, {"NO_PROXY": "*"}], ids=str)
@pytest.mark.parametrize("form", ["http://{0}", "socks5://{0}", "http://me:pw@{0}", "socks5://me:pw@{0}", "{0}", "socks4://{0}", "http://127.0.0.1:9", ""])
@pytest.mark.parametrize("host", [NAME, "127.0.0.1", "localhost"])
def test_the_kubeconfigs_own(both, proxy, host, form, variables):
    kubectl, helper = both(host, variables, **{"proxy-url": form.format(proxy.address)})
    assert helper == kubectl


class InClear(Handler):
    def do_GET(self):
        self.server.seen.append(self.headers)
        self.reply(404, b"{}", {"Content-Type": "application/json"})


@pytest.mark.parametrize("user", [{"token": "hidden"}, {"username": "me", "password": "hidden"}, {"exec": "plugin"}], ids=str)
def test_a_server_in_clear_gets_no_identity_of_either(home, user):
    server = TcpServer(InClear)
    mark, plugin = home.directory / "mark", home.directory / "plugin"
    plugin.write_text(f"#!/bin/sh\ntouch {mark}\n")
    plugin.chmod(0o755)
    if "exec" in user:
        user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}}
    config = {"apiVersion": "v1", "kind": "Config", "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
              "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.port}"}}], "users": [{"name": "u", "user": user}]}
    path = home.directory / "kubeconfig"
    path.write_text(json.dumps(config))
    for command in ([shutil.which("kubectl"), "get", "secret", "regcred"], [home.binary, "get"]):
        server.seen = []
        home.run(*command, stdin=HOST, KUBECONFIG=path)
        assert server.seen and not [headers for headers in server.seen if headers.get("Authorization")] and not mark.exists(), command
    stop(server)
