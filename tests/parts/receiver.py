"""A receiver of callouts that logs every request byte for byte; see wire.py for how a test controls it.

Paths (anything may follow, so that one behaviour serves several notifications):
  /ok  /status/NNN?body=&header=Name:value (repeatable with | between)  /sequence/503,200 (per webhook-id)
  /flaky?p=30&seed=1  /bearer (401 unless the token is in settings.accepted)
  /gone  /redirect?to=URL&status=307  /slow?ms=50  /hold (until released)  /echo  /early-hints  /informational?n=9
  /endless  /reset  /reset-after-head  /silent-close  /garbage?text=  /unsolicited  /wide-body  /bytes (settings.bytes)
  /raw/NAME (settings.raw: bytes as base64, then close, reset, keep or hang)
  /drip/NAME?ms=100 (settings.drip: bytes as base64, then a drop for ever)
"""

import asyncio
import base64
import random

from wire import Part, response

_generators = {}
_seen = {}


async def ok(exchange):
    return response(200, "ok")


async def status(exchange):
    code = exchange.rest("/status/")
    headers = [tuple(pair.split(":", 1)) for pair in exchange.argument("header", "").split("|") if pair]
    if code in ("204", "304"):
        return response(code, b"", headers, length=False)
    return response(code, exchange.argument("body", ""), headers)


async def sequence(exchange):
    """The n-th request with the same webhook-id gets the n-th status; the last one repeats."""
    codes = exchange.rest("/sequence/").split(",")
    key = (exchange.path, exchange.request.header("webhook-id"))
    turn = _seen[key] = _seen.get(key, -1) + 1
    return response(codes[min(turn, len(codes) - 1)], "turn")


async def flaky(exchange):
    path = exchange.path
    if path not in _generators:
        _generators[path] = random.Random(exchange.argument("seed", path))
    failed = _generators[path].random() * 100 < float(exchange.argument("p", "30"))
    return response(503 if failed else 200, "flaky")


async def bearer(exchange):
    given = exchange.request.header("Authorization", "")
    accepted = exchange.part.settings.get("accepted", [])
    if given.removeprefix("Bearer ") in accepted:
        return response(200, "ok")
    return response(401, "", [("WWW-Authenticate", 'Bearer error="invalid_token"')])


async def gone(exchange):
    return response(410, "gone")


async def redirect(exchange):
    return response(exchange.argument("status", "307"), "", [("Location", exchange.argument("to", "/ok"))])


async def slow(exchange):
    await asyncio.sleep(float(exchange.argument("ms", "50")) / 1000)
    return response(200, "slow")


async def hold(exchange):
    await exchange.held()
    return response(200, "released")


async def echo(exchange):
    code = exchange.argument("status", "200")
    return response(code, exchange.request.head + exchange.request.body)


async def early_hints(exchange):
    await exchange.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n")
    return response(200, "after the hints")


async def informational(exchange):
    for _ in range(int(exchange.argument("n", "9"))):
        await exchange.send(b"HTTP/1.1 102 Processing\r\n\r\n")
    return response(200, "finally")


async def endless(exchange):
    await exchange.send(response(200, b"", length=False)[:-2] + b"\r\n")
    exchange.request.answered = 200
    exchange.close = True
    while True:
        await exchange.send(b"x" * 65536)


async def reset(exchange):
    exchange.reset()


async def reset_after_head(exchange):
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart")
    exchange.request.answered = 200
    exchange.close = True


async def silent_close(exchange):
    exchange.close = True


async def garbage(exchange):
    exchange.close = True
    return exchange.argument("text", "SSH-2.0-OpenSSH_9.2\r\n").encode("latin-1")


async def unsolicited(exchange):
    """A second answer nobody asked for: it must not become the answer to the next callout."""
    return response(200, "mine") + response(500, "not yours")


async def wide_body(exchange):
    return response(200, b"\xff\x00\x1b[31m" + b"a" * 200_000)


async def scripted_bytes(exchange):
    exchange.close = True
    return exchange.part.settings["bytes"].encode("latin-1")


async def raw(exchange):
    """Any bytes at all. `keep` leaves the connection open for another request, `hang` for nothing."""
    encoded, end = exchange.part.settings["raw"][exchange.rest("/raw/")]
    data = base64.b64decode(encoded)
    await exchange.send(data)
    exchange.request.answered = int(data[9:12]) if data[9:12].isdigit() else 0
    exchange.close = end != "keep"
    if end == "reset":
        await asyncio.sleep(0.2)  # a reset overtakes what has not been read yet
        exchange.reset()
    while end == "hang":
        await asyncio.sleep(0.1)
        await exchange.send(b"")  # raises once the connection is gone


async def drip(exchange):
    encoded, drop = exchange.part.settings["drip"][exchange.rest("/drip/")]
    await exchange.send(base64.b64decode(encoded))
    exchange.close = True
    while True:
        await exchange.send(drop.encode("latin-1"))
        await asyncio.sleep(float(exchange.argument("ms", "100")) / 1000)


BEHAVIOURS = {
    "/ok": ok, "/status/": status, "/sequence/": sequence, "/flaky": flaky, "/bearer": bearer,
    "/gone": gone, "/redirect": redirect, "/slow": slow, "/hold": hold, "/echo": echo,
    "/early-hints": early_hints, "/informational": informational, "/endless": endless, "/reset": reset,
    "/reset-after-head": reset_after_head, "/silent-close": silent_close, "/garbage": garbage,
    "/unsolicited": unsolicited, "/wide-body": wide_body, "/bytes": scripted_bytes, "/raw": raw, "/drip": drip,
}


async def main():
    await Part(BEHAVIOURS).run()


if __name__ == "__main__":
    asyncio.run(main())
