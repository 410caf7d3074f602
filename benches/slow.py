"""A wire with a round-trip time, in front of a server on this machine: half of it each way, and a whole one for a
connection's set-up, which a real wire has and loopback has not."""
import asyncio
import threading


class Wire:
    def __init__(self, address, port, to, rtt):
        self.to, self.rtt, self.connections = to, rtt, 0
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()

        async def start():
            server = await self._loop.create_server(lambda: _Client(self), address, port, backlog=512)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()

        def serve():
            self._loop.create_task(start())
            self._loop.run_forever()

        threading.Thread(target=serve, daemon=True).start()
        assert ready.wait(10)


class _Client(asyncio.Protocol):
    """The client's end. What it sends before the server's end is there waits for it."""

    def __init__(self, wire):
        self.wire, self.server, self.waiting, self.over = wire, None, [], False

    def connection_made(self, transport):
        self.transport = transport
        self.wire.connections += 1
        loop = self.wire._loop
        # What a client sends leaves it when its connection is set up, one round trip after it asked for it.
        self.open_at = loop.time() + self.wire.rtt
        loop.create_task(self.connect())

    async def connect(self):
        try:
            await self.wire._loop.create_connection(lambda: _Server(self), *self.wire.to)
        except OSError:
            self.transport.close()

    def data_received(self, data):
        loop = self.wire._loop
        at = max(loop.time(), self.open_at) + self.wire.rtt / 2
        loop.call_at(at, self.pass_on, data)

    def pass_on(self, data):
        if self.server is None:
            self.waiting.append(data)
        elif not self.server.is_closing():
            self.server.write(data)

    def connection_lost(self, _):
        self.over = True
        if self.server:
            self.server.close()


class _Server(asyncio.Protocol):
    def __init__(self, client):
        self.client = client

    def connection_made(self, transport):
        self.client.server = transport
        for data in self.client.waiting:
            transport.write(data)
        if self.client.over:
            transport.close()

    def data_received(self, data):
        wire, back = self.client.wire, self.client.transport
        wire._loop.call_later(wire.rtt / 2, lambda: back.is_closing() or back.write(data))

    def connection_lost(self, _):
        wire = self.client.wire
        wire._loop.call_later(wire.rtt / 2, self.client.transport.close)
