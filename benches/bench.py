"""What an answer costs: measured side by side, the runs of all rows interleaved; ratios are to the first row of a table.

Runs in the box (tests/e2e/box/enter): the clouds' real names lead to fakes on this machine."""
import base64
import datetime
import json
import os
import platform
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY / "tests/e2e"), str(REPOSITORY / "tests/e2e/clouds")]

import box.cloud  # noqa: E402
import box.web  # noqa: E402
import identities  # noqa: E402
from lib.kapi import Api  # noqa: E402
from lib.pki import Authority  # noqa: E402
from slow import Wire  # noqa: E402

HELPER, EMPTY = os.environ["HELPER"], os.environ["EMPTY"]
QUICK = "--quick" in sys.argv
SERVER, ECR = "reg.example.com", "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
AWS_ADDRESS, BEHIND = "127.0.0.10", "127.0.0.2"
TOKEN = "x" * 3072      # as long as a cloud's


class Listener(box.web.Listener):
    """The box's servers, moved behind the wire."""

    def __init__(self, port, answer, context=None, refused=None, address=BEHIND):
        super().__init__(port, answer, context, refused, address)


box.cloud.Listener = Listener


class Bench:
    def __init__(self, place):
        self.place = Path(place)
        self.number = 0

    def home(self):
        self.number += 1
        home = self.place / f"h{self.number}"
        home.mkdir()
        return home

    def bare(self, **more):
        home = self.home()
        plain = {"HOME": home, "PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": home}
        return {name: str(value) for name, value in {**plain, **more}.items()}


class Row:
    """One row of a table: a command, its stdin, its environment; `fresh` undoes what a run has left for the next."""

    def __init__(self, name, command, environment, question="", fresh=lambda: None, answers=True):
        self.name, self.command, self.environment, self.fresh = name, command, environment, fresh
        self.times, self.answers = [], answers
        self.command = [shutil.which(command[0]) or command[0], *command[1:]]
        file = tempfile.NamedTemporaryFile("w", delete=False)
        file.write(question + "\n")
        file.close()
        self.question = file.name

    def run(self):
        self.fresh()
        actions = [(os.POSIX_SPAWN_OPEN, 0, self.question, os.O_RDONLY, 0),
                   (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]
        start = time.perf_counter()
        pid = os.posix_spawn(self.command[0], self.command, self.environment, file_actions=actions)
        status = os.waitpid(pid, 0)[1]
        self.times.append(time.perf_counter() - start)
        assert status == 0, f"{self.name}: exit status {status}"

    def prove(self):
        """Once, before anything is measured: it gives the answer that it is measured for."""
        self.fresh()
        with open(self.question) as question:
            done = subprocess.run(self.command, env=self.environment, stdin=question, capture_output=True)
        assert done.returncode == 0 and (not self.answers or b"Secret" in done.stdout), f"{self.name}: {done}"

    def most_memory(self):
        """VmHWM in MB at its last act, writing the answer: into a pipe that is full."""
        self.fresh()
        read, write = os.pipe()
        os.set_blocking(write, False)
        filled = 0
        try:
            while True:
                filled += os.write(write, b" " * 4096)
        except BlockingIOError:
            os.set_blocking(write, True)
        with open(self.question) as question:
            child = subprocess.Popen(self.command, env=self.environment, stdin=question, stdout=write)
        os.close(write)
        deadline = time.monotonic() + 20
        while "pipe_write" not in (where := Path(f"/proc/{child.pid}/wchan").read_text()) and "anon_pipe" not in where:
            if time.monotonic() > deadline or child.poll() is not None:
                # A kernel that does not tell where a process waits: by then it does.
                break
            time.sleep(0.005)
        status = Path(f"/proc/{child.pid}/status").read_text()
        while os.read(read, 1 << 20):
            pass
        os.close(read)
        child.wait()
        found = [line for line in status.splitlines() if line.startswith("VmHWM")]
        return int(found[0].split()[1]) / 1024 if found else None

    def median(self):
        return statistics.median(self.times)

    def undisturbed(self):
        """The time that one run in ten keeps below: what it takes while nobody else wants the processor."""
        return sorted(self.times)[len(self.times) // 10]


def forget(environment):
    """What makes the next run a cold one."""
    return lambda: shutil.rmtree(Path(environment["XDG_RUNTIME_DIR"]) / "docker-credential-kubeclarity", ignore_errors=True)


def measure(rows, runs):
    for row in rows:
        row.prove()
        row.run()
        row.times.clear()
    for _ in range(runs):
        for row in rows:
            row.run()


def table(title, rows, base):
    print(f"\n{title}\n")
    print("| what | median, ms | ratio | undisturbed, ms | ratio | memory, MB |\n|---|---:|---:|---:|---:|---:|")
    for row in rows:
        most = row.most_memory() if row.answers else None
        print(f"| {row.name} | {row.median() * 1e3:.2f} | {row.median() / base.median():.2f} |"
              f" {row.undisturbed() * 1e3:.2f} | {row.undisturbed() / base.undisturbed():.2f} |"
              f" {f'{most:.1f}' if most else ''} |", flush=True)


def at_once(row, count):
    """Seconds until the last of so many, started together, has its answer."""
    def start():
        return subprocess.Popen(row.command, env=row.environment, stdin=open(row.question), stdout=subprocess.DEVNULL)
    begun = time.perf_counter()
    children = [start() for _ in range(count)]
    codes = [child.wait() for child in children]
    took = time.perf_counter() - begun
    assert not any(codes), f"{row.name}: {sum(map(bool, codes))} of {count} failed"
    return took


def kubeconfig(place, url, ca, token):
    place.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "scan"}}],
        "users": [{"name": "u", "user": {"token": token}}],
        "clusters": [{"name": "c", "cluster": {
            "server": url, "certificate-authority-data": base64.b64encode(Path(ca).read_bytes()).decode()}}]}))
    return place


