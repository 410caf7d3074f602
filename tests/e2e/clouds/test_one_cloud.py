"""An identity belongs to one cloud and one partition of it: the name of an image never chooses which operator gets to see a secret."""
import pytest

import azure_kinds
import identities

OTHERS = {"us": "boxregistry.azurecr.us", "china": "boxregistry.azurecr.cn"}
NAMES = {"us": ["AzureUSGovernment", "AzureUSGovernmentCloud", "azureusgovernment"], "china": ["AzureChinaCloud"], "public": ["AzureCloud", "AzurePublicCloud"]}
NOT_MICROSOFTS = ["https://evil.example/", "evil.example", "http://login.microsoftonline.com/", "https://login.microsoftonline.com.evil.example/", "https://login.microsoftonline.com@evil.example/",
                  "https://evil.example/login.microsoftonline.com", "https://login.microsoftonline.com:8443/", "https://x.login.microsoftonline.com/", "https://127.0.0.1/", "https://proxy.example/",
                  "https://login.microsoftonline.com./", "https://login.microsoftonline.com\\@evil.example/", "https://boxregistry.azurecr.io/"]
ECR = "123456789012.dkr.ecr.{}"
PARTITIONS = {"aws-cn": ECR.format("cn-north-1.amazonaws.com.cn"), "aws-us-gov": ECR.format("us-gov-west-1.amazonaws.com"), "aws-eusc": ECR.format("eusc-de-east-1.amazonaws.eu"),
              "aws-iso": ECR.format("us-iso-east-1.c2s.ic.gov")}
COMMERCIAL = ECR.format("eu-west-1.amazonaws.com")


@pytest.mark.parametrize("cloud", OTHERS)
@pytest.mark.parametrize("lay", [azure_kinds.client_secret, azure_kinds.workload_identity, azure_kinds.app_service, azure_kinds.user_assigned], ids=lambda f: f.__name__)
def test_azure_s_other_clouds_see_nothing_of_the_public_one_s_identity(box, helper, lay, cloud):
    helper.machine = {"BOX_DMI": "azure"}
    variables, _ = lay(box, helper.home)
    helper.get(OTHERS[cloud], **variables).failed("an identity of another cloud", NAMES[cloud][0], "AZURE_ENVIRONMENT", "AZURE_AUTHORITY_HOST")
    assert box.silent(), box.story()


@pytest.mark.parametrize("cloud", OTHERS)
def test_nor_of_a_machine_that_nobody_named(box, helper, cloud):
    helper.machine = {"BOX_DMI": "azure"}
    azure_kinds.system_assigned(box, helper.home)
    helper.get(OTHERS[cloud]).not_found()
    assert "an identity of another cloud" in helper.run("explain", OTHERS[cloud]).out
    assert box.silent(), box.story()


@pytest.mark.parametrize("cloud", OTHERS)
def test_and_the_other_way_round(box, helper, cloud):
    variables, _ = azure_kinds.client_secret(box, helper.home, cloud)
    for host in {"boxregistry.azurecr.io", *OTHERS.values()} - {OTHERS[cloud]}:
        helper.get(host, **variables, **azure_kinds.of_cloud(cloud)).failed("an identity of another cloud")
    assert box.silent(), box.story()


@pytest.mark.parametrize("cloud,name", [(cloud, name) for cloud, names in NAMES.items() for name in names])
def test_the_names_of_azure_s_clouds(box, helper, cloud, name):
    variables, _ = azure_kinds.client_secret(box, helper.home, cloud)
    assert helper.get(azure_kinds.HOSTS[cloud], **variables, AZURE_ENVIRONMENT=name).found()[0] == azure_kinds.NOBODY


@pytest.mark.parametrize("alias,cloud", [("https://login.chinacloudapi.cn/", "china"), ("https://login.usgovcloudapi.net", "us"), ("https://login.windows.net/", "public"), ("sts.windows.net", "public")])
def test_microsoft_s_other_names_of_an_authority(box, helper, alias, cloud):
    variables, _ = azure_kinds.client_secret(box, helper.home, cloud)
    helper.get(azure_kinds.HOSTS[cloud], **variables, AZURE_AUTHORITY_HOST=alias).found()
    assert box.asked("entra")[0].host == azure_kinds.AUTHORITY[cloud], box.story()


@pytest.mark.parametrize("authority", NOT_MICROSOFTS)
@pytest.mark.parametrize("lay", [azure_kinds.client_secret, azure_kinds.workload_identity], ids=lambda f: f.__name__)
def test_an_authority_that_is_not_microsoft_s_gets_nothing(box, helper, lay, authority):
    variables, _ = lay(box, helper.home)
    helper.get("boxregistry.azurecr.io", **variables | {"AZURE_AUTHORITY_HOST": authority}).failed("AZURE_AUTHORITY_HOST")
    assert box.silent(), box.story()


