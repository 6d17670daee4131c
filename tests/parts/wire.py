"""Raw HTTP/1.1 over asyncio for test servers: every byte that arrives is kept, every byte sent is chosen.

A part is a `Part` with a behaviour table. It listens on two loopback ports: one for the program under test and one
for the test itself (`control`), and prints {"port":…,"control":…} once it is ready.

Control requests (JSON in and out):
  GET  /log?path=P&since=N        requests whose path begins with P, in order of arrival
  GET  /wait?path=P&count=N&timeout=S   returns once that many have arrived, or after the timeout; {"count"}
  GET  /summary                   {"connections","bytes","requests"}
  POST /release?path=P            lets held answers go (all without a path) and those that come later
  POST /hold?path=P               holds again
  POST /set                       merges the body into `settings`, which behaviours read
  POST /clear                     forgets the log
"""

import asyncio
import json
import sys
import time
from urllib.parse import parse_qs, unquote, urlsplit

_HEAD_LIMIT = 4 * 1024 * 1024


def split_target(target):
    parts = urlsplit(target)
    return parts.path, {name: values[-1] for name, values in parse_qs(parts.query, True).items()}


class Request:
    """One request as it came in; `raw` is the head and the body byte for byte."""

    __slots__ = ("number", "connection", "at", "head", "body", "method", "target", "path", "query",
                 "headers", "answered", "answered_at")

    def __init__(self, number, connection, head, body):
        self.number = number
        self.connection = connection
        self.at = time.monotonic()
        self.head = head
        self.body = body
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target = (lines[0].split(" ") + ["", ""])[:2]
        self.path, self.query = split_target(self.target)
        self.headers = [tuple(line.split(": ", 1)) for line in lines[1:] if ": " in line]
        self.answered = None
        self.answered_at = None

    def header(self, name, default=None):
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), default)

    def as_json(self):
        return {
            "number": self.number, "connection": self.connection, "at": self.at,
            "method": self.method, "target": self.target, "path": self.path,
            "headers": self.headers, "head": self.head.decode("latin-1"),
            "body": self.body.decode("latin-1"),
            "answered": self.answered, "answered_at": self.answered_at,
        }


def response(status, body=b"", headers=(), reason="Answer", length=True):
    """A response as bytes, with Content-Length unless told otherwise."""
    if isinstance(body, str):
        body = body.encode()
    lines = [f"HTTP/1.1 {status} {reason}"] + [f"{name}: {value}" for name, value in headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


class Exchange:
    """What a behaviour gets: the request, the part, and the means to answer byte by byte."""

    def __init__(self, part, request, writer, target=None):
        self.part = part
        self.request = request
        self.writer = writer
        self.path, self.query = split_target(target) if target else (request.path, request.query)
        self.close = False

    def argument(self, name, default=None):
        return self.query.get(name, default)

    def rest(self, prefix):
        """The path segment after `prefix`, decoded: `/status/503/a` -> `503`."""
        return unquote(self.path[len(prefix):].split("/")[0])

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    def reset(self):
        """Ends the connection with RST instead of FIN."""
        self.close = True
        self.writer.transport.abort()

    async def held(self):
        """Waits until this path is released."""
        await self.part.gate(self.path).wait()


class Part:
    """A server whose answer to a path is a behaviour: `async (Exchange) -> bytes | None`.

    The longest table entry that the path begins with is taken. None means the behaviour has written for itself.
    """

    def __init__(self, behaviours, settings=None):
        self.behaviours = sorted(behaviours.items(), key=lambda item: -len(item[0]))
        self.settings = settings or {}
        self.requests = []
        self.connections = 0
        self.bytes = 0
        self.released_all = False
        self.gates = {}
        self.arrived = asyncio.Event()

    def gate(self, path):
        if path not in self.gates:
            self.gates[path] = asyncio.Event()
            if self.released_all:
                self.gates[path].set()
        return self.gates[path]

    def behaviour(self, path):
        return next((act for prefix, act in self.behaviours if path.startswith(prefix)), None)

    def record(self, request):
        self.requests.append(request)
        self.arrived.set()
        self.arrived = asyncio.Event()

    async def read_request(self, reader, connection):
        """The next request, or None at the end of the connection. Bytes count even if no request comes of them."""
        try:
            first = await reader.read(1)
            self.bytes += len(first)
            if not first:
                return None
            head = first + await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            return None
        request = Request(len(self.requests), connection, head, b"")
        length = int(request.header("Content-Length", "0"))
        if length:
            request.body = await reader.readexactly(length)
        self.bytes += len(head) - 1 + length
        self.record(request)
        return request

    async def answer(self, request, writer):
        exchange = Exchange(self, request, writer)
        act = self.behaviour(request.path)
        data = await act(exchange) if act else response(404)
        if data is not None:
            writer.write(data)
            await writer.drain()
            request.answered = int(data[9:12]) if data[:5] == b"HTTP/" and data[9:12].isdigit() else 0
            request.answered_at = time.monotonic()
        return not exchange.close

    async def on_connection(self, reader, writer):
        self.connections += 1
        connection = self.connections
        try:
            while True:
                request = await self.read_request(reader, connection)
                if request is None or not await self.answer(request, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def matching(self, path):
        return [request for request in self.requests if request.path.startswith(path)]

    async def wait_for(self, path, count, timeout):
        deadline = time.monotonic() + timeout
        scanned = found = 0
        while True:
            arrived = self.arrived
            found += sum(entry.path.startswith(path) for entry in self.requests[scanned:])
            scanned = len(self.requests)
            left = deadline - time.monotonic()
            if found >= count or left <= 0:
                return found
            try:
                await asyncio.wait_for(arrived.wait(), left)
            except asyncio.TimeoutError:
                pass

    async def control(self, request):
        path = request.query.get("path", "")
        match request.path:
            case "/log":
                since = int(request.query.get("since", "0"))
                return [entry.as_json() for entry in self.matching(path)[since:]]
            case "/wait":
                timeout = float(request.query.get("timeout", "10"))
                return {"count": await self.wait_for(path, int(request.query["count"]), timeout)}
            case "/summary":
                return {"connections": self.connections, "bytes": self.bytes,
                        "requests": len(self.requests)}
            case "/set":
                self.settings.update(json.loads(request.body or b"{}"))
                return self.settings
            case "/release" | "/hold":
                self.open_gates(path, request.path == "/release")
                return {}
            case "/clear":
                self.requests.clear()
                self.bytes = self.connections = 0
                return {}
        return None

    def open_gates(self, path, is_open):
        if not path:
            self.released_all = is_open
        for name in [path] if path else list(self.gates):
            if is_open:
                self.gate(name).set()
            elif name in self.gates:
                self.gates[name].clear()

    async def on_control(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                request = Request(0, 0, head, b"")
                request.body = await reader.readexactly(int(request.header("Content-Length", "0")))
                result = await self.control(request)
                status = 404 if result is None else 200
                await self.flush(writer, response(status, json.dumps(result)))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    @staticmethod
    async def flush(writer, data):
        writer.write(data)
        await writer.drain()

    async def run(self, family_host="127.0.0.1"):
        """Serves until standard input ends: a part never outlives the test that started it."""
        server = await asyncio.start_server(self.on_connection, family_host, 0, limit=_HEAD_LIMIT,
                                            backlog=4096)
        control = await asyncio.start_server(self.on_control, "127.0.0.1", 0, limit=_HEAD_LIMIT)
        ports = {"port": server.sockets[0].getsockname()[1],
                 "control": control.sockets[0].getsockname()[1]}
        print(json.dumps(ports), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)

