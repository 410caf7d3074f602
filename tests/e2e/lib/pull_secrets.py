"""Pull secrets and questions at random, as people and tools write them, and as nobody should."""
import base64
import json
import time
from dataclasses import dataclass, field

from .keys import HUB

HOSTS = ("reg.example.com", "b.example.com", "reg.example.org", "localhost", "127.0.0.1", "[::1]", *HUB)
GLOBS = ("*.example.com", "reg.*.com", "*.*.*", "r*g.example.com", "*", "*.io", "reg.example.*", "*g.ex*le.com", "*.com")
ODD_GLOBS = ("re?.example.com", "[a-s]eg.example.com", "re[^a-f].example.com", r"r\eg.example.com", "[]eg.example.com", "doc?er.io",
             "*.example.c[!o]m", "[r-]eg.example.com", r"reg.example.co\m", "?.example.com", "reg[.example.com")
PATHS = ("/", "/team", "/team/", "/team/app", "/te", "/team/app/", "/other", "/v1", "/v1/", "/v2", "/v2/", "/v2/team", "/v1/team/app",
         "/v22", "/Team", "/te%61m", "/library", "/library/", "/library/alpine", "/alpine", "/al", "//team", "/team%2Fapp",
         "/v1/access-token", "/v1/refresh-token/", "/v1//access-token", "/te%6", "/v2/v2/team")
USERS = ("user@", "user:pass@", "@", "a@b@", "us er@", "us%65r@", "us%er@", "us/er@")
TAILS = ("?x", "?", "#x", "?a=b#c", "#x?y", "?x/y")
BLANKS = (" ", "\t", "\n", "  ")
REPOSITORIES = ("team/app", "team", "team-b/app", "app", "team/app/deep/er", "library/alpine", "alpine", "Team/app", "v2/team", "other/x")
MUTATIONS = "abeg1.:/@*-_~%#,;=+!$&'()"


@dataclass
class Entry:
    """One entry: the key, the value as JSON (bytes, for not all is text), and what it is taken for."""
    key: str
    value: bytes
    # None: nothing. "broken": told where it matches. "kubelet": what kubelet decodes. Else user and password.
    meaning: object
    differs: frozenset = frozenset()


@dataclass
class Secret:
    older: bool  # a .dockercfg
    entries: list = field(default_factory=list)
    broken: bytes = None  # the whole text, if it is no configuration

    def text(self):
        if self.broken is not None:
            return self.broken
        inner = b"{" + b",".join(_text(entry.key) + b":" + entry.value for entry in self.entries) + b"}"
        return inner if self.older else b'{"auths":' + inner + b"}"

    def as_object(self):
        kind, key = ("kubernetes.io/dockercfg", ".dockercfg") if self.older else ("kubernetes.io/dockerconfigjson", ".dockerconfigjson")
        return {"type": kind, "data": {key: base64.b64encode(self.text()).decode()}}


def only(key, entry):
    """A Secret with one key, for kubelet, and what the entry is taken for."""
    value = entry.value
    if entry.meaning == "broken":
        value = json.dumps({"username": "broken", "password": entry.key}).encode()
    elif entry.meaning != "kubelet":
        user, password = entry.meaning
        value = json.dumps({"username": user, "password": password}).encode()
    text = b"{" + _text(key) + b":" + value + b"}"
    return {"type": "kubernetes.io/dockercfg", "data": {".dockercfg": base64.b64encode(text).decode()}}


def _text(text):
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogateescape")


def _base64(text):
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def _trailing(text):
    """base64 with something in the bits that no byte needs."""
    padded = _base64(text)
    bare = padded.rstrip("=")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return padded if bare == padded else bare[:-1] + alphabet[alphabet.index(bare[-1]) + 1] + padded[len(bare):]


def token(part):
    head, claims = (base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in ({"alg": "none"}, part))
    return f"{head}.{claims}.c2ln"


