"""A host that only looks like a cloud's gets no answer and causes no request, though identities of all three clouds are at hand."""
import pytest

import everything

A = "123456789012"
ECR = [
    f"{A}.dkr.ecr.eu-west-1.amazonaws.com.evil.com", f"evil-{A}.dkr.ecr.eu-west-1.amazonaws.com", f"evil.{A}.dkr.ecr.eu-west-1.amazonaws.com", f"x{A}.dkr.ecr.eu-west-1.amazonaws.com",
    f"{A}.dkr.ecr.eu-west-1.amazonaws.com.", f"{A}.dkr.ecr.eu-west-1.amazonaws.com..", f".{A}.dkr.ecr.eu-west-1.amazonaws.com", "12345678901.dkr.ecr.eu-west-1.amazonaws.com",
    "1234567890123.dkr.ecr.eu-west-1.amazonaws.com", "12345678901a.dkr.ecr.eu-west-1.amazonaws.com", "dkr.ecr.eu-west-1.amazonaws.com", f"{A}.ecr.eu-west-1.amazonaws.com",
    f"{A}.dkr.eu-west-1.amazonaws.com", f"{A}.dkr.ecr.amazonaws.com", f"{A}.dkr.ecr..amazonaws.com", f"{A}.dkr.ecr.eu-west-1.x.amazonaws.com", f"{A}.dkr.ecr.eu-west-1.amazonaws.co",
    f"{A}.dkr.ecr.eu-west-1.amazonaws.com.c", f"{A}.dkr.ecr.eu-west-1.xamazonaws.com", f"{A}.dkr.ecr.eu-west-1.amazonaws-com.evil.com", f"{A}.dkr.ecr.eu-west-1.amazonawscom",
    f"{A}.dkr.ecr-fipsx.us-east-1.amazonaws.com", f"{A}.dkr.ecrfips.us-east-1.amazonaws.com", f"{A}.dkr.ecr-fips-x.us-east-1.amazonaws.com", f"{A}-dkr.ecr.eu-west-1.amazonaws.com",
    f"{A}.dkr-ecr.eu-west-1.amazonaws.com", f"{A}.dkr.ecr.eu-west-1.on.aws", f"{A}.dkr-ecr.eu-west-1.on.aws.evil.com", f"{A}.dkr-ecr.eu-west-1.off.aws", f"{A}.dkr-ecr.eu-west-1.aws",
    f"{A}.dkr-ecr.eu-west-1.on.amazonwebservices.com", f"{A}.dkr.ecr.eu-west-1.amazonaws.com:8443", f"{A}.dkr.ecr.eu-west-1.amazonaws.com:80443", f"{A}.dkr.ecr.eu-west-1.amazonaws.com:443.evil.com",
    f"{A}.dkr.ecr.eu-west-1.amazonaws.com@evil.com", f"user@{A}.dkr.ecr.eu-west-1.amazonaws.com", f"evil.com/{A}.dkr.ecr.eu-west-1.amazonaws.com", f"evil.com?{A}.dkr.ecr.eu-west-1.amazonaws.com",
    f"evil.com#{A}.dkr.ecr.eu-west-1.amazonaws.com", f"{A}.dkr.ecr.eu-west-1.amaz\u043enaws.com", f"{A}.dkr.\u0435cr.eu-west-1.amazonaws.com", f"{A}\u3002dkr.ecr.eu-west-1.amazonaws.com",
    "\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u0660\u0661\u0662.dkr.ecr.eu-west-1.amazonaws.com", f"{A}.dkr.ecr.eu-west-1%2eamazonaws.com", f"{A}.dkr.ecr.eu-west-1.amazonaws.com\\.evil.com",
    f"{A}.dkr.ecr.evil/x.amazonaws.com", f"{A}.dkr.ecr.eu_west_1.amazonaws.com", f"{A}.dkr.ecr.us-east-1.amazonaws.com.cn", f"{A}.dkr.ecr.cn-north-1.amazonaws.com", f"{A}.dkr.ecr.us-east-1.c2s.ic.gov",
    f"{A}.dkr.ecr.-.amazonaws.com", f"{A}.dkr.ecr.eu-west-1.c2s.ic.gov.evil.com", f"{A}.dkr.ecr.us-iso-east-1.ic.gov",
    f"{A}.dkr.ecr.us-iso-east-1.xc2s.ic.gov", f"{A}.dkr.ecr.eu-isoe-west-1.adc-e.uk", "xpublic.ecr.aws", "public.ecr.aws.evil.com", "public-ecr.aws", "ecr.aws", "public.ecr.aws.", "public.ecr.aws:5000",
    "x.public.ecr.aws", "ecr-public.aws.com.evil.com", "xecr-public.aws.com", "x.ecr-public.aws.com", "ecr-public.aws.evil.com", "api.ecr.eu-west-1.amazonaws.com", "sts.amazonaws.com", "amazonaws.com",
]
GOOGLE = [
    "gcr.io.evil.com", "evilgcr.io", "xgcr.io", "gcr.io.", "gcr.io:5000", "gcr.io@evil.com", "evil.com/gcr.io", "gcr.ioo", "gcr-io", "gcr.io.io", "eu.gcr.io.evil.com", "eu-gcr.io", "eu.gcr.io.",
    ".gcr.io", "..gcr.io", "a_b.gcr.io", "g\u0441r.io", "gcr.\u0456o", "gcr\u3002io", "eu.gcr.io:8443", "pkg.dev", "docker.pkg.dev", "-docker.pkg.dev", "us-docker.pkg.dev.evil.com", "us-docker.pkg.dev.",
    "evil.com/us-docker.pkg.dev", "us-docker.pkg.devx", "us-docker.xpkg.dev", "us-dockerpkg.dev", "us-docker-pkg.dev", "us-npm.pkg.dev", "us-docker.pkg.dev:5000", "x.us-docker.pkg.dev",
    "us.docker.pkg.dev", "docker.rep.pkg.dev", "docker..rep.pkg.dev", "docker.us.rep.pkg.dev.evil.com", "docker.us.xrep.pkg.dev", "npm.us.rep.pkg.dev", "docker.us.repx.pkg.dev", "xdocker.us.rep.pkg.dev",
    "us-docker.pkg.dev@evil.com", "us-d\u043ecker.pkg.dev", "container.cloud.google.com.evil.com", "xcontainer.cloud.google.com", "cloud.google.com", "x.container.cloud.google.com",
    "oauth2.googleapis.com", "metadata.google.internal", "ghcr.io", "us-docker.pkg.dev#.evil.com",
]
AZURE = [
    "x.azurecr.io.evil.com", "boxregistry.azurecr.io.evil.com", "azurecr.io", ".azurecr.io", "xazurecr.io", "boxregistry-azurecr.io", "boxregistry.xazurecr.io", "boxregistry.azurecr.io.", "boxregistry.azurecr.io:5000",
    "boxregistry.azurecr.iox", "boxregistry.azurecr.com", "boxregistry.azurecr.de", "boxregistry.azurecr", "boxregistry..azurecr.io", "boxregistry.azurecr.io@evil.com", "user:pw@boxregistry.azurecr.io",
    "evil.com/boxregistry.azurecr.io", "evil.com?boxregistry.azurecr.io", "evil.com#boxregistry.azurecr.io", "evil.com\\boxregistry.azurecr.io", "boxregistry.\u0430zurecr.io", "boxregistry\u3002azurecr.io",
    "box_registry.azurecr.io", "boxregistry.azurecr.cn.evil.com", "azurecr.cn", "azurecr.us", "boxregistry.azurecr.us.", "boxregistry.azurecr.usa", "-boxregistry.azurecr.io", "boxregistry-.azurecr.io",
    "boxregistry.azurecr.io%00.evil.com", "login.microsoftonline.com", "management.azure.com", "boxregistry.azure-cr.io", "boxregistry.azurecr.io.azurecr", "boxregistry.azurecrXio",
]
PUBLIC = ["mirror.gcr.io", "mirror.gcr.io/library/alpine", "mcr.microsoft.com", "mcr.microsoft.com/dotnet/runtime", "quay.io", "docker.io", "index.docker.io/v1/", "registry.k8s.io", "localhost:5000", "127.0.0.1", "169.254.169.254"]
ALL = ECR + GOOGLE + AZURE