@pytest.mark.parametrize("more,word", [({"AZURE_ENVIRONMENT": "AzureGermanCloud"}, "AZURE_ENVIRONMENT"), ({"AZURE_ENVIRONMENT": "production"}, "AZURE_ENVIRONMENT"),
                                       ({"AZURE_ENVIRONMENT": "AzureChinaCloud", "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.us/"}, "AZURE_AUTHORITY_HOST")])
def test_a_cloud_that_cannot_be_told_is_an_error(box, helper, more, word):
    helper.get("boxregistry.azurecr.io", **azure_kinds.client_secret(box, helper.home)[0], **more).failed(word)
    assert box.silent(), box.story()
    # It is nobody else's business.
    helper.get("quay.io", **more).not_found()


def test_another_program_s_name_for_its_environment_does_not_count_beside_an_authority(box, helper):
    variables, _ = azure_kinds.workload_identity(box, helper.home)
    helper.get("boxregistry.azurecr.io", **variables, AZURE_ENVIRONMENT="production").found()


@pytest.mark.parametrize("endpoint", ["http://evil.example/msi/token", "http://10.0.0.1/msi/token", "https://proxy.example/msi/token", "http://127.0.0.1.evil.example/", "http://127.0.0.1@evil.example/",
                                      "ftp://127.0.0.1/", "msi/token"])
def test_the_header_of_app_service_stays_on_this_machine(box, helper, endpoint):
    variables, _ = azure_kinds.app_service(box, helper.home)
    helper.get("boxregistry.azurecr.io", **variables | {"IDENTITY_ENDPOINT": endpoint}, KUBECLARITY_TIMEOUT="3").failed("IDENTITY_ENDPOINT")
    assert not box.requests and not box.strays, box.story()


def test_the_header_goes_to_an_address_of_the_platform(box, helper):
    """By name, and on the link-local network where App Service on Linux has its agent."""
    variables, client = azure_kinds.app_service(box, helper.home)
    for endpoint in (box.app_service.endpoint, box.app_service.endpoint.replace("127.0.0.1", "localhost")):
        helper.get("boxregistry.azurecr.io", **variables | {"IDENTITY_ENDPOINT": endpoint}, HTTP_PROXY="http://proxy.example:3128").found()
    assert not box.proxy.seen, box.story()


def acr_data(box, helper, cloud="public", **more):
    return {**azure_kinds.client_secret(box, helper.home, cloud)[0], **more}


def test_a_secret_does_not_follow_the_job_s_authority(box, cluster, helper):
    cluster.secret("acr-sa", acr_data(box, helper))
    for authority in NOT_MICROSOFTS + ["https://login.microsoftonline.us/"]:
        assert cluster.get("boxregistry.azurecr.io", AZURE_AUTHORITY_HOST=authority, AZURE_ENVIRONMENT="AzureChinaCloud").found()[0] == azure_kinds.NOBODY
    assert {r.host for r in box.requests} == {"login.microsoftonline.com", "boxregistry.azurecr.io"}, box.story()


@pytest.mark.parametrize("cloud", OTHERS)
def test_the_keys_of_a_secret_say_which_cloud_it_is_of(box, cluster, helper, cloud):
    data = acr_data(box, helper, cloud)
    cluster.secret("acr-sa", data)
    cluster.get(OTHERS[cloud]).failed(f"{cluster.namespace}/acr-sa", "an identity of another cloud", "AZURE_ENVIRONMENT")
    assert box.silent(), box.story()
    for more in ({"AZURE_ENVIRONMENT": NAMES[cloud][0] + "\n"}, azure_kinds.of_cloud(cloud)):
        cluster.replace("acr-sa", {**data, **more})
        assert cluster.get(OTHERS[cloud]).found()[0] == azure_kinds.NOBODY
        cluster.get("boxregistry.azurecr.io").failed("an identity of another cloud")


@pytest.mark.parametrize("more", [{"AZURE_AUTHORITY_HOST": "https://evil.example/"}, {"AZURE_ENVIRONMENT": "Nowhere"}])
def test_a_secret_with_an_authority_of_its_own_choice_gets_nothing(box, cluster, helper, more):
    cluster.secret("acr-sa", acr_data(box, helper, **more))
    cluster.get("boxregistry.azurecr.io").failed(f"{cluster.namespace}/acr-sa", *more)
    assert box.silent(), box.story()


