"""Our own receivers: one that answers at once and notes arrivals, one (a process) that holds its answers.

`python3 -m suite.receivers '{"refuse_first_token": false}'` is the holding one; it speaks JSON lines:
it says its port, and is told `count` or `release`.
"""

import json
import os
import selectors
import socket
import sys
import time

from suite.processes import say
from suite.wire import OK, REFUSED, authorization, message_length


class Receiver:
    """Answers every callout with 200 at once, on keep-alive connections, and tells when each arrived.

    It lives in its caller's loop: sockets are registered with the caller's selector, with the
    function to call as their data.
    """

    def __init__(self, selector, on_arrival, listener=None):
        self._selector, self._on_arrival = selector, on_arrival
        self._listener = listener or socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._listener.setblocking(False)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._clients = {}
        selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def _accept(self, listener):
        try:
            client, _ = listener.accept()
        except BlockingIOError:
            return
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._clients[client] = bytearray()
        self._selector.register(client, selectors.EVENT_READ, self._read)

    def _read(self, client):
        try:
            chunk = client.recv(65_536)
        except BlockingIOError:
            return
        except ConnectionError:
            chunk = b""
        at = time.perf_counter_ns()
        if not chunk:
            self._forget(client)
            return
        buffer = self._clients[client]
        buffer += chunk
        length = message_length(buffer)
        while length:
            self._on_arrival(at, bytes(buffer[:length]))
            del buffer[:length]
            try:
                client.send(OK)
            except ConnectionError:
                self._forget(client)
                return
            length = message_length(buffer)

    def _forget(self, client):
        self._selector.unregister(client)
        del self._clients[client]
        client.close()

    def close(self):
        for client in list(self._clients):
            self._forget(client)
        self._selector.unregister(self._listener)
        self._listener.close()


def turn(selector, seconds):
    """One round of a loop whose sockets carry the function to call."""
    for key, _ in selector.select(seconds):
        key.data(key.fileobj)


class HoldingReceiver:
    """Keeps every callout waiting until it is told `release`; from then on answers at once.

    With `refuse_first_token` it answers 401 to the first bearer token it ever saw, 200 to others.
    """

    def __init__(self, refuse_first_token):
        self._selector = selectors.EpollSelector()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        os.set_blocking(0, False)
        self._selector.register(0, selectors.EVENT_READ, self._obey)
        self._refuse_first_token, self._first_token = refuse_first_token, None
        self._buffers, self._held = {}, []
        self._holding, self._running = True, True
        self._seen = self._refused = 0

    def serve(self):
        say(port=self._listener.getsockname()[1])
        while self._running:
            turn(self._selector, None)

    def _obey(self, _):
        text = os.read(0, 65_536)
        if not text:
            self._running = False
        for line in text.splitlines():
            if json.loads(line)["do"] == "release":
                self._holding = False
                for client, answer in self._held:
                    self._send(client, answer)
                self._held.clear()
            say(held=len(self._held), seen=self._seen, refused=self._refused, connections=len(self._buffers))

    def _accept(self, listener):
        try:
            while True:
                client, _ = listener.accept()
                client.setblocking(False)
                self._buffers[client] = bytearray()
                self._selector.register(client, selectors.EVENT_READ, self._read)
        except BlockingIOError:
            pass

    def _read(self, client):
        try:
            chunk = client.recv(65_536)
        except BlockingIOError:
            return
        except ConnectionError:
            chunk = b""
        if not chunk:
            self._selector.unregister(client)
            del self._buffers[client]
            client.close()
            return
        buffer = self._buffers[client]
        buffer += chunk
        length = message_length(buffer)
        while length:
            self._take(client, bytes(buffer[:length]))
            del buffer[:length]
            length = message_length(buffer)

    def _take(self, client, message):
        self._seen += 1
        token = authorization(message)
        if self._first_token is None:
            self._first_token = token
        refuse = self._refuse_first_token and token == self._first_token
        self._refused += refuse
        answer = REFUSED if refuse else OK
        if self._holding:
            self._held.append((client, answer))
        else:
            self._send(client, answer)

    def _send(self, client, answer):
        try:
            client.send(answer)
        except OSError:
            pass  # the daemon has gone; its connection is forgotten when it is next read


if __name__ == "__main__":
    HoldingReceiver(**json.loads(sys.argv[1])).serve()
