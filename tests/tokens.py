"""Tokens as HMPPS Auth would sign them, and a provider that only has keys."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from serving.web.oidc import ROLES

KEY, OTHER = RSAKey.generate_key(2048), RSAKey.generate_key(2048)


class Discovery(BaseHTTPRequestHandler):
    """A provider's discovery document and its keys."""

    def do_GET(self) -> None:
        """Answer the two addresses that are asked."""
        issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
        about = {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/jwks",
            "authorization_endpoint": f"{issuer}/auth",
            "token_endpoint": f"{issuer}/token",
        }
        keys = KeySet([KEY]).as_dict(private=False)
        body = json.dumps(keys if self.path == "/jwks" else about).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def provider_of_keys() -> Iterator[str]:
    """The address of a provider that only has keys."""
    server = HTTPServer(("127.0.0.1", 0), Discovery)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def named(role: str, name: str) -> dict[str, Any]:
    """Claims of a person in a role; of a service's own token for the role of services."""
    roles = [ROLES[role]]
    if role == "batch":
        return {
            "user_name": None,
            "client_id": name,
            "grant_type": "client_credentials",
            "authorities": roles,
        }
    return {"user_name": name, "authorities": roles}


def token(issuer: str, key: RSAKey = KEY, **changes: Any) -> str:
    """A token as HMPPS Auth would sign it."""
    claims = {
        "iss": issuer,
        "aud": "rosh-triage-api",
        "exp": int(time.time()) + 60,
        "user_name": "X",
        "authorities": ["ROLE_ROSH_TRIAGE__SPO"],
    } | changes
    claims_present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": "RS256", "kid": key.thumbprint()}, claims_present, key)
