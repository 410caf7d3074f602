"""Off-cloud, with the metadata addresses black-holed: no packet goes to them, and every question is settled at once."""
import socket

import pytest

import google_kinds
import identities
from box.packets import OffCloud

CLOUD_HOSTS = ["123456789012.dkr.ecr.eu-west-1.amazonaws.com", "public.ecr.aws", "europe-west1-docker.pkg.dev", "gcr.io", "boxregistry.azurecr.io", "boxregistry.azurecr.us"]
OTHERS = ["docker.io", "ghcr.io", "registry.example:5000/team/app", "quay.io"]
# No packet is the proof. A wait for somebody would last for the helper's own limit, which is twice this; a busy machine takes less.
SECONDS = 5.0


@pytest.fixture
def network(helper):
    helper.machine = {"BOX_METADATA": "none"}
    with OffCloud() as network:
        yield network


def test_the_black_hole_is_one(network):
    """What the tests below rest on: a call to the metadata address gets no answer, and is seen."""
    with pytest.raises(TimeoutError), socket.create_connection(("169.254.169.254", 80), 0.5):
        pass
    assert ("169.254.169.254", 80) in network.sent()


@pytest.mark.parametrize("host", CLOUD_HOSTS)
def test_a_cloud_host_without_any_identity(box, helper, network, host):
    answer = helper.get(host)
    answer.not_found()
    assert answer.seconds < SECONDS and network.sent() == [] and box.silent(), (answer.seconds, network.sent(), box.story())


@pytest.mark.parametrize("host", OTHERS)
def test_any_other_host(box, helper, network, host):
    answer = helper.get(host)
    answer.not_found()
    assert answer.seconds < SECONDS and network.sent() == [] and box.silent(), (answer.seconds, network.sent(), box.story())


def test_files_that_hold_no_identity_are_no_evidence(box, helper, network):
    identities.write(helper.home, ".aws/config", "[default]\nregion = eu-west-1\n")
    identities.write(helper.home, ".config/gcloud/configurations/config_default", "[core]\nproject = box-project\n")
    identities.write(helper.home, ".azure/config", "[cloud]\nname = AzureCloud\n")
    for host in CLOUD_HOSTS:
        answer = helper.get(host, AWS_REGION="eu-west-1", GOOGLE_CLOUD_PROJECT="box-project")
        answer.not_found()
        assert answer.seconds < SECONDS and network.sent() == [], (host, answer.seconds, network.sent())


@pytest.mark.parametrize("machine,foreign", [("ec2", ["gcr.io", "boxregistry.azurecr.io"]), ("gce", ["public.ecr.aws", "boxregistry.azurecr.io"]), ("azure", ["public.ecr.aws", "gcr.io"])])
def test_one_clouds_machine_is_no_evidence_of_another_cloud(box, helper, network, machine, foreign):
    helper.machine |= {"BOX_DMI": machine}
    for host in foreign:
        answer = helper.get(host)
        answer.not_found()
        assert answer.seconds < SECONDS and network.sent() == [], (host, answer.seconds, network.sent())


@pytest.mark.parametrize("machine,host", [("ec2", CLOUD_HOSTS[0]), ("gce", "gcr.io"), ("azure", "boxregistry.azurecr.io")])
def test_a_machine_whose_metadata_a_firewall_drops_is_settled_long_before_the_deadline(box, helper, network, machine, host):
    """As in pods behind a hop limit of one, or a network policy: the firmware speaks for the cloud, its server is silent."""
    helper.machine |= {"BOX_DMI": machine}
    answer = helper.get(host)
    answer.not_found()
    assert answer.seconds < 5, answer.seconds


@pytest.mark.parametrize("cloud,host", [("aws", CLOUD_HOSTS[0]), ("google", "gcr.io"), ("azure", "boxregistry.azurecr.io")])
def test_a_cloud_that_the_user_named_is_asked_within_the_deadline(box, helper, network, cloud, host):
    answer = helper.get(host, KUBECLARITY_CLOUD=cloud, KUBECLARITY_TIMEOUT="2")
    answer.failed()
    assert answer.seconds < 3, answer.seconds
    assert cloud == "google" or ("169.254.169.254", 80) in network.sent()    # Google's is asked by a name, which is not known off its machines


def test_an_identity_that_needs_no_metadata_works_there(box, helper, network):
    assert helper.get(CLOUD_HOSTS[0], **identities.keys(box.aws.user())).found()[0] == "AWS"
    assert helper.get("gcr.io", **google_kinds.service_account(box, helper.home)).found()[0] == "oauth2accesstoken"
    assert network.sent() == []
