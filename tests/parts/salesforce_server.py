"""A Salesforce-like server: the documented wire of `oauth.md` 4.3. See service.py and wire.py for control.

Serves
  POST /services/oauth2/token        JWT bearer, refresh_token, authorization_code (PKCE S256), client_credentials;
                                     never an expires_in
  GET  /services/oauth2/authorize    redirects at once, as settings.decision says
  POST /services/oauth2/introspect   POST or GET /services/oauth2/revoke
  ANY  /services/oauth2/userinfo, /id/<org>/<user>     403 Bad_OAuth_Token for a bad token
  ANY  /services/data/..., /services/apexrest/...      401 [{"errorCode":"INVALID_SESSION_ID"}]
  ANY  /services/async/...                             400 InvalidSessionId; Bearer or X-SFDC-Session

Counts: token_requests, token_issued, token_refused, token_issued_<grant>, refresh_reuse, authorizations,
introspections, revocations, jwt_with_secret, unescaped_forms, and for each of rest, bulk, identity: _ok, _refused;
limit_exceeded.
Control: POST /expire?what=sessions|codes|approvals (all without `what`), POST /refresh-token -> {"refresh_token"}
of a new approval, GET /approvals -> {"refresh_tokens", "sessions"}, and the settings of DEFAULTS:
  decision  approve | deny | ignore (a page, no redirect) | wrong_state | no_state | wrong_issuer
  rotate    each refresh gives a new refresh token; a rotated one presented again ends the approval
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from urllib.parse import unquote_plus, urlencode, urlsplit

import rs256
from service import HTML, JSON, Refused, Service, bearer_token, form_of

TOKEN_PATH = "/services/oauth2/token"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LOOPBACKS = ("127.0.0.1", "::1", "localhost")
ASSERTION_LIFETIME_S = 300
CLOCK_TOLERANCE_S = 5

DEFAULTS = {
    "client_id": "3MVG9consumer.key_0123456789",
    "client_secret": "consumer-secret/+=0123456789",
    "require_secret": True,  # for refresh and code; False as with "Require Secret for Web Server Flow" off
    "username": "integration@example.com",
    "public_key": None,  # PEM, of the certificate uploaded to the connected app
    "audience": ["https://login.salesforce.com"],
    "approved": True,
    "org_id": "00D260000001G7lEAE",
    "user_id": "00526000004wk0wAAA",
    "id_host": "https://login.salesforce.com",
    "instance_url": None,  # None: this server itself
    "scope": "api refresh_token",
    "session_lifetime": 7200,
    "same_session": False,  # JWT and client credentials give the live session's token again
    "client_credentials": True,  # False: not a My Domain host
    "rotate": False,
    "max_approvals": 5,
    "decision": "approve",
    "callbacks": None,  # None: any loopback address; else these exactly
    "require_pkce": True,
    "introspect": "truth",  # "inactive": active:false although the token is good; "forbidden": 403
    "unknown_revoke": 200,
    "limit": False,  # 403 REQUEST_LIMIT_EXCEEDED at the REST resources
    "more_members": {},  # added to every token response
}


class Session:
    """One access token."""

    def __init__(self, token, began, lifetime, approval):
        self.token = token
        self.began = began
        self.expiry = began + lifetime
        self.approval = approval


class Approval:
    """What a user granted once: a refresh token, the ones it replaced, and its sessions."""

    def __init__(self, refresh_token):
        self.refresh_token = refresh_token
        self.rotated = set()


def s256(verifier):
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


class Salesforce(Service):
    def __init__(self):
        super().__init__({
            TOKEN_PATH: self.token, "/services/oauth2/authorize": self.authorize,
            "/services/oauth2/introspect": self.introspect, "/services/oauth2/revoke": self.revoke,
            "/services/oauth2/userinfo": self.identity, "/id/": self.identity, "/services/data/": self.rest,
            "/services/apexrest/": self.rest, "/services/async/": self.bulk,
        }, DEFAULTS)

    def forget(self):
        self.sessions = {}  # token -> Session
        self.approvals = []  # oldest first
        self.codes = {}  # code -> (challenge, redirect_uri)

    async def control(self, request):
        match request.path:
            case "/expire":
                for what, kept in (("sessions", self.sessions), ("codes", self.codes), ("approvals", self.approvals)):
                    if request.query.get("what", what) == what:
                        kept.clear()
                return {}
            case "/refresh-token":
                return {"refresh_token": self.approve().refresh_token}
            case "/approvals":
                return {"refresh_tokens": [approval.refresh_token for approval in self.approvals],
                        "sessions": sorted(self.sessions)}
        return await super().control(request)

    # Answers.

    def refuse(self, error, description, status=400):
        self.count("token_refused")
        raise Refused(self.reply(status, {"error": error, "error_description": description}))

    def form(self, request):
        """The form of a POST, every reserved character of it percent-encoded: tokens contain `!`."""
        form = form_of(request)
        if request.method != "POST" or form is None:
            self.refuse("invalid_request", "POST a form, each parameter once")
        if b"!" in request.body:
            self.count("unescaped_forms")
            self.refuse("invalid_request", "reserved characters are percent-encoded in a form")
        return form

    def client(self, request, form, needs_secret=True):
        """Checks the client, from the body or from Basic but not from both."""
        client_id, secret = form.get("client_id"), form.get("client_secret")
        if request.header("Authorization") is not None:
            if secret is not None:
                self.refuse("invalid_request", "one way of client authentication at a time")
            client_id, secret = self.basic(request.header("Authorization"))
        if client_id != self.settings["client_id"]:
            self.refuse("invalid_client_id", "client identifier invalid")
        if secret != self.settings["client_secret"] and (needs_secret or secret is not None):
            self.refuse("invalid_client", "invalid client credentials")

    def basic(self, header):
        """Id and secret of a Basic header, form-encoded as RFC 6749 2.3.1 has it."""
        scheme, _, encoded = header.partition(" ")
        try:
            pair = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            pair = ""
        client_id, colon, secret = pair.partition(":")
        if scheme != "Basic" or not colon:
            self.refuse("invalid_client", "invalid client credentials")
        return unquote_plus(client_id), unquote_plus(secret)

    # The token call.

    async def token(self, exchange):
        self.count("token_requests")
        form = self.form(exchange.request)
        grants = {JWT_BEARER: self.by_assertion, "refresh_token": self.by_refresh_token,
                  "authorization_code": self.by_code, "client_credentials": self.by_client}
        grant = grants.get(form.get("grant_type"))
        if grant is None:
            self.refuse("unsupported_grant_type", "grant type not supported")
        return grant(exchange.request, form)

    def by_assertion(self, request, form):
        if "client_secret" in form or request.header("Authorization") is not None:
            self.count("jwt_with_secret")
        try:
            header, claims, signed, signature = rs256.parse(form.get("assertion", ""))
        except ValueError:
            self.refuse("invalid_grant", "invalid assertion")
        settings, now = self.settings, self.now()
        if header.get("alg") != "RS256" or claims.get("iss") != settings["client_id"]:
            self.refuse("invalid_grant", "invalid assertion")
        if not settings["public_key"] or not rs256.is_signed_by(settings["public_key"], signed, signature):
            self.refuse("invalid_grant", "invalid assertion")
        if claims.get("aud") not in settings["audience"]:
            self.refuse("invalid_grant", "audience is invalid")
        expiry = claims.get("exp")
        latest = now + ASSERTION_LIFETIME_S + CLOCK_TOLERANCE_S
        if not isinstance(expiry, int) or not now - CLOCK_TOLERANCE_S < expiry <= latest:
            self.refuse("invalid_grant", "invalid assertion")
        if claims.get("sub") != settings["username"]:
            self.refuse("invalid_grant", "invalid user")
        if not settings["approved"]:
            self.refuse("invalid_grant", "user hasn't approved this consumer")
        return self.issue(request, "jwt", self.shared_session())

    def by_client(self, request, form):
        self.client(request, form)
        if not self.settings["client_credentials"]:
            self.refuse("invalid_grant", "request not supported on this domain")
        return self.issue(request, "client_credentials", self.shared_session())

    def by_refresh_token(self, request, form):
        self.client(request, form, self.settings["require_secret"])
        given = form.get("refresh_token")
        reused = next((approval for approval in self.approvals if given in approval.rotated), None)
        if reused is not None:
            self.count("refresh_reuse")
            self.end(reused)
        approval = next((approval for approval in self.approvals if approval.refresh_token == given), None)
        if approval is None:
            self.refuse("invalid_grant", "expired access/refresh token")
        members = {}
        if self.settings["rotate"]:
            approval.rotated.add(approval.refresh_token)
            approval.refresh_token = self.new_refresh_token()
            members["refresh_token"] = approval.refresh_token
        return self.issue(request, "refresh_token", self.new_session(approval), **members)

    def by_code(self, request, form):
        self.client(request, form, self.settings["require_secret"])
        challenge, redirect_uri = self.codes.pop(form.get("code"), (None, None))
        if redirect_uri is None:
            self.refuse("invalid_grant", "expired authorization code")
        if form.get("redirect_uri") != redirect_uri:
            self.refuse("redirect_uri_mismatch", "redirect_uri must match configuration")
        if challenge is not None and s256(form.get("code_verifier", "")) != challenge:
            self.refuse("invalid_grant", "invalid code verifier")
        approval = self.approve()
        return self.issue(request, "authorization_code", self.new_session(approval),
                          refresh_token=approval.refresh_token)

    def issue(self, request, grant, session, **members):
        settings = self.settings
        issued_at = str(int(self.now() * 1000))
        identity = f"{settings['id_host']}/id/{settings['org_id']}/{settings['user_id']}"
        signature = hmac.digest(settings["client_secret"].encode(), (identity + issued_at).encode(), "sha256")
        instance = settings["instance_url"] or f"http://{request.header('Host')}"
        self.count("token_issued")
        self.count(f"token_issued_{grant}")
        return self.reply(200, {"access_token": session.token, "signature": base64.b64encode(signature).decode(),
                                "scope": settings["scope"], "instance_url": instance, "id": identity,
                                "token_type": "Bearer", "issued_at": issued_at} | members | settings["more_members"])

    # Sessions and approvals.

    @staticmethod
    def new_refresh_token():
        return f"5Aep861{secrets.token_urlsafe(40)}.{secrets.token_urlsafe(12)}"

    def new_session(self, approval=None):
        token = f"{self.settings['org_id'][:15]}!AQ{secrets.token_urlsafe(40)}.{secrets.token_urlsafe(24)}"
        session = Session(token, self.now(), self.settings["session_lifetime"], approval)
        self.sessions[token] = session
        return session

    def shared_session(self):
        if self.settings["same_session"]:
            for session in self.sessions.values():
                if session.approval is None and session.expiry > self.now():
                    session.expiry = self.now() + self.settings["session_lifetime"]
                    return session
        return self.new_session()

    def approve(self):
        """A new approval; beyond the allowed number the oldest ends."""
        if len(self.approvals) >= self.settings["max_approvals"]:
            self.end(self.approvals[0])
        approval = Approval(self.new_refresh_token())
        self.approvals.append(approval)
        return approval

    def end(self, approval):
        self.approvals.remove(approval)
        self.sessions = {token: session for token, session in self.sessions.items()
                         if session.approval is not approval}

    def live_session(self, token):
        """The session of the token, its expiry slid on, or None."""
        session = self.sessions.get(token)
        if session is None or session.expiry <= self.now():
            return None
        session.expiry = self.now() + self.settings["session_lifetime"]
        return session

    # The user's side.

    async def authorize(self, exchange):
        query, settings = exchange.query, self.settings
        redirect_uri, state = query.get("redirect_uri", ""), query.get("state")
        if query.get("client_id") != settings["client_id"]:
            return self.page(400, "error=invalid_client_id&amp;error_description=client%20identifier%20invalid")
        if not self.is_callback(redirect_uri):
            return self.page(400, "error=redirect_uri_mismatch&amp;error_description=must%20match%20configuration")
        self.count("authorizations")
        if settings["decision"] == "ignore":
            return self.page(200, "Log in")
        if settings["decision"] == "deny":
            return self.back(redirect_uri, state, error="access_denied",
                             error_description="end-user denied authorization")
        problem = self.problem_of(query)
        if problem:
            return self.back(redirect_uri, state, error="invalid_request", error_description=problem)
        code = f"aPrx{secrets.token_urlsafe(32)}=="
        self.codes[code] = (query.get("code_challenge"), redirect_uri)
        match settings["decision"]:
            case "wrong_state":
                return self.back(redirect_uri, "some-other-state", code=code)
            case "no_state":
                return self.back(redirect_uri, None, code=code)
            case "wrong_issuer":
                return self.back(redirect_uri, state, code=code, iss="https://mallory.example")
        return self.back(redirect_uri, state, code=code)

    def problem_of(self, query):
        if query.get("response_type") != "code":
            return "response_type not supported"
        if "code_challenge" not in query:
            return "missing required code challenge" if self.settings["require_pkce"] else None
        if query.get("code_challenge_method") != "S256" or len(query["code_challenge"]) != 43:
            return "invalid code challenge"
        return None

    def is_callback(self, uri):
        if self.settings["callbacks"] is not None:
            return uri in self.settings["callbacks"]
        return urlsplit(uri).scheme == "http" and urlsplit(uri).hostname in LOOPBACKS

    def page(self, status, text):
        return self.reply(status, f"<!DOCTYPE html><html><body>{text}</body></html>", [HTML])

    def back(self, redirect_uri, state, **parameters):
        parameters |= {"state": state} if state is not None else {}
        separator = "&" if urlsplit(redirect_uri).query else "?"
        return self.reply(302, "", [("Location", f"{redirect_uri}{separator}{urlencode(parameters)}")])

    # Introspection, revocation, identity.

    async def introspect(self, exchange):
        self.count("introspections")
        form = self.form(exchange.request)
        self.client(exchange.request, form)
        if self.settings["introspect"] == "forbidden":
            return self.reply(403, {"error": "access_denied", "error_description": "no introspection right"})
        session = self.sessions.get(form.get("token"))
        dead = session is None or session.expiry <= self.now()
        if dead or self.settings["introspect"] == "inactive":
            return self.reply(200, {"active": False})
        return self.reply(200, {
            "active": True, "scope": self.settings["scope"], "client_id": self.settings["client_id"],
            "username": self.settings["username"], "token_type": "access_token", "exp": int(session.expiry),
            "iat": int(session.began), "nbf": int(session.began),
            "sub": f"{self.settings['id_host']}/id/{self.settings['org_id']}/{self.settings['user_id']}"})

    async def revoke(self, exchange):
        self.count("revocations")
        by_query = exchange.request.method == "GET"
        token = exchange.query.get("token") if by_query else self.form(exchange.request).get("token")
        approval = next((approval for approval in self.approvals
                         if token == approval.refresh_token or token in approval.rotated), None)
        if approval is not None:
            self.end(approval)
        elif self.sessions.pop(token, None) is None and self.settings["unknown_revoke"] != 200:
            return self.reply(self.settings["unknown_revoke"], {
                "error": "unsupported_token_type", "error_description": "this token type is not supported"})
        return self.reply(200)

    async def identity(self, exchange):
        settings = self.settings
        wanted = exchange.path == "/services/oauth2/userinfo" or \
            exchange.path == f"/id/{settings['org_id']}/{settings['user_id']}"
        if self.live_session(bearer_token(exchange.request)) is None:
            self.count("identity_refused")
            return self.reply(403, "Bad_OAuth_Token", [HTML])
        if not wanted:
            return self.reply(404, "Bad_Id", [HTML])
        self.count("identity_ok")
        identity = f"{settings['id_host']}/id/{settings['org_id']}/{settings['user_id']}"
        return self.reply(200, {"id": identity, "sub": identity, "user_id": settings["user_id"],
                                "organization_id": settings["org_id"], "username": settings["username"],
                                "preferred_username": settings["username"], "active": True})

    # Resources.

    async def rest(self, exchange):
        if self.live_session(bearer_token(exchange.request)) is None:
            self.count("rest_refused")
            return self.reply(401, [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}])
        if self.settings["limit"]:
            self.count("limit_exceeded")
            return self.reply(403, [{"message": "TotalRequests Limit exceeded.",
                                     "errorCode": "REQUEST_LIMIT_EXCEEDED"}])
        self.count("rest_ok")
        return self.reply(201, {"id": "001M000000qfPySIAU", "success": True, "errors": []},
                          [JSON, ("Sforce-Limit-Info", "api-usage=18/5000")])

    async def bulk(self, exchange):
        token = exchange.request.header("X-SFDC-Session") or bearer_token(exchange.request)
        if self.live_session(token) is None:
            self.count("bulk_refused")
            return self.reply(400, {"exceptionCode": "InvalidSessionId", "exceptionMessage": "Invalid session id"})
        self.count("bulk_ok")
        return self.reply(201, {"id": "750x0000000005LAAQ", "state": "Open"})


if __name__ == "__main__":
    asyncio.run(Salesforce().run())