class FakeApi:
    """A service account that names a pull secret; every other object is absent."""

    def __init__(self, directory):
        self.authority = Authority(directory)
        certificate, key = self.authority.server("127.0.0.1")
        config = json.dumps({"auths": {SERVER: {"username": "user", "password": TOKEN}}})
        objects = {
            "serviceaccounts/scanner": {"kind": "ServiceAccount", "imagePullSecrets": [{"name": "pull"}]},
            "secrets/pull": {"kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
                             "data": {".dockerconfigjson": base64.b64encode(config.encode()).decode()}}}
        self.asked = []

        def answer(request):
            self.asked.append(request.path)
            found = objects.get("/".join(request.path.split("/")[-2:])) if "/scan/" in request.path else None
            return box.web.Reply(200, found) if found else box.web.Reply(404, {"kind": "Status", "code": 404})

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)

        class Server(box.web.Listener):
            def finish_request(self, request, client_address):
                try:
                    secure = context.wrap_socket(request, server_side=True)
                    secure.sni = None
                    box.web.socketserver.BaseServer.finish_request(self, secure, client_address)
                except OSError:
                    pass
        self.server = Server(0, answer, refused=print, address="127.0.0.1")
        self.address = ("127.0.0.1", self.server.server_address[1])


def main():
    place = tempfile.mkdtemp(prefix="bench.")
    bench = Bench(place)
    clouds = box.cloud.Box()
    try:
        api = FakeApi(Path(place) / "pki")
        run(bench, clouds, api)
    finally:
        clouds.close()
        shutil.rmtree(place, ignore_errors=True)


