"""A server that says back whatever it was ever sent, in every spelling; see wire.py for how a test controls it.

  /refuse/SPELLING/HOW   refuses (token, revocation, device, introspection); HOW is json, code, html, redirect or plain
  /grant/SPELLING        a good token, with the echo in its scope, its attributes and its type's neighbours
  /metadata/SPELLING/…   a discovery document of another issuer
  /login/SPELLING        no cookie but an echo; /login-good sets settings["cookie"]
  /callout/SPELLING/NNN  that status, the echo in body, Location, WWW-Authenticate and track id
  /sign-good             settings["single_use"] as an object
"""

import asyncio
import base64
import html
import json
import urllib.parse

from wire import Part, response

_JSON = ("Content-Type", "application/json")


def lower_percent(text):
    quoted = urllib.parse.quote(text, safe="")
    return "".join(part if i == 0 else f"%{part[:2].lower()}{part[2:]}" for i, part in enumerate(quoted.split("%")))


SPELLINGS = {
    "raw": lambda text: text,
    "percent": lambda text: urllib.parse.quote(text, safe=""),
    "lower-percent": lower_percent,
    "twice": lambda text: urllib.parse.quote(urllib.parse.quote(text, safe=""), safe=""),
    "form": urllib.parse.quote_plus,
    "html": lambda text: html.escape(text),
    "entities": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "json": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "unicode": lambda text: "".join(f"\\u{ord(c):04x}" for c in text),
    "base64": lambda text: base64.b64encode(text.encode("latin-1")).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(b"x" + text.encode("latin-1")).decode().rstrip("="),
    "hex": lambda text: text.encode("latin-1").hex(),
}


def values_of(request):
    """What may be a credential: header values, and the fields of query and body, decoded."""
    skipped = ("host", "content-length", "content-type", "accept", "accept-encoding", "user-agent", "webhook-id",
               "webhook-timestamp", "webhook-signature", "herald-attempt", "zuora-track-id", "connection")
    values = [value for name, value in request.headers if name.lower() not in skipped]
    for text in (urllib.parse.urlsplit(request.target).query, request.body.decode("latin-1")):
        values += [value for _, value in urllib.parse.parse_qsl(text)]
    return values


def echo(exchange, spelling):
    """Everything that any request ever showed, the newest first."""
    seen = []
    for request in reversed(exchange.part.requests):
        seen += [value for value in values_of(request) if value not in seen]
    seen += exchange.part.settings.get("also", [])
    return " ".join(SPELLINGS[spelling](value) for value in seen)


def parts_of(exchange):
    return exchange.path.strip("/").split("/") + ["", ""]


async def refuse(exchange):
    _, spelling, how, *_ = parts_of(exchange)
    text = echo(exchange, spelling)
    pad = "." * int(exchange.argument("pad", "0"))
    if how == "json":
        return response(400, json.dumps({"error": "invalid_client", "error_description": pad + text}), [_JSON])
    if how == "code":
        return response(400, json.dumps({"error": text, "message": text}), [_JSON])
    if how == "html":
        page = f"<!DOCTYPE html><body>cannot read <b>{pad}{text}</b></body>"
        return response(500, page, [("Content-Type", "text/html")])
    if how == "redirect":
        where = urllib.parse.quote(text, safe="%/&;=+\\")
        return response(302, "", [("Location", f"https://elsewhere.example/{pad}{where}")])
    return response(401, pad + text, [("Content-Type", "text/plain")])


async def grant(exchange):
    _, spelling, *_ = parts_of(exchange)
    text = echo(exchange, spelling)
    token = exchange.part.settings["token"]
    scope = " ".join(text.replace('"', "").replace("\\", "").split(" ")[:20])
    body = {"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": f"read {scope} {token}",
            "instance_url": text[:900], "note": text[:900], token[:30]: 1}
    return response(200, json.dumps(body), [_JSON, ("X-Track", text[:900])])


async def metadata(exchange):
    _, spelling, *_ = parts_of(exchange)
    return response(200, json.dumps({"issuer": "https://other.example/" + echo(exchange, spelling)}), [_JSON])


async def login(exchange):
    _, spelling, *_ = parts_of(exchange)
    text = echo(exchange, spelling)
    return response(200, text, [("Set-Cookie", f"{text}; Path=/")])


async def login_good(exchange):
    return response(200, "{}", [("Set-Cookie", f"session={exchange.part.settings['cookie']}; Path=/")])


async def sign_good(exchange):
    return response(200, json.dumps(exchange.part.settings["single_use"]), [_JSON])


async def callout(exchange):
    _, spelling, status, *_ = parts_of(exchange)
    text = echo(exchange, spelling)
    line = "".join(c if 0x20 <= ord(c) < 0x7F else "." for c in text).replace('"', "'")
    pad = "." * int(exchange.argument("pad", "0"))
    headers = [("Location", f"https://elsewhere.example/{pad}{line}"), ("X-Track", line),
               ("WWW-Authenticate", f'Bearer error="insufficient_scope", scope="{pad}{line}"')]
    return response(int(status), pad + text, headers)


async def main():
    await Part({"/refuse/": refuse, "/grant/": grant, "/metadata/": metadata, "/login/": login,
                "/login-good": login_good, "/sign-good": sign_good, "/callout/": callout}).run()


if __name__ == "__main__":
    asyncio.run(main())
