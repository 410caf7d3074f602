"""Against the real API server: bursts, and many different questions. The server's own log tells what reached it."""
import json
import os
import subprocess
import time

from lib.kapi import user_of

ALL = os.environ.get("FAULTS") == "all"
HOSTS = [f"registry-{number}.example.com" for number in range(20)]


def stock(api, home, namespace, tmp_path):
    api.service_account(namespace, "scanner")
    api.pull_secret(namespace, "basic-regcred", {host: {"username": "user", "password": f"password of {host}"} for host in HOSTS})
    api.allow_get(namespace, f"{namespace}/scanner", ["basic-regcred"])
    home.env |= {"CREDS_SECRET_NAMESPACE": namespace, "XDG_RUNTIME_DIR": str(home.directory / "tmp"), "KUBECLARITY_TIMEOUT": "60",
                 "KUBECONFIG": str(api.kubeconfig(tmp_path / "kubeconfig", {"token": api.token(namespace, "scanner")}))}
    return home.directory / "tmp/docker-credential-kubeclarity", user_of(namespace, "scanner")


def burst(home, size=200):
    """So many at once; each has its own registry's password."""
    runs = []
    for at in range(size):
        run = subprocess.Popen([home.binary, "get"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=home.env)
        run.stdin.write(HOSTS[at % len(HOSTS)].encode())
        run.stdin.close()
        runs.append(run)
    for at, run in enumerate(runs):
        host = HOSTS[at % len(HOSTS)]
        assert json.loads(run.stdout.read()) == {"ServerURL": host, "Username": "user", "Secret": f"password of {host}"}
        run.stdout.close()
        assert run.wait() == 0


def test_a_thousand_in_bursts_of_two_hundred(api, home, namespace, tmp_path):
    cache, user = stock(api, home, namespace, tmp_path)
    start = time.monotonic()
    for _ in range(5):
        burst(home)
    seconds = time.monotonic() - start
    asked = api.audit(user, len(HOSTS))
    if seconds < 55:        # a password is kept for a minute
        assert len(asked) == len(HOSTS), asked
    assert len(list(cache.iterdir())) == len(HOSTS)
    print(f"1,000 gets of {len(HOSTS)} registries in {seconds:.1f} s: {len(asked)} requests")


def test_what_is_over_is_removed_on_the_way(api, home, namespace, tmp_path):
    """Ever new questions: what is kept is never more than what still counts."""
    cache, _ = stock(api, home, namespace, tmp_path)
    most = 0
    for number in range(2000 if ALL else 120):
        host = HOSTS[number % len(HOSTS)]
        out = home.get(f"{host}/team/image-{number}", KUBECLARITY_CACHE_TTL="1").out
        assert json.loads(out)["Secret"] == f"password of {host}"
        most = max(most, len(list(cache.iterdir())))
    time.sleep(1.1)
    home.get(HOSTS[0], KUBECLARITY_CACHE_TTL="1")
    assert len(list(cache.iterdir())) == 1
    print(f"at the most {most} files")
