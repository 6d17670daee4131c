"""A Zuora-like server: the documented wire of `oauth.md` 4.4 to the letter. See service.py and wire.py for control.

Serves
  POST /oauth/token           client_credentials, form, credentials in the body only
  ANY  /v1/keypair/...        the key pair in its two headers, optionally entityId or entityName, not both
  POST /v1/connections        the key pair; answers with Set-Cookie: ZSession=...
  ANY  /v1/session/...        that cookie; each success slides its expiry
  POST /v1/rsa-signatures     the key pair; JSON {"uri","method","pageId"} -> {"signature","token",...}
  ANY  /v1/hosted/...         token and signature in their headers, each pair once
  ANY  /v1/...                Authorization: Bearer, and an entity when the token's scope names several

Counts: token_requests, token_issued, token_refused, logins, signatures, bad_track_ids, throttled, and for each of
keypair, session, hosted and bearer: _ok, _refused (not signed in), _wrong (a request the documents do not allow);
login_refused, login_wrong, signature_refused, signature_wrong, hosted_replayed (a pair sent again, also in _refused).
Control: POST /expire?what=tokens|sessions|signatures (all without `what`), and the settings of DEFAULTS:
  throttle  {path prefix: {"reset": seconds, "times": n}}: 429 with ratelimit-* headers and no Retry-After
  crowded   {path prefix: {"times": n}}: 429 by the concurrency limit
  refusal   "success-false": authentication failures are 200 with code 90000011, as Zuora does; "401": HTTP 401
"""

import asyncio
import base64
import json
import re
import secrets

from service import JSON, Refused, Service, bearer_token, form_of, random_hex

ENTITY = "11e643f4-a3ee-8bad-b061-0025904c756d"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
NOT_SIGNED_IN, BAD_VALUE, MISSING_VALUE = 90000011, 50000020, 50000022
CONCURRENCY = "Concurrency-Limit-"
RATE_LIMIT = ("ratelimit-limit", "2250000, 50000;w=60, 2250000;w=3600, 27000000;w=86400")

DEFAULTS = {
    "clients": {"0f9c2d1e-6b1a-4f7e-9a53-2f1d7c0e8b46": "zuora=secret/with+special&chars%012345678"},
    "expires_in": 3599,
    "lifetime": None,  # in truth, when that differs from what expires_in says
    "user": "7c4d5433dc234c369a01b9719ecd059f",
    "entities": [ENTITY],
    "entity_names": ["Global"],
    "tenant": 19,
    "key_headers": ["apiAccessKeyId", "apiSecretAccessKey"],
    "key_pair": ["integration@example.com", "key-pair secret:0123456789"],
    "session_timeout": 3600,
    "cookie": "ZSession",
    "cookie_attributes": "; Path=/; Secure; HttpOnly",
    "more_cookies": [],  # further Set-Cookie values of a login
    "single_use_headers": ["token", "signature"],
    "signature_lifetime": 1800,
    "refusal": "success-false",
    "throttle": {},
    "crowded": {},
}


def is_track_id(value):
    return 0 < len(value) <= 64 and value.isascii() and value.isprintable() and not set(value) & set(":;\"'")


def is_entity_id(value):
    return UUID.fullmatch(value) is not None


def without_dashes(entity):
    return entity.replace("-", "").lower()


def cookie_of(request, name):
    pairs = [pair.strip().partition("=") for header, value in request.headers
             if header.lower() == "cookie" for pair in value.split(";")]
    return next((value for key, _, value in pairs if key == name), None)


def with_header(data, name, value):
    status_line, _, rest = data.partition(b"\r\n")
    return status_line + f"\r\n{name}: {value}\r\n".encode("latin-1") + rest


def random_base64(size):
    """The ordinary alphabet, with + / and =, which no header or JSON value may change."""
    return base64.b64encode(secrets.token_bytes(size)).decode()


def json_object(body):
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


