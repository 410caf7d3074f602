"""Each reply on each way to a token, cut at every byte: it is asked for again, or the failure is told, within the deadline. What is
given out is a token that a cloud really issued, whole. `FAULTS=all` cuts at every byte; else some are a sample."""
import pytest

import faults
import steps
from box.web import Reply

# The AWS SDK's own client, which asks some things once only.
SDK = [step for step in steps.EVERY if step not in steps.OURS]
# What is on the machine itself is asked twice, and no more.
NEAR = ["gce-metadata", "azure-metadata", "app-service", "subject-url"]


@pytest.mark.parametrize("step", steps.EVERY)
def test_a_reply_that_is_cut_once(box, helper, step):
    crowd = faults.Crowd(box, helper, step)
    cuts = {(request, at): faults.cut(request, at) for request, length in enumerate(crowd.lengths()) for at in faults.positions(length, 8)}
    outcomes = {"answered": 0, "told": 0}

    def check(key, answer):
        assert answer.seconds < 9, (key, answer)
        if answer.code == 0:
            assert answer.found()[1] in set(box.secrets()), (key, answer)
            outcomes["answered"] += 1
        else:
            assert step in SDK, (key, answer)
            answer.failed()
            outcomes["told"] += 1
    crowd.all(cuts, check, KUBECLARITY_TIMEOUT="8")
    faults.told(f"{step}: {len(cuts)} cuts, {outcomes}")


@pytest.mark.parametrize("step", steps.EVERY)
def test_a_reply_that_is_always_cut(box, helper, step):
    crowd = faults.Crowd(box, helper, step)
    ends = faults.positions(crowd.lengths()[0], 4)
    cuts = {at: faults.always(lambda whole, at=at: [whole[:at]]) for at in ends}

    def check(key, answer):
        answer.failed()
        assert answer.seconds < 2.5, (key, answer)
    crowd.all(cuts, check, KUBECLARITY_TIMEOUT="1")


@pytest.mark.parametrize("step", steps.EVERY)
def test_a_wrong_byte_is_no_crash(box, helper, step):
    """Inside TLS nobody can tell a wrong token from a right one; but the answer has the protocol's form, and comes in time."""
    crowd = faults.Crowd(box, helper, step)
    wrong = {(request, at): faults.flipped(request, at) for request, length in enumerate(crowd.lengths()) for at in faults.positions(length, 8)}

    def check(key, answer):
        assert answer.seconds < 3.5, (key, answer)
        answer.found() if answer.code == 0 else answer.failed()
    crowd.all(wrong, check, KUBECLARITY_TIMEOUT="2")


GIB = 1 << 30
BLOCK = b" " * 65536


def big_body(whole):
    yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % GIB
    for _ in range(GIB // len(BLOCK)):
        yield BLOCK


def endless_headers(whole):
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield b"X-More: %s\r\n" % (b"x" * 1000) * 32


def endless_header(whole):
    yield b"HTTP/1.1 200 OK\r\nX-More: "
    while True:
        yield b"x" * 65536


def endless_extension(whole):
    yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1;"
    while True:
        yield b"x" * 65536


def endless_chunks(whole):
    yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    while True:
        yield b"1\r\n \r\n" * 8192


def endless_continue(whole):
    while True:
        yield b"HTTP/1.1 100 Continue\r\n\r\n" * 1024


# One step for each client that asks: the SDK's for services and for metadata, ours for both, the library for Google's keys.
CLIENTS = list(steps.EVERY) if faults.ALL else ["ecr", "ec2", "google key", "google metadata", "acr exchange"]
FLOODS = [big_body, endless_headers, endless_header, endless_extension, endless_chunks, endless_continue]
MOST_KIB = 48 * 1024        # a run that is left alone has 14 MiB


@pytest.mark.parametrize("step", CLIENTS)
def test_a_flood_is_left_and_fills_no_memory(box, helper, step):
    crowd = faults.Crowd(box, helper, step)
    most = {}

    def check(key, answer, memory):
        answer.failed()
        assert answer.seconds < 3.5 and memory < MOST_KIB, (key, memory, answer)
        most[key] = f"{memory // 1024} MiB, {answer.seconds:.1f} s"
    for flood in FLOODS:        # one at a time: they keep a core busy
        check(flood.__name__, *crowd.measured(faults.always(flood), KUBECLARITY_TIMEOUT="2"))
    faults.told(f"{step}: {most}")


@pytest.mark.parametrize("step", CLIENTS)
def test_one_byte_a_second_is_held_to_the_deadline(box, helper, step):
    crowd = faults.Crowd(box, helper, step)

    def drip(whole):
        for at in range(len(whole)):
            yield whole[at:at + 1]
            box.over.wait(1)
            if box.over.is_set():
                return
    answer = crowd.get(faults.always(drip), KUBECLARITY_TIMEOUT="1")
    answer.failed()
    assert answer.seconds < 2.5, answer


@pytest.mark.parametrize("step", steps.EVERY)
def test_trouble_in_turns_passes(box, helper, step):
    """503 and 429, one after the other where it asks that often, then the answer."""
    host, lay, fake, machine = steps.EVERY[step]
    helper.machine = {"BOX_DMI": machine}
    laid, seen = lay(box, helper.home), []
    turns = 2 if step in steps.OURS and fake not in NEAR else 1

    def trouble(request):
        seen.append(request)
        return Reply((503, 429)[len(seen) - 1], "", {"Retry-After": "0"}) if len(seen) <= turns else None
    box.instead[fake] = trouble
    helper.get(host, **laid).found()
    assert len(seen) > turns, box.story()
