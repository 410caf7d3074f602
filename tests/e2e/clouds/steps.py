"""Every step on every way to a token: which server is asked, on the way to which host, with which identity."""
import azure_kinds
import google_kinds
import identities

ECR, GOOGLE, ACR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "gcr.io", "boxregistry.azurecr.io"


def azure(lay):
    return lambda box, home: lay(box, home)[0]


def role(box, home):
    key = box.aws.user()
    return {**identities.keys(key), "AWS_ROLE_ARN": box.aws.role("puller", trusts=(key.arn,)).arn}


def named(cloud, lay):
    """A machine whose cloud the user named: its metadata server was asked for, and so its failure counts."""
    return lambda box, home: {**lay(box, home), "KUBECLARITY_CLOUD": cloud}


EVERY = {   # name: (host, identity, the fake that takes this step, the machine's firmware)
    "ecr": (ECR, lambda b, h: identities.keys(b.aws.user()), "ecr", "none"),
    "ecr public": ("public.ecr.aws", lambda b, h: identities.keys(b.aws.user()), "ecr", "none"),
    "sts, role": (ECR, role, "sts", "none"),
    "sts, irsa": (ECR, identities.irsa, "sts", "none"),
    "sso": (ECR, identities.sso, "sso", "none"),
    "ec2": (ECR, named("aws", identities.ec2), "ec2-metadata", "ec2"),
    "ecs": (ECR, identities.ecs, "ecs", "none"),
    "pod identity": (ECR, identities.pod_identity, "pod-identity", "none"),
    "google key": (GOOGLE, google_kinds.service_account, "google-oauth", "none"),
    "google user": (GOOGLE, google_kinds.authorized_user, "google-oauth", "none"),
    "google sts": (GOOGLE, google_kinds.external_file, "google-sts", "none"),
    "google workforce": (GOOGLE, google_kinds.external_authorized_user, "google-sts", "none"),
    "google impersonation": (GOOGLE, google_kinds.external_impersonating, "google-iam", "none"),
    "google subject url": (GOOGLE, google_kinds.external_url, "subject-url", "none"),
    "google metadata": (GOOGLE, named("google", google_kinds.metadata), "gce-metadata", "gce"),
    "entra secret": (ACR, azure(azure_kinds.client_secret), "entra", "none"),
    "entra assertion": (ACR, azure(azure_kinds.workload_identity), "entra", "none"),
    "azure metadata": (ACR, named("azure", azure(azure_kinds.system_assigned)), "azure-metadata", "azure"),
    "app service": (ACR, azure(azure_kinds.app_service), "app-service", "none"),
    "acr exchange": (ACR, azure(azure_kinds.client_secret), "acr", "none"),
}
OURS = [s for s, (_, _, fake, _) in EVERY.items() if fake not in ("ecr", "sts", "sso", "ec2-metadata", "ecs", "pod-identity")]   # not the AWS SDK's own client
