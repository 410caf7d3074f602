"""The keys of pull secrets, once more and independently of the program: where its rules differ from kubelet's on purpose, what
kubelet must be given to get the same matches; and the order of what matched."""
import ipaddress
import re
from dataclasses import dataclass

HUB = ("docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com")
LIBRARY = "library/"
SPECIAL = re.compile(r"[?\[\]\\^]")
WHITE = " \t\r\n\v\f"


@dataclass(frozen=True)
class Question:
    """What is asked: as a client writes it, and what is meant."""
    server: str
    host: str  # lower-case, without brackets if it is an address
    port: str  # empty if none or the scheme's own
    path: str  # with `library/` on Hub
    library_implied: bool

    @property
    def hub(self):
        return self.host in HUB and not self.port

    @property
    def image(self):
        """As kubelet has it, which sees images only after their names were normalized."""
        host = HUB[0] if self.hub else of_kubelet(self.host)
        return f"{host}{self.port and ':' + self.port}/{self.path}"

    @property
    def raw_image(self):
        """The same with the host and the port as they are written."""
        return f"{split_scheme(self.server)[1].partition('/')[0]}/{self.path}"


def question(server):
    """`[scheme://]host[:port]/path[:tag][@digest]`."""
    scheme, rest = split_scheme(server)
    authority, _, path = rest.partition("/")
    path = path.partition("@")[0]
    path = re.sub(r":[^/:]*$", "", path).strip("/")
    host, port = host_and_port(authority)
    port = own(scheme, port)
    host = address(host.lower()) or host.lower()
    implied = host in HUB and not port and path != "" and "/" not in path
    return Question(server, host, port, LIBRARY + path if implied else path, implied)


@dataclass(frozen=True)
class Reading:
    """One way to read a key."""
    host: str
    port: str
    path: str

    def is_for(self, asked):
        if self.port != asked.port:
            return False
        if asked.hub and self.host in HUB:
            return True
        return glob(self.host).fullmatch(HUB[0] if asked.hub else asked.host) is not None


def split_scheme(text):
    """`https:/` was sent by one release of docker."""
    for start, scheme in (("https://", "https"), ("http://", "http"), ("https:/", "https")):
        if text[:len(start)].lower() == start:
            return scheme, text[len(start):]
    return "", text


def host_and_port(authority):
    """(host, port); a port that is none is None."""
    if authority.startswith("[") and (bracket := authority.find("]")) > 0 and address(authority[:bracket + 1]):
        host, rest = authority[:bracket + 1], authority[bracket + 1:]
        return host, rest[1:] if re.fullmatch(r":\d*|", rest) else None
    if address(authority):
        return authority, ""
    host, colon, port = authority.rpartition(":")
    if not colon:
        return authority, ""
    return host, port if port.isascii() and (port.isdigit() or not port) and ":" not in host else None


def own(scheme, port):
    """Without a port that is the scheme's own, in one form."""
    port = port and str(int(port))
    return "" if port == "443" or port == "80" and scheme == "http" else port


def address(host):
    """An IPv6 address in its one form, in brackets or not; None for anything else."""
    try:
        return str(ipaddress.IPv6Address(host[1:-1] if host.startswith("[") and host.endswith("]") else host))
    except ValueError:
        return None


def of_kubelet(host):
    """For kubelet an address without a port is a malformed glob: it gets a name in its place."""
    return re.sub(r"[^0-9a-z]", "-", f"ipv6 {host}") if address(host) else host


def glob(pattern):
    """As Kubernetes documents it and Go's `path.Match` reads it, no part of it crossing a dot."""
    if address(pattern):
        return re.compile(re.escape(pattern))
    out = ""
    while pattern:
        if found := re.match(r"\*", pattern):
            out += r"[^.]*"
        elif found := re.match(r"\?", pattern):
            out += r"[^.]"
        elif found := re.match(r"\\([^.])", pattern):
            out += re.escape(found[1])
        elif found := re.match(r"\[(\^?)((?:[^\]\\.-](?:-[^\]\\.-])?)+)\]", pattern):
            out += "(?=[^.])[" + found[1] + re.sub(r"([\[^&|~])", r"\\\1", found[2]) + "]"
        elif found := re.match(r"[^\[\\]", pattern):
            out += re.escape(found[0])
        else:
            return re.compile(r"(?!)")  # malformed
        pattern = pattern[found.end():]
    return re.compile(out)


