"""The recipes' manifests on the real API server; what a page names is there, and no file of a recipe is without a test."""
import re

import pytest
import yaml

from manifests import REPOSITORY, Refused, objects
from recipes import RECIPES, manifests, pages, read
from test_rights import rules_of

HERE = REPOSITORY / "tests/e2e/deploy"
# Variables of the clients and of CI systems that the recipes set; all others must be the helper's own.
CLIENTS = {"PATH", "TRIVY_CACHE_DIR", "GRYPE_DB_CACHE_DIR", "SYFT_CHECK_FOR_APP_UPDATE", "SOURCE", "TARGET", "SCANNER"}
# Variables of others that a page names without setting them, and words in capitals that stand for something.
OTHERS = {"CONTAINERS_REGISTRIES_CONF", "AZURE_TOKEN_CREDENTIALS", "GRYPE_DB_UPDATE_URL", "GRYPE_DB", "SSL_CERT_DIR", "GKE_METADATA", "OIDC_ISSUER_URL", "PRINCIPAL_ID", "REGISTRY_ID"}


@pytest.mark.parametrize("name", manifests())
def test_the_api_server_takes_it(server, name):
    assert server.check(read(name)) == len(objects(read(name)))


def pod_of(name):
    for parsed in objects(read(name)):
        if parsed["kind"] == "Pod":
            return parsed["spec"]
        if parsed["kind"] in ("Job", "CronJob"):
            spec = parsed["spec"].get("jobTemplate", {}).get("spec", parsed["spec"])
            return spec["template"]["spec"]


RUN = [name for name in manifests() if pod_of(name)]


@pytest.mark.parametrize("name", RUN)
def test_which_pod_security_standard_it_fits(server, name):
    """All the restricted one, but kaniko's: that must be root, which the baseline allows."""
    level = "baseline" if name.startswith("kaniko/") else "restricted"
    server.namespace(f"for-{level}", **{"pod-security.kubernetes.io/enforce": level})
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "recipe", "namespace": f"for-{level}"}, "spec": pod_of(name)}
    server.post(yaml.safe_dump(pod), dry_run=True)
    if level == "baseline":
        server.namespace("for-restricted", **{"pod-security.kubernetes.io/enforce": "restricted"})
        pod["metadata"]["namespace"] = "for-restricted"
        with pytest.raises(Refused, match="403 .*PodSecurity"):
            server.post(yaml.safe_dump(pod), dry_run=True)


@pytest.mark.parametrize("name", manifests())
def test_it_gives_no_right_but_to_what_it_names(api, server, name):
    text = read(name)
    own, = {parsed["metadata"]["namespace"] for parsed in objects(text)}
    namespace = api.namespace("rights")
    server.apply(re.sub(rf"\bnamespace: {own}\b", f"namespace: {namespace}", text))
    given = {(role, verb) for parsed in objects(text) if parsed["kind"] == "Role" for rule in parsed["rules"] for verb in rule["verbs"]
             for role in [(rule["resources"][0], each) for each in rule["resourceNames"]]}
    assert all(verb == "get" for _, verb in given)
    accounts = [subject["name"] for parsed in objects(text) if parsed["kind"] == "RoleBinding" for subject in parsed["subjects"]]
    accounts += [parsed["metadata"]["name"] for parsed in objects(text) if parsed["kind"] == "ServiceAccount"]
    for account in {"anybody", *accounts} - {parsed["metadata"]["name"] for parsed in objects(text) if parsed["kind"] == "ServiceAccount"}:
        api.service_account(namespace, account)
    common = rules_of(api, api.token(namespace, "anybody"), namespace)
    for account in set(accounts):
        found = rules_of(api, api.token(namespace, account), namespace) - common
        assert found == {(resource, each, verb) for (resource, each), verb in given}, account


def test_every_file_of_a_recipe_has_a_test():
    tests = "".join(path.read_text() for path in HERE.glob("test_recipes_*.py"))
    files = {str(path.relative_to(RECIPES)) for path in RECIPES.rglob("*") if path.is_file() and path.suffix != ".md"}
    assert len(files) > 10
    without = {name for name in files if f'"{name}"' not in tests}
    assert not without


def test_every_page_is_in_the_index_and_every_file_on_its_page():
    index = (RECIPES / "README.md").read_text()
    for page in pages():
        if page.name != "README.md":
            assert f"]({page.name})" in index, page.name
            text = page.read_text()
            for file in (RECIPES / page.stem).iterdir():
                assert f"]({page.stem}/{file.name})" in text, file
    for file in (path for path in RECIPES.iterdir() if path.is_file() and path.suffix != ".md"):
        assert f"]({file.name})" in index, file
    folders = {path.name for path in RECIPES.iterdir() if path.is_dir()}
    assert folders == {page.stem for page in pages()} - {"README"}


def test_links_lead_to_files():
    for page in pages():
        for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
            if not link.startswith("http"):
                assert (page.parent / link).is_file(), f"{page.name}: {link}"


def test_every_setting_in_a_recipe_is_in_the_readme_s_table():
    readme = (REPOSITORY / "README.md").read_text()
    table = set(re.findall(r"^\| `([A-Z_]+)` \|", readme.split("\n## Settings\n")[1].split("\n## ")[0], re.MULTILINE))
    assert len(table) > 40
    named = set()
    for path in (path for path in RECIPES.rglob("*") if path.is_file()):
        text = path.read_text()
        if path.suffix == ".md":
            named |= {(word, path.name) for word in re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", text)}
        elif path.suffix in (".yaml", ".yml"):
            named |= {(word, path.name) for word in re.findall(r"\bname: ([A-Z][A-Z0-9_]+),", text) + re.findall(r"^ +([A-Z][A-Z0-9_]+):", text, re.MULTILINE)}
        elif path.name == "Containerfile":
            named |= {(word, path.name) for word in re.findall(r"\b([A-Z][A-Z0-9_]+)=", text)}
    assert len(named) > 20
    unknown = {(word, place) for word, place in named if word not in table | CLIENTS | OTHERS}
    assert not unknown
