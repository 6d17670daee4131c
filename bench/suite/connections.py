"""Keep-alive connections to the daemon's Unix socket, each with one request under way at most."""

import selectors
import socket

from suite.wire import message_length


class Connections:
    """Lives in its caller's loop (see receivers.turn); `on_answer` gets each whole answer.

    A server may close a connection that waits for its next request at any moment. Then the connection is opened
    again, and a request that met the closed one and got not a byte of an answer is sent again; `reopened` counts.
    """

    def __init__(self, selector, path, count, on_answer):
        self._selector, self._path, self._on_answer = selector, str(path), on_answer
        self._idle, self._busy, self._buffers = [], {}, {}
        self.reopened = 0
        for _ in range(count):
            self._idle.append(self._open())

    def _open(self):
        client = socket.socket(socket.AF_UNIX)
        client.connect(self._path)
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

    def send(self, request):
        """REQUIRES: has_free()."""
        self._send(self._idle.pop(), request)

    def _send(self, client, request):
        self._busy[client] = request
        try:
            client.sendall(request)
        except OSError:
            self._closed(client)

    def _closed(self, client):
        if self._buffers[client] or self.reopened > 1_000:
            raise RuntimeError("the daemon closed a connection inside an answer, or again and again")
        self.reopened += 1
        request = self._busy.pop(client, None)
        if request is None:
            self._idle.remove(client)
        self._drop(client)
        if request is None:
            self._idle.append(self._open())
        else:
            self._send(self._open(), request)

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
            del self._busy[client]
            self._idle.append(client)
            self._on_answer(answer)

    def close(self):
        for client in list(self._buffers):
            self._drop(client)
        self._idle, self._busy = [], {}