def readings(text):
    """The ways in which the program reads a key: none, one, or two where its host has a `?`."""
    scheme, rest = split_scheme(text.strip(WHITE))
    if "://" in rest:
        return []
    rest = rest.partition("#")[0]
    before, mark, _ = rest.partition("?")
    urls = [rest, before] if mark and "/" not in before else [before]
    return [reading for url in urls if (reading := _reading(scheme, url))]


def _reading(scheme, url):
    authority, _, path = url.partition("/")
    path = _decoded(path)
    parts = [part for part in (path or "").split("/") if part]
    if path is None or parts[-2:] in (["v1", "access-token"], ["v1", "refresh-token"]):
        return None
    user, at, authority = authority.rpartition("@")
    if at and (not re.fullmatch(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*", user) or _decoded(user) is None):
        return None
    host, port = host_and_port(authority)
    if not host or port is None or port and int(port) > 65535:
        return None
    path = "" if path in ("v1", "v2") else re.sub(r"^v[12]/", "", path)
    return Reading(address(host) or host.lower(), own(scheme, port), path)


def _decoded(text):
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        return None
    return re.sub(r"%(..)", lambda found: chr(int(found[1], 16)), text)


def for_kubelet(text, asked, of_whole=False):
    """The keys that kubelet must be given to match as the program does; `of_whole`: those with a path, as if they had none."""
    keys = []
    for host, port, path in [(one.host, one.port, one.path) for one in readings(text)]:
        hub = host in HUB and not port
        if hub:
            host = HUB[0]
        elif SPECIAL.search(host) and not address(host):
            if not glob(host).fullmatch(HUB[0] if asked.hub else asked.host):
                continue
            hub, host = asked.hub, HUB[0] if asked.hub else of_kubelet(asked.host)
        else:
            host = of_kubelet(host)
        if of_whole:
            keys += [f"{host}{port and ':' + port}"] if path else []
            continue
        for path in [path, LIBRARY + path] if asked.hub else [path]:
            if not re.search("[?#%]", path):  # no repository has one
                keys.append(f"{host}{port and ':' + port}/v2/{path}")  # which kubelet takes away
    return keys


def differences(text, asked):
    """The rows of the table that concern a key, or the question itself."""
    found = set()
    scheme, rest = split_scheme(text.strip(WHITE))
    authority = re.split("[/#]", rest)[0].rpartition("@")[2]
    host, port = host_and_port(authority)
    path = rest.partition("#")[0].partition("?")[0].partition("/")[2]
    if text != text.strip(WHITE):
        found.add("white space around a key")
    if authority != authority.lower() or not text.strip(WHITE).startswith(scheme) or asked.raw_image != asked.raw_image.lower():
        found.add("upper case in a host or a scheme")
    if scheme and not text.strip(WHITE)[len(scheme):].startswith("://"):
        found.add("a scheme with one slash")
    if port and (port.startswith("0") or own(scheme, port) != port) or f"/{asked.raw_image}" != f"/{_with_port(asked)}":
        found.add("a port that is the scheme's own, or has zeros in front")
    if _decoded(path) in ("v1", "v2"):
        found.add("/v1 or /v2 without a slash behind it")
    if asked.hub or host.lower() in HUB:
        found.add("Docker Hub")
    if not readings(text) and _decoded(path) and re.search("v1/+(access|refresh)-token", _decoded(path)):
        found.add("an entry of docker's browser login")
    if SPECIAL.search(authority) and not address(host):
        found.add("a glob with ?, [a-z] or a backslash")
    if address(host) or address(asked.host):
        found.add("an IPv6 address")
    return found


def _with_port(asked):
    host = split_scheme(asked.server)[1].partition("/")[0]
    host = host_and_port(host)[0]
    return f"{host}{asked.port and ':' + asked.port}/{asked.path}"


def rank(text, asked):
    """How well a key that matches does so: the greater, the better."""
    reading = next(reading for reading in readings(text) if reading.is_for(asked))
    path, implied = reading.path, ""
    if not asked.path.startswith(path):
        implied = LIBRARY
    rest = asked.path[len(implied) + len(path):]
    exact = reading.host == asked.host or asked.hub and reading.host in HUB
    return (not path or path.endswith("/") or not rest or rest.startswith("/"), len(implied + path), exact,
            0 if exact else len(reading.host), asked.library_implied == bool(implied))
