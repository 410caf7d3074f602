"""The program beside kubelet's own keyring, over pull secrets and questions at random: the same first credential, but for the
rows of DIFFERENCES. KEYRING_SEED=N repeats a run, KEYRING_QUESTIONS=N asks more."""
import base64
import json
import os
import random
import secrets as entropy
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from lib.helper import NOT_FOUND
from lib.kapi import driver
from lib.keys import Question, differences, for_kubelet, question, rank
from lib.pull_secrets import HOSTS, Entry, Secret, only, secrets, server

QUESTIONS = int(os.environ.get("KEYRING_QUESTIONS", 6000))
QUESTIONS_A_CASE = 4
DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "compatibility.md"

# Where the program does something else than kubelet on purpose, and why.
DIFFERENCES = {
    # What matches.
    "upper case in a host or a scheme": "host names and schemes have no case; kubelet compares their text",
    "a scheme with one slash": "one release of docker wrote `https:/`",
    "a port that is the scheme's own, or has zeros in front": "`:443`, and `:80` of `http://`, are no port, and ports are numbers; kubelet compares their text",
    "/v1 or /v2 without a slash behind it": "docker writes it with and without; kubelet takes only `/v1/` and `/v2/` away",
    "white space around a key": "it is a slip; kubelet ignores the key",
    "Docker Hub": "its four names are one registry and `library/` is implied; kubelet knows `docker.io`, and `index.docker.io` where nothing else matches",
    "an entry of docker's browser login": "it is for no registry, and what answers for it is posted elsewhere by `docker logout`",
    "a glob with ?, [a-z] or a backslash": "Kubernetes documents them; kubelet reads keys as URLs, in which they are something else",
    "an IPv6 address": "it has one form; for kubelet its brackets are a glob, which never matches without a port",
    "a question without a path": "clients that are configured for a host ask so: keys with a path count if they hold one login; kubelet always knows the image",
    # What an entry gives.
    "an identity token": "a client exchanges it for an access token; kubelet ignores it",
    "an entry without a login": "it is passed over; kubelet tries an empty user and password",
    "half a login": "it cannot be sent through a credential helper; kubelet tries it",
    "an entry that is broken": "it affects its own registry only; kubelet refuses all secrets of the pod",
    "a secret that is broken": "the others count all the same; kubelet refuses all secrets of the pod",
    "a login that is no text": "no registry takes it, and no credential helper can return it; kubelet tries it",
    "an email that is no text": "nobody needs it; kubelet refuses all secrets of the pod",
    "blanks in `auth`": "they are a slip, as line breaks are; kubelet refuses all secrets of the pod",
    "NUL bytes around a password": "docker takes them away; kubelet sends them",
    "a token that has expired": "the next credential comes first; kubelet tries all in turn",
    # Which of several comes first.
    "a key that ends inside a name comes last": "`reg/team` is not meant for `reg/team-b`; kubelet tries the longer text first",
    "a longer path comes first": "it is the closer one whatever the host's form; kubelet sorts keys by their text, hosts first",
    "a longer host pattern comes first": "it is the closer one; kubelet sorts keys by their text",
    "the order of the secrets": "is the user's; kubelet sorts the keys of all secrets by their text",
}
# By the parts of a rank. That an exact host comes before a glob is what kubelet's order of texts comes to.
RANKS = ("a key that ends inside a name comes last", "a longer path comes first", None, "a longer host pattern comes first", "Docker Hub")


@dataclass
class Case:
    number: int
    secrets: list
    asked: Question

    def lines(self):
        """What kubelet is asked: with the secrets as they are, with what makes it match as the program does, and with the same for
        keys that have a path, as if they had none."""
        plain = {"secrets": [secret.as_object() for secret in self.secrets], "image": self.asked.raw_image}
        return [plain] + [{"secrets": [only(key, entry) for _, entry in self.entries() if entry.meaning is not None
                                       for key in for_kubelet(entry.key, self.asked, of_whole)], "image": self.asked.image}
                          for of_whole in (False, True)]

    def entries(self):
        return [(number, entry) for number, secret in enumerate(self.secrets) if secret.broken is None for entry in secret.entries]


