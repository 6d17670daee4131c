"""Keep-alive connections to the daemon's Unix socket, each with one request under way at most."""

import collections
import selectors
import socket
import time

from suite.wire import message_length

CONNECT_LIMIT = 60


def connect(path):
    client = socket.socket(socket.AF_UNIX)
    client.setblocking(False)
    deadline = time.monotonic() + CONNECT_LIMIT
    while True:
        try:
            client.connect(path)
            break
        except BlockingIOError:  # it has not accepted those before
            if time.monotonic() > deadline:
                client.close()
                raise TimeoutError(f"the daemon accepts no connection within {CONNECT_LIMIT} s") from None
            time.sleep(0.001)
    client.setblocking(True)
    return client


class Connections:
    """Lives in its caller's loop (see receivers.turn); `on_answer` gets each whole answer.

    A server may close a connection that waits for its next request at any moment. Then the connection is opened
    again, and a request that met the closed one and got not a byte of an answer is sent again; `reopened` counts.
    The connection used last is taken first; with `in_turn` the one that has been idle longest.
    """

    def __init__(self, selector, path, count, on_answer, in_turn=False):
        self._selector, self._path, self._on_answer = selector, str(path), on_answer
        self._idle, self._busy, self._buffers = collections.deque(), {}, {}
        self._take = self._idle.popleft if in_turn else self._idle.pop
        self.reopened = 0
        for _ in range(count):
            self._idle.append(self._open())

    def _open(self):
        client = connect(self._path)
        self._buffers[client] = bytearray()
        self._selector.register(client, selectors.EVENT_READ, self._read)
        return client

    def _drop(self, client):
        self._selector.unregister(client)
        del self._buffers[client]
        client.close()

    def has_free(self):
        return bool(self._idle)

    def all_free(self):
        return not self._busy

    def send(self, request, on_answer=None):
        """`on_answer`: for this request's answer, instead of the one for all. REQUIRES: has_free()."""
        self._send(self._take(), request, on_answer or self._on_answer)

    def _send(self, client, request, on_answer):
        self._busy[client] = (request, on_answer)
        try:
            client.sendall(request)
        except OSError:
            self._closed(client)

    def _closed(self, client):
        if self._buffers[client] or self.reopened > 1_000:
            raise RuntimeError("the daemon closed a connection inside an answer, or again and again")
        self.reopened += 1
        under_way = self._busy.pop(client, None)
        if under_way is None:
            self._idle.remove(client)
        self._drop(client)
        if under_way is None:
            self._idle.append(self._open())
        else:
            self._send(self._open(), *under_way)

    def _read(self, client):
        try:
            chunk = client.recv(65_536)
        except ConnectionError:
            chunk = b""
        if not chunk:
            self._closed(client)
            return
        buffer = self._buffers[client]
        buffer += chunk
        if message_length(buffer):
            answer = bytes(buffer)
            buffer.clear()
            _, on_answer = self._busy.pop(client)
            self._idle.append(client)
            on_answer(answer)

    def close(self):
        for client in list(self._buffers):
            self._drop(client)
        self._idle.clear()
        self._busy.clear()
