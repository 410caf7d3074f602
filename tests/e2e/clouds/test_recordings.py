"""docs/recordings: what explain says off-cloud."""
from box.packets import OffCloud
from lib import recording


def test_recordings_off_cloud(box, helper):
    helper.machine = {"BOX_METADATA": "none"}
    arguments = ["explain", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1"]
    with OffCloud() as network:
        answer = helper.run(*arguments)
        assert network.sent() == [] and box.silent(), box.story()
    assert (answer.code, answer.err) == (1, ""), answer
    assert answer.seconds < 1, answer.seconds
    recording.compare("off-cloud", "On a machine that is in no cloud and has no identity of one.", arguments, 1, answer.out)
    assert "this is no EC2 machine" in answer.out
