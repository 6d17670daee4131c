"""A token server that misbehaves on request; see wire.py for how a test controls it.

The path chooses the answer (anything may follow it): every name in ANSWERS is a path, besides
  /ok?expires_in=&token=&scope=    a good answer; tokens are numbered (token-1, token-2, …) unless given
  /rotate                          a good answer with a new refresh token each time
  /status/NNN?retry-after=&error=  that status, an OAuth error body where `error` is given
  /hang                            answers once released; /slow-until?waiters=N once N requests wait
  /redirect?status=307&to=URL  /reset-after-request  /endless  /drip
  /script/NAME                     the answers listed in settings["script"][NAME], one a request, the last repeats
  /revoke…  /test…                 200 unless settings["revoke_status"] / settings["test_status"] say otherwise
"""

import asyncio
import gzip
import json

from wire import Exchange, Part, response

_JSON = ("Content-Type", "application/json")
_counter = {"token": 0}


def token(value="opaque-token-value", **members):
    """A token response; a member given as None is left out."""
    body = {"access_token": value, "token_type": "Bearer", "expires_in": 3600} | members
    return json.dumps({name: member for name, member in body.items() if member is not None})


def good(body, status=200, headers=(_JSON,)):
    return response(status, body, headers)


def oauth_error(error, status=400):
    return good(json.dumps({"error": error, "error_description": f"about {error}"}), status)


def raw_expiry(text):
    """`expires_in` as JSON source text, since Python would tidy some of these up."""
    return good('{"access_token":"opaque-token-value","token_type":"Bearer","expires_in":%s}' % text)


def cut_chunked():
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    return (head + "40\r\n" + token()[:40]).encode()


def chunked():
    body = token()
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    return (head + f"{len(body):x}\r\n{body}\r\n0\r\n\r\n").encode()


_FORM = ("Content-Type", "application/x-www-form-urlencoded")
_HTML = "<!DOCTYPE html><html><body>Please log in</body></html>"
_ESCAPED = r'{"access_token":"a\/b\u002Bc","token_type":"Bearer","expires_in":3600}'
_DUPLICATE = '{"access_token":"first","access_token":"last","token_type":"Bearer","expires_in":3600}'

ANSWERS = {
    # expiry, E-21 to E-28
    "expires-string": raw_expiry('"3600"'), "expires-decimal": raw_expiry("3600.9"),
    "expires-decimal-string": raw_expiry('"3599.0"'), "expires-zero": raw_expiry("0"),
    "expires-negative": raw_expiry("-1"), "expires-huge": raw_expiry("1e308"),
    "expires-2-63": raw_expiry("9223372036854775808"), "expires-null": raw_expiry("null"),
    "expires-true": raw_expiry("true"), "expires-array": raw_expiry("[]"),
    "expires-words": raw_expiry('"one hour"'), "expires-nan": raw_expiry('"NaN"'),
    "expires-short": raw_expiry("5"), "no-expires": good(token(expires_in=None)),
    "ms": raw_expiry("3600000"),
    # bodies that are good although they look odd
    "scope-array": good(token(scope=["read", "write"])), "scope-comma": good(token(scope="read,write")),
    "escapes": good(_ESCAPED), "duplicate": good(_DUPLICATE), "form": good(
        "access_token=form-token&token_type=bearer&expires_in=3600", headers=(_FORM,)),
    "bom": good("\ufeff" + token()), "json-as-html": good(token(), headers=(("Content-Type", "text/html"),)),
    "created": good(token(), 201), "no-type": good(token(token_type=None)),
    "odd-case-type": good(token(token_type="bEaReR")), "bearer-token-type": good(token(token_type="BearerToken")),
    "many-members": good(token(**{f"member_{n}": {"n": n} for n in range(60)})),
    "chunked": chunked(), "long-token": good(token("L" * 60_000)), "odd-alphabet": good(token("00Dx!a{b}|c")),
    # what must be refused, E-29 to E-32 and T-07
    "html200": response(200, _HTML, [("Content-Type", "text/html")]),
    "error200": good(json.dumps({"error": "invalid_client", "error_description": "with 200"})),
    "big-token": good(token("B" * 70_000)), "crlf-token": good(token("a\r\nX-Injected: 1")),
    "nul-token": good(token("a\u0000b")), "number-token": good(token(12345)), "empty-token": good(token("")),
    "blank-token": good(token("   ")), "null-word-token": good(token("null")),
    "no-token": good('{"token_type":"Bearer","expires_in":3600}'), "mac": good(token(token_type="mac")),
    "crlf-type": good(token(token_type="Bearer\r\nX: 1")), "utf16": good(token().encode("utf-16")),
    "trailing": good(token() + "}garbage"), "cut-json": good(token()[:-20]), "no-body": good(""),
    "deep": good("[" * 100_000 + "]" * 100_000), "array": good("[" + token() + "]"),
    "gzip": good(gzip.compress(token().encode()), headers=(_JSON, ("Content-Encoding", "gzip"))),
    "big-body": good(token(padding="p" * 2_000_000)),
    # refusals of the authorization server, E-46
    "invalid-client": oauth_error("invalid_client", 401), "invalid-grant": oauth_error("invalid_grant"),
    "unauthorized-client": oauth_error("unauthorized_client"), "invalid-scope": oauth_error("invalid_scope"),
    "unsupported-grant": oauth_error("unsupported_grant_type"), "strange-error": oauth_error("out_of_cheese"),
    "error-with-503": oauth_error("invalid_client", 503),
    "description-with-escape": good('{"error":"invalid_client","error_description":"\\u001b[31mred\\nline"}', 400),
}


