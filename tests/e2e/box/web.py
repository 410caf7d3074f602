"""What the servers of the box hear and say, and the one server that speaks for them all."""
import http.server
import io
import json
import socketserver
import ssl
import threading
import urllib.parse
from dataclasses import dataclass, field


@dataclass
class Request:
    method: str
    scheme: str
    host: str          # the Host header, without a port, in lower case
    sni: str | None
    address: str       # the local address it came to
    port: int
    target: str        # path and query as sent
    headers: object    # a case-insensitive mapping
    body: bytes
    peer: int = 0      # the port it came from
    status: int = 0    # what was answered
    why: str = ""      # why it was refused
    by: str = ""       # which fake answered

    @property
    def path(self):
        return self.target.partition("?")[0]

    @property
    def query(self):
        return {k: v[-1] for k, v in urllib.parse.parse_qs(self.target.partition("?")[2], keep_blank_values=True).items()}

    @property
    def form(self):
        return {k: v[-1] for k, v in urllib.parse.parse_qs(self.body.decode(), keep_blank_values=True, strict_parsing=bool(self.body)).items()}

    def has_form(self):
        return self.headers.get("Content-Type", "").partition(";")[0].strip() == "application/x-www-form-urlencoded"

    def __str__(self):
        return f"{self.method} {self.scheme}://{self.host}:{self.port}{self.target} -> {self.status} {self.why}".rstrip()


@dataclass
class Reply:
    status: int = 200
    body: bytes | str | dict | list = b""
    headers: dict = field(default_factory=dict)
    why: str = ""
    fault: object = None   # takes the whole reply as bytes and gives the pieces that are sent; then, if they are not as long, the connection breaks

    def encoded(self):
        if isinstance(self.body, (dict, list)):
            self.headers.setdefault("Content-Type", "application/json")
            return json.dumps(self.body).encode()
        return self.body.encode() if isinstance(self.body, str) else self.body


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1      # one write, and so one packet, for a whole reply
    timeout = 20

    def serve(self):
        body = self._body()
        address, port = self.connection.getsockname()[:2]
        host = self.headers.get("Host", "").rpartition("@")[2].partition(":")[0].lower()
        tls = isinstance(self.connection, ssl.SSLSocket)
        request = Request(self.command, "https" if tls else "http", host, getattr(self.connection, "sni", None), address, port,
                          self.path, self.headers, body, self.client_address[1])
        reply = self.server.answer(request)
        payload = reply.encoded()
        wire, self.wfile = self.wfile, io.BytesIO() if reply.fault else self.wfile
        self.send_response_only(reply.status)
        self.send_header("Date", self.date_time_string())
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in reply.headers:
            self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(payload)
        if reply.fault:
            whole, self.wfile, sent = self.wfile.getvalue(), wire, 0
            for piece in reply.fault(whole):
                sent += len(piece)
                wire.write(piece)
                wire.flush()
            self.close_connection |= sent != len(whole)

    def _body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline().partition(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return body
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = serve

    def log_message(self, *_):
        pass


class Listener(socketserver.ThreadingTCPServer):
    """One port on every address of this namespace. `answer` takes a Request; `context`, for TLS, takes a name and may refuse it."""
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 512

    def __init__(self, port, answer, context=None, refused=None, address="0.0.0.0"):
        super().__init__((address, port), _Handler)
        self.answer, self.context, self.refused = answer, context, refused
        if context:
            self.base = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.base.sni_callback = self._sni
            self.base.set_alpn_protocols(["http/1.1"])
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def _sni(self, connection, name, _):
        connection.sni = name
        context = name and self.context(name)
        if not context:
            self.refused(f"TLS for {name} at {connection.getsockname()[0]}")
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = context

    def finish_request(self, request, client_address):
        if self.context:
            request.settimeout(20)
            try:
                request = self.base.wrap_socket(request, server_side=True)
            except (ssl.SSLError, OSError) as error:
                if "unrecognized" not in str(error).lower():
                    self.refused(f"TLS handshake failed: {error}", handshake=True)
                return
        try:
            super().finish_request(request, client_address)
        except OSError:
            pass       # the client went away
        finally:
            if self.context:
                request.close()

    def handle_error(self, request, client_address):
        import traceback
        self.refused(traceback.format_exc(), handshake=True)
