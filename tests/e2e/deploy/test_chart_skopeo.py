"""The chart's scan with skopeo, which reads no credsStore: with the helper for all registries, and for some."""
import pytest

from kubelet import Pod
from manifests import of_kind, template
from recipe_fixtures import SKOPEO
from recipes import HELPER


@pytest.mark.parametrize("some", [False, True], ids=["all registries", "some"])
def test_skopeo_pulls_in_the_chart_s_scan(api, server, private, password, pushed, clients, hosts, tmp_path, some):
    namespace = api.namespace("skopeo")
    text = template({
        "fullnameOverride": "scan", "serviceAccount": {"imagePullSecrets": ["regcred"]}, "image": {"repository": HELPER.rpartition(":")[0]},
        "config": {"registries": [private.host] if some else []},
        "scan": {"enabled": True, "targets": [pushed[0]], "image": SKOPEO, "args": ["inspect", "--format", "{{.Digest}}", "docker://$(TARGET)"]}},
        namespace=namespace)
    server.apply(text)
    api._wait_for_right(namespace, of_kind(text, "Role")["scan"]["rules"][1], f"{namespace}/scan")
    api.pull_secret(namespace, "regcred", {private.host: {"username": "puller", "password": password}})
    spec = of_kind(text, "CronJob")["scan-0"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    done = Pod(tmp_path / "pod", api, namespace, spec, clients, hosts).run()
    assert (done.code, done.out.strip()) == (0, pushed[1]), done