# What each form differs in from kubelet's reading, if it does; the value, and what it is taken for.
FORMS = (
    ("", lambda u, p: {"auth": _base64(f"{u}:{p}")}, "kubelet"),
    ("", lambda u, p: {"auth": _base64(f"{u}:{p}"), "email": "e@example.com"}, "kubelet"),
    ("", lambda u, p: {"auth": _base64(f"{u}:{p}").rstrip("=")}, "kubelet"),
    ("", lambda u, p: {"auth": _trailing(f"{u}:{p}")}, "kubelet"),
    ("", lambda u, p: {"auth": _trailing(f"{u}:{p}").rstrip("=")}, "kubelet"),
    ("", lambda u, p: {"auth": "\r\n".join((_base64(f"{u}:{p}") + "\n").partition("a"))}, "kubelet"),
    ("", lambda u, p: {"auth": _base64(f"{u}:{p}:with:colons")}, "kubelet"),
    ("", lambda u, p: {"username": u, "password": p}, "kubelet"),
    ("", lambda u, p: {"username": u, "password": p + "äß\t\\\"", "email": ""}, "kubelet"),
    ("", lambda u, p: {"Username": u, "PASSWORD": p, "other": {"auth": 5}}, "kubelet"),
    ("", lambda u, p: {"username": "other", "password": "other", "auth": _base64(f"{u}:{p}")}, "kubelet"),
    ("", lambda u, p: {"username": u, "password": p, "auth": ""}, "kubelet"),
    ("", lambda u, p: {"username": u, "password": p, "auth": None}, "kubelet"),
    ("", lambda u, p: b'{"username":"old","Username":"%s","password":"%s","password":null}' % (u.encode(), p.encode()), "kubelet"),
    ("", lambda u, p: b'{"email":"caf\xe9@example.com","username":"%s","password":"%s","note":"\\ud83d"}' % (u.encode(), p.encode()), "kubelet"),
    ("an identity token", lambda u, p: {"identitytoken": p, "auth": _base64(f"{u}:{p}")}, lambda u, p: ("<token>", p)),
    ("an identity token", lambda u, p: {"identitytoken": p}, lambda u, p: ("<token>", p)),
    ("an entry without a login", lambda u, p: {}, None),
    ("an entry without a login", lambda u, p: {"auth": "", "email": "e"}, None),
    ("an entry without a login", lambda u, p: None, None),
    ("an entry without a login", lambda u, p: {"registrytoken": p}, "broken"),
    ("half a login", lambda u, p: {"username": u}, "broken"),
    ("half a login", lambda u, p: {"password": p}, "broken"),
    ("half a login", lambda u, p: {"auth": _base64(f":{p}")}, "broken"),
    ("half a login", lambda u, p: {"auth": _base64(f"{u}:")}, "broken"),
    ("an entry that is broken", lambda u, p: {"auth": "!!!"}, "broken"),
    ("an entry that is broken", lambda u, p: {"auth": _base64("no colon")}, "broken"),
    ("an entry that is broken", lambda u, p: {"auth": _base64(f"{u}:{p}") + "="}, "broken"),
    ("an entry that is broken", lambda u, p: {"auth": 5}, "broken"),
    ("an entry that is broken", lambda u, p: {"username": u, "password": [p]}, "broken"),
    ("an entry that is broken", lambda u, p: 5, "broken"),
    ("an entry that is broken", lambda u, p: [u, p], "broken"),
    ("a login that is no text", lambda u, p: {"auth": _base64(f"{u}:{p}".encode() + b"\xff")}, "broken"),
    ("a login that is no text", lambda u, p: b'{"username":"%s\xe9","password":"%s"}' % (u.encode(), p.encode()), "broken"),
    ("a login that is no text", lambda u, p: b'{"username":"%s","password":"%s\\ude00"}' % (u.encode(), p.encode()), "broken"),
    ("an email that is no text", lambda u, p: {"username": u, "password": p, "email": 5}, lambda u, p: (u, p)),
    ("blanks in `auth`", lambda u, p: {"auth": f" {_base64(f'{u}:{p}')}\t"}, lambda u, p: (u, p)),
    ("NUL bytes around a password", lambda u, p: {"auth": _base64(f"{u}:{p}\0\0")}, lambda u, p: (u, p)),
    ("a token that has expired", lambda u, p: {"username": u, "password": token({"exp": 1, "p": p})}, "broken"),
    ("a token that has expired", lambda u, p: {"auth": _base64(u + ":" + _base64(json.dumps({"payload": p, "expiration": 1})))}, "broken"),
    ("", lambda u, p: {"username": u, "password": token({"exp": int(time.time()) + 9999, "p": p})}, "kubelet"),
)
GOOD = tuple(form for form in FORMS if not form[0])
BROKEN = (b"", b"hunter2", b"null", b"[]", b'{"auths":[]}', b'{"auths":{"reg.example.com":', b'{"auths":5}')
BROKEN_OLDER = (b"", b"hunter2", b"null", b"[]", b'{"reg.example.com":', b"5")


def key(random, focus):
    """A key, most of them good ones, many for the hosts in `focus`."""
    kind = random.random()
    host = random.choice(focus if kind < 0.5 else HOSTS if kind < 0.75 else GLOBS if kind < 0.95 else ODD_GLOBS)
    some = lambda chance, values: random.choice(values) if random.random() < chance else ""
    text = some(0.3, ("https://", "http://")) + some(0.07, USERS) + host + some(0.15, (":5000", ":5000", ":443", ":80", ":", ":x", ":05000"))
    text += some(0.6, PATHS) + some(0.06, TAILS)
    if random.random() < 0.05:
        text = random.choice((text.upper(), text.title(), "HTTPS://" + host, "https:/" + host, "ftp://" + host, "https://https://" + host))
    if random.random() < 0.03:
        text = random.choice(BLANKS) + text + random.choice(BLANKS)
    if random.random() < 0.06:
        at = random.randrange(len(text))
        text = text[:at] + random.choice(("", random.choice(MUTATIONS))) + text[at + random.choice((0, 1)):]
    return text


def server(random, focus):
    """A question, most with a repository."""
    text = random.choice(("", "", "", "https://", "http://")) + random.choice(focus if random.random() < 0.8 else HOSTS)
    text += random.choice(("",) * 16 + (":5000", ":5000", ":443", ":80"))
    if random.random() < 0.04:
        text = text.upper()
    if random.random() < 0.08:
        return text
    return text + "/" + random.choice(REPOSITORIES) + random.choice(("",) * 8 + (":1.2", "@sha256:" + "a" * 64, ":1@sha256:abc"))


def secrets(random, focus):
    """A few pull secrets; every login in them is another one."""
    made = []
    for number in range(random.choice((1, 1, 2, 2, 3, 4))):
        secret = Secret(older=random.random() < 0.3)
        if random.random() < 0.02:
            secret.broken = random.choice(BROKEN_OLDER if secret.older else BROKEN)
        keys = {key(random, focus): None for _ in range(random.choice((1, 1, 2, 3, 5)))}
        for at, text in enumerate(keys):
            user, password = f"user{number}-{at}", f"p{number}-{at}{'x' * random.randrange(3)}"
            differs, value, meaning = random.choice(GOOD if random.random() < 0.85 else FORMS)
            value = value(user, password)
            value = value if isinstance(value, bytes) else json.dumps(value).encode()
            secret.entries.append(Entry(text, value, meaning(user, password) if callable(meaning) else meaning, frozenset({differs} - {""})))
        made.append(secret)
    return made