def answers(lines):
    """For each line whether kubelet refuses the secrets, and the logins that it finds."""
    text = "".join(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run([driver("keyring")], input=text, capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(lines)
    return [(one["refused"], [tuple(base64.b64decode(part) for part in login) for login in one["found"]]) for one in found]


def mount(directory, made):
    for number, secret in enumerate(made):
        folder = directory / f"{number:02}"
        folder.mkdir(parents=True)
        (folder / (".dockercfg" if secret.older else ".dockerconfigjson")).write_bytes(secret.text())
    return directory


def ask(directory, server):
    """(user, password); None for "not found"; "error" for one line about a failure."""
    environment = {"HOME": "/nonexistent", "PATH": "/usr/bin:/bin", "IMAGE_PULL_SECRET_PATH": str(directory)}
    done = subprocess.run([os.environ["HELPER"], "get"], input=server.encode(), capture_output=True, env=environment, timeout=60)
    if done.returncode == 0:
        answer = json.loads(done.stdout)
        return answer["Username"].encode(), answer["Secret"].encode()
    assert done.returncode == 1 and done.stderr == b"", done
    return None if done.stdout == NOT_FOUND.encode() else "error"


@dataclass
class Due:
    """What is due: the answer, all logins that match in their order, the keys of broken entries that match."""
    answer: object
    matched: list
    broken: set
    without_path: bool = False


def expected(case, made_for, of_whole):
    """The answer by the order of the program, of what kubelet matches."""
    entries = {login_of(entry): (number, entry) for number, entry in case.entries() if login_of(entry)}

    def split(answer):
        refused, found = answer
        assert not refused, case
        found = list(dict.fromkeys(found))
        return [(login, *entries[login]) for login in found if login in entries], {key.decode() for user, key in found if user == b"broken"}

    matched, broken = split(made_for)
    if not matched and not case.asked.path:
        scoped, scoped_broken = split(of_whole)
        if len(scoped) < 2 and (scoped or scoped_broken):
            return Due(scoped[0][0] if scoped else "error", scoped, broken | scoped_broken, True)
    # Equals in the order of the secrets, in each the last key first: the sort is stable.
    matched.sort(key=lambda one: one[2].key.encode(), reverse=True)
    matched.sort(key=lambda one: one[1])
    matched.sort(key=lambda one: rank(one[2].key, case.asked), reverse=True)
    failed = broken or any(secret.broken is not None for secret in case.secrets)
    return Due(matched[0][0] if matched else "error" if failed else None, matched, broken)


DECODED = {}


def decode(cases):
    """What kubelet's own decoder makes of each entry: a login, or nothing."""
    values = list({entry.value for case in cases for _, entry in case.entries()} - set(DECODED))
    lines = [{"secrets": [only("x.example.com", Entry("", value, "kubelet"))], "image": "x.example.com/a"} for value in values]
    for value, (_, found) in zip(values, answers(lines), strict=True):
        DECODED[value] = found[0] if found else None


def login_of(entry):
    """What the program is to make of it."""
    if entry.meaning == "kubelet":
        return DECODED[entry.value]
    return tuple(part.encode() for part in entry.meaning) if isinstance(entry.meaning, tuple) else None


def reasons(case, plain, due):
    """The rows for which kubelet, given the secrets as they are, finds other logins or has another first one."""
    refused, found = plain
    ours = {login: entry for login, _, entry in due.matched}
    rows, common = set(), []
    if due.without_path:
        return {"a question without a path"}
    if any(secret.broken is not None for secret in case.secrets):
        rows.add("a secret that is broken")
    for _, entry in case.entries():
        theirs, our = DECODED[entry.value], login_of(entry)
        by_kubelet, by_us = theirs in found, our in ours or entry.meaning == "broken" and entry.key in due.broken
        if theirs is None or theirs != our and (by_kubelet or by_us):
            assert entry.differs, f"kubelet reads {theirs} in {entry}"
            rows |= entry.differs
        if theirs is not None and by_kubelet != by_us and (theirs == our or not by_kubelet):
            why = differences(entry.key, case.asked)
            assert why, f"kubelet finds {found}, of {entry}"
            rows |= why
        if theirs == our and by_kubelet and by_us:
            common.append(our)
    theirs = next((login for login in found if login in common), None)
    first = next((login for login, _, _ in due.matched if login in common), None)
    if first != theirs:
        ranks = rank(ours[first].key, case.asked), rank(ours[theirs].key, case.asked)
        at = next((at for at, (one, other) in enumerate(zip(*ranks)) if one != other), None)
        rows.add("the order of the secrets" if at is None else RANKS[at])
    same = not refused and (found[0] if found else None) == due.answer
    assert same or rows, f"kubelet finds {found} (refused: {refused})"
    return set() if same else rows


def check(cases, tmp_path):
    """How many are as kubelet has them: without a login, with one, with several; and how often each row was the reason that one is
    not."""
    decode(cases)
    of_kubelet = answers([line for case in cases for line in case.lines()])
    directories = {}
    for case in cases:
        if id(case.secrets) not in directories:
            directories[id(case.secrets)] = mount(tmp_path / str(case.number), case.secrets)
    with ThreadPoolExecutor(4) as pool:
        answered = list(pool.map(lambda case: ask(directories[id(case.secrets)], case.asked.server), cases))
    same, rows, wrong = Counter(), Counter(), []
    for at, (case, answer) in enumerate(zip(cases, answered, strict=True)):
        plain, made_for, of_whole = of_kubelet[3 * at:3 * at + 3]
        try:
            due = expected(case, made_for, of_whole)
            assert answer == due.answer, f"answered {answer}, due {due.answer}, kubelet finds {made_for[1]}"
            why = reasons(case, plain, due)
            rows.update(why)
            if not why:
                same[min(len(due.matched), 2)] += 1
        except AssertionError as error:
            texts = [secret.text() for secret in case.secrets]
            wrong.append(f"case {case.number}: {case.asked.server} of {texts}: {error}")
    assert not wrong, f"{len(wrong)} differ:\n" + "\n".join(wrong[:5])
    return same, rows


def test_as_kubelet_over_pull_secrets_at_random(tmp_path):
    seed = int(os.environ.get("KEYRING_SEED") or entropy.randbits(32))
    print(f"KEYRING_SEED={seed}")
    dice = random.Random(seed)
    cases = []
    while len(cases) < QUESTIONS:
        focus = dice.sample(HOSTS, dice.choice((1, 2)))
        made = secrets(dice, focus)
        cases += [Case(len(cases) + at, made, question(server(dice, focus))) for at in range(QUESTIONS_A_CASE)]
    same, rows = check(cases, tmp_path)
    print(f"{len(cases)} questions; as kubelet answers them with the secrets as they are: {same[0]} without a login, {same[1]} with one, "
          f"{same[2]} with several; the others: {dict(rows.most_common())}")
    assert set(rows) <= set(DIFFERENCES), set(rows) - set(DIFFERENCES)
    assert same.total() > len(cases) / 2 and same[1] + same[2] > len(cases) / 8 and same[2] > len(cases) / 50


def login(key, user="user", **other):
    return Entry(key, json.dumps({"username": user, "password": user} | other).encode(), "kubelet")


REG = "reg.example.com/team/app"
EXAMPLES = {
    "upper case in a host or a scheme": ([login("HTTPS://Reg.example.com")], REG),
    "a scheme with one slash": ([login("https:/reg.example.com")], REG),
    "a port that is the scheme's own, or has zeros in front": ([login("reg.example.com:443")], REG),
    "/v1 or /v2 without a slash behind it": ([login("reg.example.com/v2")], REG),
    "white space around a key": ([login(" reg.example.com")], REG),
    "Docker Hub": ([login("https://registry-1.docker.io/v2/")], "docker.io/alpine"),
    "an entry of docker's browser login": ([login("reg.example.com/v1/access-token")], "reg.example.com/access-token"),
    "a glob with ?, [a-z] or a backslash": ([login("re[a-z].example.com")], REG),
    "an IPv6 address": ([login("[::1]")], "[::1]/app"),
    "a question without a path": ([login("reg.example.com/team")], "reg.example.com"),
    "an identity token": ([Entry("reg.example.com", b'{"identitytoken":"t"}', ("<token>", "t"), frozenset({"an identity token"}))], REG),
    "an entry without a login": ([Entry("reg.example.com", b"{}", None, frozenset({"an entry without a login"})), login("*.example.com")], REG),
    "half a login": ([Entry("reg.example.com", b'{"username":"u"}', "broken", frozenset({"half a login"})), login("*.example.com")], REG),
    "an entry that is broken": ([Entry("other.example.com", b"5", "broken", frozenset({"an entry that is broken"})), login("reg.example.com")], REG),
    "a login that is no text": ([Entry("reg.example.com", b'{"username":"u\xe9","password":"p"}', "broken", frozenset({"a login that is no text"}))], REG),
    "an email that is no text": ([Entry("reg.example.com", b'{"username":"u","password":"p","email":5}', ("u", "p"), frozenset({"an email that is no text"}))], REG),
    "blanks in `auth`": ([Entry("reg.example.com", b'{"auth":" dTpw"}', ("u", "p"), frozenset({"blanks in `auth`"}))], REG),
    "NUL bytes around a password": ([Entry("reg.example.com", b'{"auth":"dTpwAA=="}', ("u", "p"), frozenset({"NUL bytes around a password"}))], REG),
    "a token that has expired": ([Entry("reg.example.com", json.dumps({"username": "u", "password": "eyJhIjowfQ.eyJleHAiOjF9.x"}).encode(), "broken",
                                        frozenset({"a token that has expired"})), login("*.example.com")], REG),
    "a key that ends inside a name comes last": ([login("reg.example.com/te", "short"), login("reg.example.com", "whole")], REG),
    "a longer path comes first": ([login("*.example.com/team", "path"), login("reg.example.com", "host")], REG),
    "a longer host pattern comes first": ([login("r*.example.com", "short"), login("*eg.example.com", "long")], REG),
}


@pytest.mark.parametrize("row", DIFFERENCES)
def test_each_difference_is_one(row, tmp_path):
    """An example of each row: kubelet answers otherwise, and that for this reason."""
    if row == "the order of the secrets":
        made, server = [Secret(False, [login("*eg.example.com", "first")]), Secret(False, [login("re*.example.com", "second")])], REG
    elif row == "a secret that is broken":
        made, server = [Secret(False, [], b"{"), Secret(False, [login("reg.example.com")])], REG
    else:
        entries, server = EXAMPLES[row]
        made = [Secret(True, entries)]
    same, rows = check([Case(0, made, question(server))], tmp_path)
    assert same.total() == 0 and row in rows, rows


def test_the_differences_are_documented():
    text = DOCUMENT.read_text()
    for row, why in DIFFERENCES.items():
        assert f"| {row} | {why} |" in text, row
