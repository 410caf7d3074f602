"""KUBECLARITY_CLOUD says which machine this is, whatever the firmware says."""
import pytest

import azure_kinds
import google_kinds
import identities

ECR, GOOGLE, ACR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "gcr.io", "boxregistry.azurecr.io"
MACHINES = [("aws", "ec2", ECR, identities.ec2, "ec2-metadata"), ("google", "gce", GOOGLE, google_kinds.metadata, "gce-metadata"),
            ("azure", "azure", ACR, azure_kinds.system_assigned, "azure-metadata")]


@pytest.mark.parametrize("cloud,machine,host,lay,fake", MACHINES)
def test_the_firmware_alone_is_evidence(box, helper, cloud, machine, host, lay, fake):
    lay(box, helper.home)
    helper.machine = {"BOX_DMI": machine}
    helper.get(host).found()
    assert box.asked(fake), box.story()


def test_the_older_machines_of_ec2_too(box, helper):
    identities.ec2(box, helper.home)
    helper.machine = {"BOX_DMI": "ec2-xen"}
    helper.get(ECR).found()


@pytest.mark.parametrize("machine", ["xen", "hyper-v", "absent", "none"])
def test_firmware_that_is_no_clouds_is_no_evidence(box, helper, machine):
    """Somebody answers on the metadata address, but nothing says that it is a cloud."""
    for _, _, host, lay, _ in MACHINES:
        lay(box, helper.home)
        helper.machine = {"BOX_DMI": machine}
        helper.get(host).not_found()
        assert box.silent(), box.story()


@pytest.mark.parametrize("cloud,machine,host,lay,fake", MACHINES)
def test_a_machine_without_an_identity_is_a_miss(box, helper, cloud, machine, host, lay, fake):
    """Its metadata server is there and says that it has none."""
    lay(box, helper.home)
    box.ec2.role = box.gce.email = box.azure_vm.system = None
    helper.machine = {"BOX_DMI": machine}
    helper.get(host).not_found()
    assert box.asked(fake), box.story()


@pytest.mark.parametrize("cloud,machine,host,lay,fake", MACHINES)
def test_a_named_cloud_needs_no_evidence(box, helper, cloud, machine, host, lay, fake):
    lay(box, helper.home)
    helper.machine = {"BOX_DMI": "none"}
    helper.get(host, KUBECLARITY_CLOUD=cloud).found()
    assert box.asked(fake), box.story()


@pytest.mark.parametrize("cloud,machine,host,lay,fake", MACHINES)
def test_none_keeps_the_metadata_servers_from_being_asked(box, helper, cloud, machine, host, lay, fake):
    lay(box, helper.home)
    helper.machine = {"BOX_DMI": machine}
    helper.get(host, KUBECLARITY_CLOUD="none").not_found()
    assert box.silent(), box.story()


@pytest.mark.parametrize("cloud,machine,host,lay,fake", MACHINES)
def test_another_named_cloud_does_too(box, helper, cloud, machine, host, lay, fake):
    lay(box, helper.home)
    helper.machine = {"BOX_DMI": machine}
    for other in {"aws", "google", "azure"} - {cloud}:
        helper.get(host, KUBECLARITY_CLOUD=other).not_found()
        assert box.silent(), box.story()


@pytest.mark.parametrize("named", ["none", "google"])
def test_identities_in_variables_are_not_a_machine(box, helper, named):
    assert helper.get(ECR, **identities.keys(box.aws.user()), KUBECLARITY_CLOUD=named).found()[0] == "AWS"


def test_a_word_that_is_no_cloud_is_said(box, helper):
    helper.get(ECR, KUBECLARITY_CLOUD="ibm").failed("KUBECLARITY_CLOUD")
    assert box.silent(), box.story()
