"""What the servers that follow a documented wire share: a clock a test can move, counters, held and failing paths.

Control requests beyond those of wire.py:
  GET  /counts                what `count` was called for, by name; a name nothing happened to is not there
  POST /advance?seconds=N     moves this server's clock (its tokens, sessions and Date header), no waiting
  POST /reset                 settings, clock, tokens, sessions, counts and log as they were at the start
  POST /clear                 also forgets the counts
Settings every such server reads:
  held   path prefixes whose answers wait for /release?path=<exact path>
  fail   {path prefix: {"status", "body", "headers", "times"}}: answered so instead; `times` missing means for ever
"""

import copy
import email.utils
import json
import secrets
import time
from urllib.parse import parse_qsl

from wire import Part, response

JSON = ("Content-Type", "application/json;charset=UTF-8")
HTML = ("Content-Type", "text/html;charset=UTF-8")
FORM_TYPE = "application/x-www-form-urlencoded"


class Refused(Exception):
    """A request the documentation does not allow; `answer` is the response to it."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer


def bearer_token(request):
    scheme, _, token = request.header("Authorization", "").partition(" ")
    return token if scheme == "Bearer" else None


def form_of(request):
    """The form of a request body as a dict, or None when it is no form or names something twice."""
    content_type = request.header("Content-Type", "").split(";")[0].strip().lower()
    pairs = parse_qsl(request.body.decode("latin-1"), keep_blank_values=True, encoding="utf-8")
    if content_type != FORM_TYPE or len(dict(pairs)) != len(pairs):
        return None
    return dict(pairs)


def random_hex(characters):
    return secrets.token_hex(characters // 2)


class Service(Part):
    """A Part whose behaviours are its own methods; `forget` drops the state they keep."""

    COMMON = {"held": [], "fail": {}}

    def __init__(self, behaviours, defaults):
        self.defaults = self.COMMON | defaults
        super().__init__(behaviours, copy.deepcopy(self.defaults))
        self.counts = {}
        self.offset = 0.0
        self.forget()

    def forget(self):
        """Drops tokens, sessions and the like."""

    def now(self):
        return time.time() + self.offset

    def count(self, name):
        self.counts[name] = self.counts.get(name, 0) + 1

    def reply(self, status, body="", headers=(JSON,)):
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return response(status, text, [*headers, ("Date", email.utils.formatdate(self.now(), usegmt=True))])

    def behaviour(self, path):
        act = super().behaviour(path)
        return lambda exchange: self.serve(act, exchange)

    async def serve(self, act, exchange):
        if any(exchange.path.startswith(prefix) for prefix in self.settings["held"]):
            await exchange.held()
        fault = self.take(self.settings["fail"], exchange.path)
        if fault is not None:
            self.count("faults")
            headers = list(fault.get("headers", {}).items()) or [JSON]
            return self.reply(fault["status"], fault.get("body", ""), headers)
        try:
            return await act(exchange) if act else self.reply(404, {"error": "not_found"})
        except Refused as refusal:
            return refusal.answer

    @staticmethod
    def take(rules, path):
        """The first rule of {path prefix: rule} that covers `path` and has `times` left, one of which is used up."""
        for prefix, rule in rules.items():
            if path.startswith(prefix) and rule.get("times", 1) > 0:
                if "times" in rule:
                    rule["times"] -= 1
                return rule
        return None

    async def control(self, request):
        match request.path:
            case "/counts":
                return self.counts
            case "/advance":
                self.offset += float(request.query["seconds"])
                return {"now": self.now()}
            case "/reset":
                self.settings.clear()
                self.settings.update(copy.deepcopy(self.defaults))
                self.offset = 0.0
                self.forget()
        if request.path in ("/clear", "/reset"):
            self.counts.clear()
            self.requests.clear()
            self.bytes = self.connections = 0
            return {}
        return await super().control(request)
