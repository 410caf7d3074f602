"""A machine that has an identity of every cloud: what a wrong answer would need is there."""
import azure_kinds
import google_kinds
import identities


def lay(box, helper):
    """All static identities; the metadata servers answer too, whichever cloud is asked for."""
    box.ec2.present, box.ec2.role = True, box.aws.role("ec2-instance")
    return {**identities.keys(box.aws.user()), "AWS_REGION": "eu-west-1", **google_kinds.service_account(box, helper.home), **azure_kinds.client_secret(box, helper.home)[0]}
