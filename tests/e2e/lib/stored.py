"""The Secret of stored logins, and who may write it."""
import base64
import json

NAME = "basic-regcred"


def path_of(namespace):
    return f"/api/v1/namespaces/{namespace}/secrets/{NAME}"


def config_of(api, namespace):
    """What the Secret holds, parsed; it is whole, and of the type that kubelet reads."""
    secret = api.request("GET", path_of(namespace))
    assert secret["type"] == "kubernetes.io/dockerconfigjson", secret
    return json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))


def may_store(api, namespace, *subjects, create=False):
    """What the chart makes: an empty Secret, and the Role of README.md. Or no Secret, and the right to create any."""
    secrets = {"apiGroups": [""], "resources": ["secrets"]}
    rules = [secrets | {"resourceNames": [NAME], "verbs": ["get", "update"]}]
    if create:
        rules.append(secrets | {"verbs": ["create"]})
    else:
        api.pull_secret(namespace, NAME, {})
    api.role(namespace, "store", rules, *subjects)
