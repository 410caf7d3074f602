"""Prints names.txt, the hosts file of the box: every real name that a cloud's client may look up, on a loopback address of its cloud.

AWS's names: docs.aws.amazon.com/general/latest/gr/ecr.html, sts.html, and the endpoint rules in botocore's data."""

PARTITIONS = {  # suffix of the API names: (dual-stack suffix, regions)
    "amazonaws.com": ("api.aws", ["us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-2", "us-gov-west-1"]),
    "amazonaws.com.cn": ("api.amazonwebservices.com.cn", ["cn-north-1", "cn-northwest-1"]),
    "amazonaws.eu": ("api.amazonwebservices.eu", ["eusc-de-east-1"]),
    "c2s.ic.gov": ("api.aws.ic.gov", ["us-iso-east-1"]),
    "sc2s.sgov.gov": ("api.aws.scloud", ["us-isob-east-1"]),
    "cloud.adc-e.uk": ("api.cloud-aws.adc-e.uk", ["eu-isoe-west-1"]),
    "csp.hci.ic.gov": ("api.aws.hci.ic.gov", ["us-isof-south-1"]),
}
ACCOUNT = "123456789012"


def aws():
    for suffix, (dual, regions) in PARTITIONS.items():
        for r in regions:
            yield from (f"api.ecr.{r}.{suffix}", f"ecr.{r}.{dual}", f"sts.{r}.{suffix}", f"sts.{r}.{dual}")
            yield from (f"ecr-fips.{r}.{suffix}", f"api.ecr-fips.{r}.{suffix}", f"ecr-fips.{r}.{dual}", f"sts-fips.{r}.{suffix}")
            yield from (f"portal.sso.{r}.{suffix}", f"oidc.{r}.{suffix}")
            yield from (f"{ACCOUNT}.dkr.ecr.{r}.{suffix}", f"{ACCOUNT}.dkr.ecr-fips.{r}.{suffix}")
    for r in PARTITIONS["amazonaws.com"][1]:
        yield from (f"{ACCOUNT}.dkr-ecr.{r}.on.aws", f"{ACCOUNT}.dkr-ecr-fips.{r}.on.aws")
    for r in PARTITIONS["amazonaws.com.cn"][1]:
        yield f"{ACCOUNT}.dkr-ecr.{r}.on.amazonwebservices.com.cn"
    yield from ("sts.amazonaws.com", "api.ecr-public.us-east-1.amazonaws.com", "ecr-public.us-east-1.api.aws", "public.ecr.aws", "ecr-public.aws.com")


GOOGLE = """oauth2.googleapis.com accounts.google.com www.googleapis.com sts.googleapis.com iamcredentials.googleapis.com
gcr.io eu.gcr.io us.gcr.io asia.gcr.io marketplace.gcr.io mirror.gcr.io container.cloud.google.com
europe-west1-docker.pkg.dev us-docker.pkg.dev us-central1-docker.pkg.dev docker.europe-west3.rep.pkg.dev docker.us-central1.rep.pkg.dev
oidc.idp.example""".split()

AZURE = """login.microsoftonline.com login.microsoftonline.us login.partner.microsoftonline.cn login.chinacloudapi.cn
management.azure.com mcr.microsoft.com
boxregistry.azurecr.io boxregistry.azurecr.cn boxregistry.azurecr.us box-registry.azurecr.io boxregistry-a1b2c3d4e5f6.azurecr.io
boxregistry.westeurope.geo.azurecr.io boxregistry.westeurope.data.azurecr.io""".split()


def lines():
    yield "# Made by names.py. The addresses: 127.0.0.10 AWS, .20 Google, .30 Azure, .40 the proxy."
    for address, names in (("127.0.0.10", aws()), ("127.0.0.20", GOOGLE), ("127.0.0.30", AZURE), ("127.0.0.40", ["proxy.example"])):
        for name in names:
            yield f"{address} {name}"
    yield "169.254.169.254 metadata.google.internal"


if __name__ == "__main__":
    print("\n".join(lines()))
