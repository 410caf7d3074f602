"""moto (PyPI), others' implementation of AWS, as ECR and STS under the real names. It checks no signature, and its ECR tokens
claim to have expired in 2015; what it adds is an answer whose form was not written by us."""
import http.client

from moto.server import ThreadedMotoServer

from . import fake_ecr, fake_sts
from .web import Reply


class Moto:
    name = "moto"

    def __init__(self):
        self.server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self.server.start()
        self.port = self.server.get_host_and_port()[1]

    def serves(self, request):
        return request.scheme == "https" and bool(fake_ecr.endpoint(request.host) or fake_sts.region_of(request.host))

    def answer(self, request):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(request.method, request.target, request.body, dict(request.headers.items()))
            reply = connection.getresponse()
            kept = {k: v for k, v in reply.getheaders() if k.lower() in ("content-type", "x-amzn-requestid")}
            return Reply(reply.status, reply.read(), kept)
        finally:
            connection.close()

    def close(self):
        self.server.stop()
