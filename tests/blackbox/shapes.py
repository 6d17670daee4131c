"""The JSON documents of docs/cli.md (contract), member by member."""

_TEXT = (str, type(None))

PROVIDER = {
    "id": str, "name": str, "kind": str, "enabled": bool, "grant_type": str, "client_id": str,
    "client_secret": _TEXT, "client_authentication": str, "token_endpoint": str,
    "revocation_endpoint": _TEXT, "test_endpoint": _TEXT, "scopes": list, "parameters": dict,
    "settings": dict, "state": str, "token": (dict, type(None)), "last_error": (dict, type(None)),
    "used_by": list, "created_at": str, "updated_at": str,
}
TOKEN = {"generation": int, "obtained_at": str, "expires_at": str, "scopes": list, "fingerprint": str}
TOKEN_DOCUMENT = TOKEN | {"provider": str, "state": str}
LAST_ERROR = {"class": str, "code": str, "description": _TEXT, "status": (int, type(None)), "at": str}
TOKEN_TEST = {"provider": str, "ok": (bool, type(None)), "verdict": str, "reason": (str, type(None)),
              "kind": str, "status": (int, type(None)), "latency_ms": (int, float)}
TOKEN_REVOKE = {"provider": str, "revoked": bool, "remote": str}

NOTIFICATION = {
    "id": str, "name": str, "enabled": bool, "paused": bool, "events": list, "method": str, "url": str,
    "headers": dict, "header_encoding": str, "parameters": dict, "content_type": str, "body_template": _TEXT, "auth": dict,
    "signing_secret": _TEXT, "timeout_ms": int, "retry": dict, "max_in_flight": int,
    "rate_per_s": (int, float, type(None)), "breaker": dict, "order_by": _TEXT,
    "success": (dict, str, type(None)), "created_at": str, "updated_at": str,
}
RETRY = {"schedule_s": list, "max_age_s": (int, type(None)), "reject": list, "jitter_percent": int}
BREAKER = {"enabled": bool, "failure_percent": int, "min_attempts": int, "window_s": int, "open_s": int,
           "max_open_s": int}
PREVIEW = {"method": str, "url": str, "headers": dict, "body": _TEXT, "warnings": list}

FIRED = {"id": str, "duplicate": bool, "callouts": list}
EVENT = {"id": str, "type": str, "key": _TEXT, "occurred_at": str, "received_at": str,
         "callouts": list, "unmatched": list}
IMPORT = {"accepted": int, "duplicates": int, "rejected": list}
CALLOUT = {"id": str, "event_id": str, "notification": str, "provider": _TEXT, "state": str,
           "reason": _TEXT, "due_at": _TEXT, "attempts": list}
ATTEMPT = {"number": int, "resend": bool, "started_at": str, "duration_ms": int,
           "status": (int, type(None)), "outcome": str, "error": _TEXT,
           "token_generation": (int, type(None)), "response_excerpt": _TEXT}
STATS = {"events": int, "callouts": dict, "oldest_pending_s": (int, float, type(None)),
         "notifications": list, "providers": list}
LANE = {"name": str, "state": str, "pending": int, "claimed": int, "in_flight": int, "delivered": int, "dead": int,
        "breaker": str}
PROVIDER_STATS = {"name": str, "state": str, "token_requests": int}
CALLOUT_STATES = ("pending", "claimed", "in_flight", "delivered", "dead", "cancelled")
