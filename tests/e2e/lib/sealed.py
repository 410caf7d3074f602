"""What `sealed` promises, tried in each suite: no test can write into a cache or reach anything outside, so none needs to."""
import errno
import os
import socket
import subprocess
from pathlib import Path

import pytest

CACHES = [Path(place) for place in os.environ.get("E2E_SEALED", "").split(":") if place]


def test_every_cache_is_known():
    """A list that lost an entry would prove nothing."""
    home = Path.home()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    expected = {cache, Path(os.environ.get("KUBECLARITY_E2E_CACHE") or cache / "kubeclarity-e2e"), Path(os.environ.get("KAPI_CACHE") or cache / "kapi"),
                Path(os.environ.get("CARGO_HOME") or home / ".cargo"), Path(os.environ.get("GOMODCACHE") or Path(os.environ.get("GOPATH") or home / "go") / "pkg/mod"),
                Path(os.environ.get("GOCACHE") or cache / "go-build")}
    there = {place.resolve() for place in expected if place.is_dir()}
    assert cache.resolve() in there and len(CACHES) >= len(there) and there <= set(CACHES), (there, CACHES)


@pytest.mark.parametrize("cache", CACHES, ids=str)
def test_nothing_is_written_into_a_cache(cache):
    below = [cache, *(path for path in cache.iterdir() if path.is_dir() and not path.is_symlink())]
    for directory in below:
        with pytest.raises(OSError) as refused:
            (directory / f"written-by-{os.getpid()}").touch()
        assert refused.value.errno == errno.EROFS, directory


@pytest.mark.parametrize("address", ["192.0.2.7", "1.1.1.1", "10.0.0.1", "2001:db8::7"])
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM], ids=["tcp", "udp"])
def test_nothing_outside_is_reached(address, kind):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as connection:
        connection.settimeout(5)
        with pytest.raises(OSError) as refused:
            connection.connect((address, 443))
    assert refused.value.errno in {errno.ENETUNREACH, errno.EADDRNOTAVAIL}, refused.value


def test_the_only_link_that_is_up_is_the_loopback():
    up = subprocess.run(["ip", "-o", "link", "show", "up"], check=True, capture_output=True, text=True).stdout.splitlines()
    assert [link.split()[1] for link in up] == ["lo:"], up
    assert Path("/proc/net/route").read_text().splitlines()[1:] == []
