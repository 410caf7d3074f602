"""All servers of the box together: which fake answers what, and everything that was asked."""
import shutil
import tempfile
import threading
from pathlib import Path

from . import fake_dns, jwts
from .aws_account import Accounts
from .ca import CertificateAuthority
from .fake_acr import FakeAcr
from .fake_azure_metadata import FakeAppService, FakeAzureMetadata
from .fake_container_credentials import FakeEcs, FakePodIdentity
from .fake_ec2_metadata import FakeEc2Metadata
from .fake_ecr import FakeEcr
from .fake_entra import Directory, FakeEntra
from .fake_gce_metadata import FakeGceMetadata
from .fake_google_iam import FakeGoogleIam
from .fake_google_oauth import FakeGoogleOauth
from .fake_google_sts import FakeGoogleSts
from .fake_sso import FakeSso
from .fake_sts import FakeSts
from .fake_subject_url import FakeSubjectUrl
from .google_account import Google
from .proxy import Proxy
from .registry import Front, RealRegistry
from .web import Listener, Reply


class Box:
    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="box."))
        self.ca = CertificateAuthority(self.directory)
        self.lock, self.over = threading.Lock(), threading.Event()
        names = Path(__file__).parent / "names.txt"
        self.names = {line.split()[1] for line in names.read_text().splitlines() if line and line[0] != "#"}
        self.dns = fake_dns.NameServer()
        self.proxy = Proxy()
        self.real_registry = RealRegistry(self.directory)
        self.reset()
        self.listeners = [Listener(443, self.answer, self._context, self._refused), Listener(80, self.answer, refused=self._refused),
                          Listener(FakeAppService.port, self.answer, refused=self._refused, address="127.0.0.1")]

    def reset(self):
        """A fresh world: no identities, no machine, no memory."""
        self.over.set()           # whoever still waits in a stalled server goes on
        self.over = threading.Event()
        self.instead = {}         # name of a fake -> what it answers instead: a Reply, or a function of the request that gives one or None
        self.requests, self.strays = [], []
        self.dns.asked = []
        self.proxy.reset()
        self.aws, self.google, self.directory_service = Accounts(), Google(), Directory()
        self.ecr, self.sts, self.sso = FakeEcr(self.aws), FakeSts(self.aws), FakeSso(self.aws)
        self.ec2, self.ecs, self.pod_identity = FakeEc2Metadata(self.aws), FakeEcs(self.aws), FakePodIdentity(self.aws)
        self.oauth, self.google_sts = FakeGoogleOauth(self.google), FakeGoogleSts(self.google, self.aws)
        self.google_iam, self.gce = FakeGoogleIam(self.google), FakeGceMetadata(self.google)
        self.subject_url = FakeSubjectUrl()
        self.entra, self.acr = FakeEntra(self.directory_service), FakeAcr(self.directory_service)
        self.azure_vm, self.app_service = FakeAzureMetadata(self.directory_service), FakeAppService(self.directory_service)
        self.registry = Front(self.real_registry, self.aws, self.google)
        self.fakes = [self.ecr, self.sts, self.sso, self.ec2, self.ecs, self.pod_identity, self.oauth, self.google_sts, self.google_iam, self.gce,
                      self.subject_url, self.entra, self.acr, self.azure_vm, self.app_service, self.registry]

    def _context(self, name):
        return self.ca.context(name) if name in self.names else None

    def _refused(self, what, handshake=False):
        with self.lock:
            self.strays.append(what)

    def answer(self, request):
        with self.lock:
            self.requests.append(request)
        if request.sni and request.sni != request.host:
            reply = Reply(421, why=f"SNI {request.sni} is not the Host")
        else:
            fake = next((f for f in self.fakes if f.serves(request)), None)
            request.by = fake.name if fake else ""
            odd = self.instead.get(request.by)
            reply = odd(request) if callable(odd) else odd
            reply = reply or (fake.answer(request) if fake else Reply(404, why="nobody of this name here"))
        request.status, request.why = reply.status, reply.why
        return reply

    def stall(self, request):
        """For `instead`: a server that takes the request and says nothing."""
        self.over.wait(15)
        return Reply(503, why="stalled")

    def asked(self, *by):
        """The requests that the named fakes answered; without a name all."""
        return [r for r in self.requests if not by or r.by in by]

    def direct(self):
        """The requests that did not come through the proxy."""
        return [r for r in self.requests if r.peer not in self.proxy.ports]

    def endpoints(self):
        return [f"{r.method} {r.host}{r.path}" for r in self.requests]

    def story(self):
        """For a failed assertion: all that happened."""
        lines = [str(r) for r in self.requests] + [f"stray: {s}" for s in self.strays] + [f"DNS: {n}" for n in self.dns.asked] + [f"proxy: {s[:2]}" for s in self.proxy.seen]
        return "\n".join(lines) or "nothing was asked"

    def silent(self):
        """Nothing at all reached the box: no request, no handshake, no name, no proxy."""
        return not (self.requests or self.strays or self.dns.asked or self.proxy.seen)

    def secrets(self):
        """All that was laid out or given away here and that nobody may read in a log."""
        for key in self.aws.keys.values():
            yield from (key.secret, key.token)
        yield from self.aws.passwords
        yield from self.ec2.tokens
        yield from self.sso.sessions
        for client in self.google.people:
            yield from client[1:]
        yield from self.google.tokens
        for email in self.google.service_accounts:
            yield from jwts.pem(email).splitlines()[1:-1]
        yield from (app["secret"] for app in self.directory_service.apps.values())
        yield from self.directory_service.issued
        yield from self.acr.issued
        for request in self.requests:      # assertions and tokens that the program made or was given
            for name, value in request.form.items() if request.has_form() else ():
                if name in ("assertion", "subject_token", "client_assertion", "access_token", "refresh_token", "WebIdentityToken"):
                    yield value
            yield request.headers.get("Authorization", "").partition("Signature=")[2]

    def close(self):
        for listener in self.listeners:
            listener.shutdown()
        self.real_registry.close()
        shutil.rmtree(self.directory, ignore_errors=True)
