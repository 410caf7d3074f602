"""Many logins at once, and logins that are killed: the Secret loses nothing and is whole all the time."""
import json
import random
import subprocess

import pytest

from lib import pod as pods
from lib.stored import config_of, may_store, path_of

MANY = 20
KILLED = 60


@pytest.fixture
def writer(api, home, namespace, in_pod):
    api.service_account(namespace, "writer")
    may_store(api, namespace, f"{namespace}/writer", create=True)
    in_pod("writer")
    home.env["KUBECLARITY_TIMEOUT"] = "60"  # how long 20 take on a busy machine is not what is tested
    return home


def begin(home, verb, stdin):
    """Starts the helper; its stdin is written and closed."""
    process = subprocess.Popen(
        pods.enter([home.binary, verb], home.pod.account, home.hosts), env=home.env | home.pod.env, cwd=home.directory,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdin.write(stdin)
    process.stdin.close()
    return process


def end(process):
    with process:
        return process.stdout.read(), process.stderr.read(), process.wait(120)


def login(number):
    return json.dumps({"ServerURL": f"https://registry-{number}.example.com", "Username": f"user-{number}",
                       "Secret": f"secret-{number}"})


def logins(numbers):
    return {f"registry-{number}.example.com": f"secret-{number}" for number in numbers}


def stored(api, namespace):
    return {host: entry["password"] for host, entry in config_of(api, namespace)["auths"].items()}


@pytest.mark.parametrize("first", ["made by one of them", "there already"])
def test_at_once_to_as_many_registries(api, writer, namespace, first):
    if first == "there already":
        api.pull_secret(namespace, "basic-regcred", {"other.example.com": {"username": "u", "password": "kept"}})
    running = [begin(writer, "store", login(number)) for number in range(MANY)]
    assert [end(process) for process in running] == [("", "", 0)] * MANY
    kept = {"other.example.com": "kept"} if first == "there already" else {}
    assert stored(api, namespace) == kept | logins(range(MANY))
    running = [begin(writer, "erase", f"registry-{number}.example.com") for number in range(0, MANY, 2)]
    assert [end(process) for process in running] == [("", "", 0)] * (MANY // 2)
    assert stored(api, namespace) == kept | logins(range(1, MANY, 2))


def test_killed_at_any_moment(api, writer, namespace):
    """Whatever is there after each kill was there before, or is that and the new login."""
    end(begin(writer, "store", login("first")))
    before, patience, whole = stored(api, namespace), 1.0, 0
    for number in range(KILLED):
        process = begin(writer, "store", login(number))
        try:
            process.wait(random.random() * patience)
            whole, patience = whole + 1, patience * 0.8  # this keeps the kills within a run, however fast the machine is
        except subprocess.TimeoutExpired:
            process.kill()  # `unshare` and `sh` became the helper: this is its own process
            patience *= 1.1
        end(process)
        after = stored(api, namespace)
        assert after in (before, before | logins([number])), number
        before = after
    assert 0 < whole < KILLED, "the kills came at no moment of interest"
    assert end(begin(writer, "store", login("last"))) == ("", "", 0)
    assert stored(api, namespace) == before | logins(["last"])