class Zuora(Service):
    def __init__(self):
        super().__init__({
            "/oauth/token": self.token, "/v1/keypair/": self.key_pair_resource, "/v1/connections": self.login,
            "/v1/session/": self.session_resource, "/v1/rsa-signatures": self.sign,
            "/v1/hosted/": self.hosted_resource, "/v1/": self.bearer_resource,
        }, DEFAULTS)

    def forget(self):
        self.tokens = {}  # token -> (expiry, entities)
        self.sessions = {}  # cookie value -> expiry
        self.signatures = {}  # (token, signature) -> expiry
        self.used_signatures = set()

    async def control(self, request):
        if request.path == "/expire":
            for what, kept in (("tokens", self.tokens), ("sessions", self.sessions), ("signatures", self.signatures)):
                if request.query.get("what", what) == what:
                    kept.clear()
            return {}
        return await super().control(request)

    # Around every request.

    async def serve(self, act, exchange):
        track_id = exchange.request.header("Zuora-Track-Id")
        if track_id is not None and not is_track_id(track_id):
            self.count("bad_track_ids")
            return self.failure(BAD_VALUE, "Zuora-Track-Id is not valid", 400)
        answer = self.limited(exchange.path) or await super().serve(act, exchange)
        return answer if track_id is None else with_header(answer, "Zuora-Track-Id", track_id)

    def limited(self, path):
        throttle = self.take(self.settings["throttle"], path)
        if throttle is not None:
            headers = [RATE_LIMIT, ("ratelimit-remaining", "0"), ("ratelimit-reset", throttle["reset"])]
        elif self.take(self.settings["crowded"], path) is not None:
            headers = [(CONCURRENCY + "Type", "Default"), (CONCURRENCY + "Limit", "40"),
                       (CONCURRENCY + "Remaining", "0")]
        else:
            return None
        self.count("throttled")
        return self.reply(429, {"message": "Too Many Requests"}, [JSON, *headers])

    # Answers.

    def success(self, kind, headers=(), **members):
        self.count(kind)
        limits = [RATE_LIMIT, ("ratelimit-remaining", "49999"), ("ratelimit-reset", "21"),
                  (CONCURRENCY + "Type", "Default"), (CONCURRENCY + "Limit", "40"), (CONCURRENCY + "Remaining", "39")]
        return self.reply(200, {"success": True} | members, [JSON, *limits, *headers])

    def failure(self, code, message, status=200):
        return self.reply(status, {"success": False, "processId": random_hex(16).upper(),
                                   "reasons": [{"code": code, "message": message}]})

    def not_signed_in(self, kind, status=None):
        self.count(f"{kind}_refused")
        status = status or (401 if self.settings["refusal"] == "401" else 200)
        return Refused(self.failure(NOT_SIGNED_IN, "this resource is protected, please sign in first", status))

    def wrong(self, kind, code, message):
        self.count(f"{kind}_wrong")
        return Refused(self.failure(code, message))

    def refuse_token(self, status, error, description):
        self.count("token_refused")
        raise Refused(self.reply(status, {"error": error, "error_description": description}))

    # The token call.

    async def token(self, exchange):
        self.count("token_requests")
        request = exchange.request
        form = self.token_form(request)
        client_id, secret = form["client_id"], form["client_secret"]
        if len(client_id) != 36 or not 0 < len(secret) <= 42:
            self.refuse_token(400, "invalid_request", "client_id has 36 characters, client_secret at most 42")
        if self.settings["clients"].get(client_id) != secret:
            self.refuse_token(401, "invalid_client", "Bad client credentials")
        return self.issue()

    def token_form(self, request):
        for name in ("Authorization", "apiAccessKeyId", "apiSecretAccessKey"):
            if request.header(name) is not None:
                self.refuse_token(400, "invalid_request", f"do not set the header {name}")
        entity = request.header("Zuora-Entity-Ids")
        if entity is not None and not is_entity_id(entity):
            self.refuse_token(400, "invalid_request", "Zuora-Entity-Ids must be a 36-character UUID with hyphens")
        form = form_of(request)
        if request.method != "POST" or form is None or request.query:
            self.refuse_token(400, "invalid_request", "POST a form, each parameter once, nothing in the URL")
        missing = [name for name in ("client_id", "client_secret", "grant_type") if name not in form]
        if missing:
            self.refuse_token(400, "invalid_request", f"missing {missing[0]}")
        if form["grant_type"] != "client_credentials":
            self.refuse_token(400, "unsupported_grant_type", f"Unsupported grant type: {form['grant_type']}")
        return form

    def issue(self):
        settings = self.settings
        token = random_hex(32)
        lifetime = settings["expires_in"] if settings["lifetime"] is None else settings["lifetime"]
        self.tokens[token] = (self.now() + lifetime, [entity.lower() for entity in settings["entities"]])
        scope = [f"user.{settings['user']}", *(f"entity.{entity}" for entity in settings["entities"]),
                 "service.echo.read", f"tenant.{settings['tenant']}"]
        self.count("token_issued")
        return self.reply(200, {"access_token": token, "expires_in": settings["expires_in"], "jti": random_hex(32),
                                "scope": " ".join(scope), "token_type": "bearer"})

    # Resources.

    async def bearer_resource(self, exchange):
        expiry, entities = self.tokens.get(bearer_token(exchange.request), (0, []))
        if expiry <= self.now():
            raise self.not_signed_in("bearer")
        self.check_entity(exchange.request, entities)
        return self.success("bearer_ok", id=random_hex(32))

    def check_entity(self, request, entities):
        """One entity needs no header; several need one of the two headers, naming a member in its own spelling."""
        given = request.header("Zuora-Entity-Ids")
        legacy = request.header("entityId")
        if given is not None and legacy is not None:
            raise self.wrong("bearer", BAD_VALUE, "Zuora-Entity-Ids and entityId exclude each other")
        if given is None and legacy is None and len(entities) > 1:
            raise self.wrong("bearer", MISSING_VALUE, "the token is valid for several entities: name one")
        if given is not None and (not is_entity_id(given) or given.lower() not in entities):
            raise self.wrong("bearer", BAD_VALUE, "Zuora-Entity-Ids is no entity of this token")
        if legacy is not None and legacy not in map(without_dashes, entities):
            raise self.wrong("bearer", BAD_VALUE, "entityId is no entity of this token")

    def check_key_pair(self, request, kind):
        if request.header("Authorization") is not None:
            raise self.wrong(kind, BAD_VALUE, "one way of authentication at a time")
        if [request.header(name) for name in self.settings["key_headers"]] != self.settings["key_pair"]:
            raise self.not_signed_in(kind)

    async def key_pair_resource(self, exchange):
        request = exchange.request
        self.check_key_pair(request, "keypair")
        entity_id, entity_name = request.header("entityId"), request.header("entityName")
        if entity_id is not None and entity_name is not None:
            raise self.wrong("keypair", BAD_VALUE, "entityId and entityName exclude each other")
        if entity_id is not None and entity_id not in map(without_dashes, self.settings["entities"]):
            raise self.wrong("keypair", BAD_VALUE, "entityId is not valid")
        if entity_name is not None and entity_name not in self.settings["entity_names"]:
            raise self.wrong("keypair", BAD_VALUE, "entityName is not valid")
        return self.success("keypair_ok", id=random_hex(32))

    async def login(self, exchange):
        if exchange.request.method != "POST":
            raise Refused(self.failure(BAD_VALUE, "only POST", 405))
        self.check_key_pair(exchange.request, "login")
        value = secrets.token_urlsafe(48)
        self.sessions[value] = self.now() + self.settings["session_timeout"]
        cookies = [f"{self.settings['cookie']}={value}{self.settings['cookie_attributes']}",
                   *self.settings["more_cookies"]]
        return self.success("logins", [("Set-Cookie", cookie) for cookie in cookies])

    async def session_resource(self, exchange):
        value = cookie_of(exchange.request, self.settings["cookie"])
        if self.sessions.get(value, 0) <= self.now():
            raise self.not_signed_in("session", 401)
        self.sessions[value] = self.now() + self.settings["session_timeout"]
        return self.success("session_ok", id=random_hex(32))

    async def sign(self, exchange):
        request = exchange.request
        if request.method != "POST":
            raise Refused(self.failure(BAD_VALUE, "only POST", 405))
        self.check_key_pair(request, "signature")
        body = json_object(request.body)
        missing = [name for name in ("uri", "method", "pageId") if not isinstance(body.get(name), str)]
        if missing:
            raise self.wrong("signature", MISSING_VALUE, f"missing {missing[0]}")
        pair = (random_base64(24), random_base64(258))
        self.signatures[pair] = self.now() + self.settings["signature_lifetime"]
        return self.success("signatures", token=pair[0], signature=pair[1], tenantId=str(self.settings["tenant"]),
                            key=random_base64(294))

    async def hosted_resource(self, exchange):
        pair = tuple(exchange.request.header(name) for name in self.settings["single_use_headers"])
        if pair in self.used_signatures:
            self.count("hosted_replayed")
        self.used_signatures.add(pair)
        if self.signatures.pop(pair, 0) <= self.now():
            raise self.not_signed_in("hosted", 401)
        return self.success("hosted_ok", id=random_hex(32))


if __name__ == "__main__":
    asyncio.run(Zuora().run())