AWS = {   # name: (identity, whether its metadata is asked on the way)
    "keys": lambda b, h: identities.keys(b.aws.user()),
    "session": lambda b, h: identities.keys(b.aws.session(b.aws.role("r"))),
    "role": lambda b, h: identities.keys(b.aws.user()) | {"AWS_ROLE_ARN": b.aws.role("puller").arn},
    "irsa": lambda b, h: {k: v for k, v in identities.irsa(b, h).items() if k != "AWS_REGION"},
    "irsa with a region": lambda b, h: identities.irsa(b, h) | {"AWS_REGION": "cn-north-1"},
    "pod identity": identities.pod_identity,
    "ecs": identities.ecs,
    "profile": identities.profile_with_source,
    "profile with web identity": identities.profile_with_web_identity,
    "sso": identities.sso,
    "credential_process": identities.credential_process,
}


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("kind", AWS)
def test_aws_s_other_partitions_see_nothing_of_the_commercial_one_s_identity(box, helper, kind, partition):
    helper.get(PARTITIONS[partition], **AWS[kind](box, helper.home)).failed("an identity of another cloud", partition)
    assert box.silent(), box.story()


@pytest.mark.parametrize("host", [COMMERCIAL, "public.ecr.aws", PARTITIONS["aws-us-gov"]])
def test_nor_the_commercial_one_of_china_s(box, helper, host):
    key = box.aws.user()
    role = box.aws.role("puller", "aws-cn", trusts=(key.arn,))
    for more in ({"AWS_REGION": "cn-north-1"}, {"AWS_ROLE_ARN": role.arn}, {"AWS_ROLE_ARN": role.arn, "AWS_REGION": "eu-west-1"}):
        answer = helper.get(host, **identities.keys(key), **more)
        # ECR Public is public: whoever has no identity for it asks without one
        answer.not_found() if host == "public.ecr.aws" else answer.failed("an identity of another cloud", "aws-cn")
    assert box.silent(), box.story()


def test_a_web_identity_goes_to_its_role_s_partition(box, helper):
    role = box.aws.role("irsa", "aws-cn", web_subject=identities.SUBJECT)
    variables = identities.irsa(box, helper.home) | {"AWS_ROLE_ARN": role.arn}
    for region in (None, "cn-northwest-1", "eu-west-1"):
        box.requests.clear()
        helper.get(PARTITIONS["aws-cn"], **variables | {"AWS_REGION": region}).found()
        assert {r.host.partition(".")[2] for r in box.asked("sts")} <= {"cn-north-1.amazonaws.com.cn", "cn-northwest-1.amazonaws.com.cn"}, box.story()


@pytest.mark.parametrize("region,host", [("cn-north-1", PARTITIONS["aws-cn"]), ("us-gov-west-1", PARTITIONS["aws-us-gov"]), ("eu-west-1", COMMERCIAL)])
def test_a_machine_is_of_the_partition_that_it_is_in(box, helper, region, host):
    identities.ec2(box, helper.home)
    helper.machine = {"BOX_DMI": "ec2"}
    box.ec2.region = region
    helper.get(host).found()
    for other in {COMMERCIAL, *PARTITIONS.values()} - {host}:
        box.requests.clear()
        helper.get(other).not_found()
        assert {r.by for r in box.requests} == {"ec2-metadata"} and not box.dns.asked and not box.strays, box.story()


def test_the_region_of_ecr_sa_says_which_partition_its_keys_are_of(box, cluster):
    key = box.aws.user()
    cluster.secret("ecr-sa", {**identities.keys(key), "AWS_DEFAULT_REGION": "us-east-1"})
    cluster.get(PARTITIONS["aws-cn"], AWS_REGION="cn-north-1").failed(f"{cluster.namespace}/ecr-sa", "an identity of another cloud", "AWS_DEFAULT_REGION")
    assert box.silent(), box.story()


CONTAINER = ["https://evil.example/creds", "https://proxy.example/creds", "https://169.254.170.23.evil.example/", "https://10.0.0.1/", "http://evil.example/", "http://10.0.0.1/", "http://169.254.169.254.evil.example/",
             "http://127.0.0.1@evil.example/", "http://0.0.0.0/", "ftp://127.0.0.1/", "creds"]


@pytest.mark.parametrize("address", CONTAINER)
@pytest.mark.parametrize("how", ["file", "text"])
def test_a_token_for_a_container_agent_stays_on_this_machine(box, helper, address, how):
    variables = identities.pod_identity(box, helper.home)
    if how == "text":
        variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = variables.pop("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").read_text()
    helper.get(COMMERCIAL, **variables | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": address}, KUBECLARITY_TIMEOUT="3").failed("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    assert not box.requests and not box.strays and not box.proxy.seen, box.story()
    if address.startswith("https"):
        assert not box.dns.asked, box.story()


def test_a_token_in_a_variable_is_shown_to_the_agent(box, helper):
    variables = identities.pod_identity(box, helper.home)
    variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = variables.pop("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").read_text()
    helper.get(COMMERCIAL, **variables).found()
    assert [r.by for r in box.requests] == ["pod-identity", "ecr"], box.story()