def run(bench, clouds, api):
    now = datetime.date.today().isoformat()
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    print(f"{now}; {os.cpu_count()} x {cpu}; Linux {platform.release()}; {os.path.getsize(HELPER) / 1e6:.2f} MB binary;"
          f" load {os.getloadavg()[0]:.1f}")

    # -- What needs no network.
    mounted = bench.home()
    (mounted / "one").mkdir()
    config = json.dumps({"auths": {SERVER: {"auth": base64.b64encode(f"user:{TOKEN}".encode()).decode()}}})
    (mounted / "one/.dockerconfigjson").write_text(config)
    docker = bench.home()
    (docker / "config.json").write_text(config)
    wire = Wire("127.0.0.1", 0, api.address, 0)
    account = {"KUBECLARITY_SERVICE_ACCOUNT": "scan/scanner", "KUBECLARITY_CACHE_TTL": "86400"}

    def cluster(port, ca, token):
        environment = bench.bare(**account)
        path = kubeconfig(Path(environment["HOME"]) / "kubeconfig", f"https://127.0.0.1:{port}", ca, token)
        return {**environment, "KUBECONFIG": str(path)}

    hit = cluster(wire.port, api.authority.ca, "t")
    empty = Row("an empty Rust process", [EMPTY], bench.bare(), answers=False)
    rows = [empty,
            Row("version", [HELPER, "version"], bench.bare(), answers=False),
            Row("get, cached", [HELPER, "get"], hit, SERVER),
            Row("get, from a mounted secret", [HELPER, "get"], bench.bare(IMAGE_PULL_SECRET_PATH=mounted), SERVER),
            Row("get, from the environment", [HELPER, "get"], bench.bare(DOCKER_CONFIG=docker), SERVER)]
    if shutil.which("crane"):
        rows.append(Row("crane auth get, from the same config.json", ["crane", "auth", "get", SERVER],
                        bench.bare(DOCKER_CONFIG=docker)))
    key = clouds.aws.user()
    ca = {"SSL_CERT_FILE": clouds.ca.path, "AWS_CA_BUNDLE": clouds.ca.path}
    identity = {**identities.keys(key), **ca, "AWS_REGION": "eu-west-1"}
    zero = Wire(AWS_ADDRESS, 443, (BEHIND, 443), 0)
    rows.append(Row("get, cached, ECR", [HELPER, "get"], bench.bare(**identity), ECR))
    peer = shutil.which("docker-credential-ecr-login")
    if peer:
        rows.append(Row("docker-credential-ecr-login get, cached", [peer, "get"], bench.bare(**identity), ECR))
    measure(rows, 50 if QUICK else 1000)
    table("Without the network", rows, empty)

    # -- Cold, with and without a wire.
    for rtt in (0, 20):
        wire.rtt = zero.rtt = rtt / 1e3
        cold = cluster(wire.port, api.authority.ca, "t")
        aws = bench.bare(**identity)
        rows = [Row("get, from the cluster: service account, then its pull secret", [HELPER, "get"], cold, SERVER, forget(cold)),
                Row("get, from ECR", [HELPER, "get"], aws, ECR, forget(aws))]
        if peer:
            theirs = bench.bare(**identity)
            rows.append(Row("docker-credential-ecr-login get, from ECR", [peer, "get"], theirs, ECR,
                            lambda: shutil.rmtree(Path(theirs["HOME"]) / ".ecr", ignore_errors=True)))
        measure(rows, 5 if QUICK else 100)
        table(f"Cold, {rtt} ms a round trip", rows, rows[0])
        if rtt:
            over = rows[0].median() * 1e3 - 4 * rtt
            print(f"\nOf the first row, {4 * rtt} ms are the connection's set-up (two round trips) and two requests in a row;"
                  f" {over:.1f} ms are all the rest.")

    # -- Two hundred at once.
    print("\n200 at once, 20 ms a round trip\n\n| what | all done after, ms | calls upstream |\n|---|---:|---:|")
    crowd = cluster(wire.port, api.authority.ca, "t")
    row = Row("cold, the cluster", [HELPER, "get"], crowd, SERVER)
    for name in ("cold, the cluster", "warm, the cluster"):
        before = len([path for path in api.asked if path.endswith("/pull")])
        took = at_once(row, 200)
        calls = len([path for path in api.asked if path.endswith("/pull")]) - before
        print(f"| {name} | {took * 1e3:.0f} | {calls} |", flush=True)
    for name, program in (("ECR", HELPER), ("ECR, docker-credential-ecr-login", peer)):
        if not program:
            continue
        row = Row(name, [program, "get"], bench.bare(**identity), ECR)
        for heat in ("cold", "warm"):
            before = len(clouds.asked("ecr"))
            took = at_once(row, 200)
            print(f"| {heat}, {name} | {took * 1e3:.0f} | {len(clouds.asked('ecr')) - before} |", flush=True)

    # -- The real thing.
    real = Api(Path(tempfile.mkdtemp(prefix="k.")))
    try:
        real.request("POST", "/api/v1/namespaces", {"metadata": {"name": "scan"}})
        real.pull_secret("scan", "pull", {SERVER: {"username": "user", "password": TOKEN}})
        real.service_account("scan", "scanner", ["pull"])
        cold = cluster(real.port, real.ca, real.admin)
        row = Row("get, from a real kube-apiserver on loopback", [HELPER, "get"], cold, SERVER, forget(cold))
        measure([row], 5 if QUICK else 100)
        table("Cold, the real API server", [row], row)
    finally:
        real.stop()
        shutil.rmtree(real.directory, ignore_errors=True)


main()
