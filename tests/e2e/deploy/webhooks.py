"""What the clouds' webhooks add to a pod before kubelet sees it: variables, a projected token, its mount. Each is written from its
specification, and adds to every container, the init containers too.

IRSA: docs.aws.amazon.com/eks/latest/userguide/pod-configuration.html, github.com/aws/amazon-eks-pod-identity-webhook.
Pod Identity: docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html.
AKS: azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html.
GKE adds nothing: its metadata server knows the pod by its address."""
import copy

REGION = {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_REGION": "eu-west-1", "AWS_STS_REGIONAL_ENDPOINTS": "regional"}


def _added(template, volume, path, audience, seconds, directory, variables):
    """The pod's template with the rest; a variable that the container sets itself stays."""
    changed = copy.deepcopy(template)
    spec = changed["spec"]
    for container in [*spec.get("initContainers", ()), *spec["containers"]]:
        env = container.setdefault("env", [])
        env += [{"name": name, "value": value} for name, value in variables.items() if name not in {each["name"] for each in env}]
        container.setdefault("volumeMounts", []).append({"name": volume, "mountPath": directory, "readOnly": True})
    token = {"serviceAccountToken": {"audience": audience, "expirationSeconds": seconds, "path": path}}
    spec.setdefault("volumes", []).append({"name": volume, "projected": {"sources": [token]}})
    return changed


def irsa(template, account):
    """A pod whose account names no role stays as it is."""
    role = account["metadata"].get("annotations", {}).get("eks.amazonaws.com/role-arn")
    directory = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
    return template if not role else _added(template, "aws-iam-token", "token", "sts.amazonaws.com", 86400, directory, REGION | {
        "AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": f"{directory}/token"})


def pod_identity(template, account, associations):
    """`associations` are made by `aws eks create-pod-identity-association`: (namespace, account)."""
    directory, file = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount", "eks-pod-identity-token"
    if (account["metadata"]["namespace"], account["metadata"]["name"]) not in associations:
        return template
    return _added(template, file, file, "pods.eks.amazonaws.com", 86400, directory, REGION | {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": f"{directory}/{file}"})


def aks(template, account, tenant):
    """Only pods with the label; the tenant is the cluster's unless the account names one."""
    annotations = account["metadata"].get("annotations", {})
    if template.get("metadata", {}).get("labels", {}).get("azure.workload.identity/use") != "true":
        return template
    directory, path = "/var/run/secrets/azure/wi/0a1b2c3d", "token/azure-identity-token"
    variables = {"AZURE_CLIENT_ID": annotations.get("azure.workload.identity/client-id"),
                 "AZURE_TENANT_ID": annotations.get("azure.workload.identity/tenant-id", tenant),
                 "AZURE_FEDERATED_TOKEN_FILE": f"{directory}/{path}", "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/"}
    return _added(template, "azure-workload-identity-reserved-0a1b2c3d", path, "api://AzureADTokenExchange", 3600, directory,
                  {name: value for name, value in variables.items() if value})
