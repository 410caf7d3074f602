"""A scanner Job as KubeClarity makes it (openclarity/kubeclarity v2.23.3: charts/kubeclarity/templates/scanner-template-configmap.yaml,
runtime_scan/pkg/scanner/job_managment.go, runtime_scan/pkg/scanner/creds), as far as registries are concerned."""
import copy

SCANNER = "ghcr.io/openclarity/kubeclarity-runtime-k8s-scanner:v2.23.3"
RESTRICTED = {"capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True, "runAsGroup": 1001, "runAsUser": 1001, "privileged": False,
              "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True}
MOUNT = "/opt/kubeclarity-pull-secrets"


def template(image=SCANNER):
    """The chart's, with its default values: no service account, and nothing of any registry."""
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"labels": {"app": "kubeclarity-scanner"}}, "spec": {
        "backoffLimit": 0, "ttlSecondsAfterFinished": 300, "template": {"metadata": {"labels": {"app": "kubeclarity-scanner"}}, "spec": {
            "restartPolicy": "Never", "securityContext": {"fsGroup": 1001}, "volumes": [{"name": "tmp-volume", "emptyDir": {}}],
            "containers": [{"name": "vulnerability-scanner", "image": image, "args": ["scan", "--log-level", "warning"],
                            "volumeMounts": [{"name": "tmp-volume", "mountPath": "/tmp"}], "securityContext": RESTRICTED,
                            "env": [{"name": "RESULT_SERVICE_ADDR", "value": "kubeclarity.kubeclarity:8888"}]}]}}}}


def with_additions(job, additions):
    """The template with what a user adds by hand: lists are joined, containers by their names."""
    job = copy.deepcopy(job)
    spec = job["spec"]["template"]["spec"]
    containers = {each["name"]: each for each in spec["containers"]}
    for added in additions["containers"]:
        for key in ("env", "volumeMounts"):
            containers[added["name"]][key] += added[key]
    spec["volumes"] += additions["volumes"]
    spec["initContainers"] = additions["initContainers"]
    return job


def job_for(template, image, namespace, pull_secrets=(), credentials=(), release="kubeclarity"):
    """For the image of a pod in that namespace. `credentials` are which of the release's secrets are there; they count only
    for pods without pull secrets, and move the Job to the release's namespace."""
    job = copy.deepcopy(template)
    spec, meta = job["spec"]["template"]["spec"], job["metadata"]
    meta["name"] = "scanner-app-0"
    meta.setdefault("namespace", namespace)
    for container in spec["containers"]:
        container["env"] += [{"name": "SCAN_UUID", "value": "0"}, {"name": "IMAGE_ID_TO_SCAN", "value": image},
                             {"name": "IMAGE_HASH_TO_SCAN", "value": "0"}, {"name": "IMAGE_NAME_TO_SCAN", "value": image}]
    for name in pull_secrets or [name for name in credentials if name == "basic-regcred"]:
        secret = {"secretName": name} | ({"optional": True} if pull_secrets else {})
        spec["volumes"].append({"name": f"image-pull-secret-{name}", "secret": secret})
        for container in spec["containers"]:
            container["volumeMounts"].append({"name": f"image-pull-secret-{name}", "mountPath": f"{MOUNT}/{name}", "readOnly": True})
            if not any(each["name"] == "IMAGE_PULL_SECRET_PATH" for each in container["env"]):
                container["env"].append({"name": "IMAGE_PULL_SECRET_PATH", "value": MOUNT})
    if pull_secrets:
        meta["namespace"] = namespace
        return job
    if credentials:
        meta["namespace"] = release
    if "ecr-sa" in credentials:
        for container in spec["containers"]:
            container["env"] += [{"name": key, "valueFrom": {"secretKeyRef": {"name": "ecr-sa", "key": key}}}
                                 for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")]
    if "gcr-sa" in credentials:
        spec["volumes"].append({"name": "gcr-sa", "secret": {"secretName": "gcr-sa", "items": [{"key": "sa.json", "path": "sa.json"}]}})
        for container in spec["containers"]:
            container["volumeMounts"].append({"name": "gcr-sa", "mountPath": "/etc/gcr", "readOnly": True})
            container["env"].append({"name": "GOOGLE_APPLICATION_CREDENTIALS", "value": "/etc/gcr/sa.json"})
    return job