def fixed(data):
    async def act(exchange):
        return data
    return act


async def cut_chunked_answer(exchange):
    exchange.close = True
    return cut_chunked()


async def ok(exchange):
    _counter["token"] += 1
    value = exchange.argument("token", f"token-{_counter['token']}")
    expires = exchange.argument("expires_in", "3600")
    return good(token(value, expires_in=json.loads(expires), scope=exchange.argument("scope")))


async def rotate(exchange):
    _counter["token"] += 1
    number = _counter["token"]
    expires = json.loads(exchange.argument("expires_in", "3600"))
    return good(token(f"token-{number}", refresh_token=f"refresh-{number}", expires_in=expires))


async def status(exchange):
    code = exchange.rest("/status/")
    retry_after = exchange.argument("retry-after")
    headers = [_JSON] + ([("Retry-After", retry_after)] if retry_after is not None else [])
    error = exchange.argument("error")
    return response(code, json.dumps({"error": error}) if error else "{}", headers)


async def hang(exchange):
    await exchange.held()
    return await ok(exchange)


async def slow_until(exchange):
    await exchange.part.wait_for(exchange.path, int(exchange.argument("waiters", "2")), 30)
    return await ok(exchange)


async def redirect(exchange):
    return response(exchange.argument("status", "307"), "", [("Location", exchange.argument("to", "/ok"))])


async def reset_after_request(exchange):
    exchange.reset()


async def endless(exchange):
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"access_token\":\"")
    exchange.close = True
    while True:
        await exchange.send(b"x" * 65536)


async def drip(exchange):
    """One byte at a time, for ever: only a deadline over the whole answer ends it."""
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    exchange.close = True
    while True:
        await exchange.send(b" ")
        await asyncio.sleep(0.05)


async def script(exchange):
    answers = exchange.part.settings["script"][exchange.rest("/script/")]
    earlier = len(exchange.part.matching(exchange.path)) - 1
    target = answers[min(earlier, len(answers) - 1)]
    chosen = Exchange(exchange.part, exchange.request, exchange.writer, target)
    data = await exchange.part.behaviour(chosen.path)(chosen)
    exchange.close = chosen.close
    return data


def by_setting(name):
    async def act(exchange):
        return response(exchange.part.settings.get(name, 200), "{}", [_JSON])
    return act


BEHAVIOURS = {f"/{name}": fixed(data) for name, data in ANSWERS.items()} | {
    "/cut-chunked": cut_chunked_answer, "/ok": ok, "/rotate": rotate, "/status/": status, "/hang": hang,
    "/slow-until": slow_until, "/redirect": redirect, "/reset-after-request": reset_after_request,
    "/endless": endless, "/drip": drip, "/script/": script,
    "/revoke": by_setting("revoke_status"), "/test": by_setting("test_status"),
}


async def main():
    await Part(BEHAVIOURS).run()


if __name__ == "__main__":
    asyncio.run(main())