IN_CLEAR = [f"http://{A}.dkr.ecr.eu-west-1.amazonaws.com", "http://public.ecr.aws", "http://gcr.io", "HTTP://us-docker.pkg.dev/project/app", "http://boxregistry.azurecr.io/v2/", "http://gcr.io:443", "http://gcr.io:80"]


def test_there_are_enough_of_them():
    assert len(set(ALL)) == len(ALL) >= 150


@pytest.mark.parametrize("machine", ["none", "ec2", "gce", "azure"])
@pytest.mark.parametrize("hosts", [ECR, GOOGLE, AZURE, PUBLIC, IN_CLEAR], ids=["ecr", "google", "azure", "public", "in clear"])
def test_no_answer_and_no_request(box, helper, hosts, machine):
    variables = everything.lay(box, helper)
    box.gce.present = machine == "gce"
    box.ec2.present = machine == "ec2"
    box.azure_vm.present = machine == "azure"
    helper.machine = {"BOX_DMI": machine}
    wrong = []
    for host in hosts:
        for question in (host, f"https://{host}/team/app") if machine == "none" and hosts is not IN_CLEAR else (host,):
            answer = helper.get(question, **variables)
            if answer.code != 1 or answer.out != "credentials not found in native keychain\n" or answer.err or not box.silent():
                wrong.append(f"{question!a}: exit {answer.code}, {answer.out!r}, {box.story()}")
                box.requests.clear(), box.strays.clear(), box.dns.asked.clear()
    assert not wrong, "\n".join(wrong)


def test_the_identities_at_hand_do_work(box, helper):
    """What the test above rests on: the same variables open the real hosts."""
    variables = everything.lay(box, helper)
    for host, user in ((f"{A}.dkr.ecr.eu-west-1.amazonaws.com", "AWS"), ("us-docker.pkg.dev", "oauth2accesstoken"), ("boxregistry.azurecr.io", "00000000-0000-0000-0000-000000000000")):
        assert helper.get(host, **variables).found()[0] == user


def test_a_cloud_is_asked_with_its_own_identity_only(box, helper):
    """The answer for one cloud's host comes from that cloud's servers alone."""
    variables = everything.lay(box, helper)
    for host, mine in ((f"{A}.dkr.ecr.eu-west-1.amazonaws.com", {"ecr"}), ("us-docker.pkg.dev", {"google-oauth"}), ("boxregistry.azurecr.io", {"entra", "acr"})):
        box.requests.clear()
        helper.get(host, **variables).found()
        assert {r.by for r in box.requests} == mine, box.story()
