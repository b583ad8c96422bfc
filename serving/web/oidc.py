"""Signs users in with an OpenID Connect provider: code flow with PKCE, and bearer tokens.

Claims and role names are those of HMPPS Auth: `user_name`, and `authorities` such as
ROLE_ROSH_TRIAGE__SPO. The token says who it is and which roles were granted; the unit comes from
the table of users, and a role counts only where both say it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from features.errors import SetupProblem, UserError
from serving.settings import Oidc

SECONDS = 5
KEYS_FOR = 600.0
ALGORITHMS = ["RS256", "ES256", "PS256"]
ROLES = {
    "spo": "ROLE_ROSH_TRIAGE__SPO",
    "head": "ROLE_ROSH_TRIAGE__HEAD",
    "practitioner": "ROLE_ROSH_TRIAGE__PRACTITIONER",
    "board": "ROLE_ROSH_TRIAGE__BOARD",
    "analyst": "ROLE_ROSH_TRIAGE__ANALYST",
    "inspector": "ROLE_ROSH_TRIAGE__AFTER_THE_EVENT",
    "batch": "ROLE_ROSH_TRIAGE__BATCH__RO",
}


class NotLetIn(UserError):
    """The provider refused the sign-in, or its answer is not valid."""


@dataclass(frozen=True)
class Claims:
    """The user of a token, and the roles that it grants."""

    username: str
    authorities: frozenset[str]
    person: bool
    """A person signed in; otherwise the token is a service's own."""

    def grants_role(self, role: str) -> bool:
        """Whether the token grants the role, of a person or of a service."""
        return ROLES[role] in self.authorities and (role == "batch") != self.person


@dataclass
class Provider:
    """An OpenID Connect provider, discovered by its issuer; its keys are refreshed when needed."""

    settings: Oidc
    _about: dict[str, Any] = field(default_factory=dict)
    _keys: KeySet | None = None
    _fetched: float = 0.0

    def sign_in_address(self, state: str, nonce: str, verifier: str) -> str:
        """The provider's sign-in address with state, nonce and code challenge (S256)."""
        with self._oauth_client() as client:
            url, _ = client.create_authorization_url(
                self.discovery_document["authorization_endpoint"],
                state=state,
                nonce=nonce,
                code_verifier=verifier,
            )
        return str(url)

    def signed_in(self, code: str, nonce: str, verifier: str) -> Claims:
        """The claims of the user who returned with a code; raises NotLetIn where not valid."""
        try:
            with self._oauth_client() as client:
                token = client.fetch_token(
                    self.discovery_document["token_endpoint"],
                    code=code,
                    code_verifier=verifier,
                    timeout=SECONDS,
                )
        except (AuthlibBaseError, requests.RequestException) as error:
            raise NotLetIn("Signing in did not work. Try again.") from error
        claims = self._decode_token(str(token.get("id_token", "")), aud=self.settings.client_id)
        if claims.get("nonce") != nonce:
            raise NotLetIn("Signing in did not work. Try again.")
        return self._claims_of(claims)

    def read_bearer(self, token: str) -> Claims:
        """The claims of a bearer token that is signed by the provider and has not expired.

        Only tokens issued for this service (ROSH_API_AUDIENCE) are accepted; ID tokens are not.
        """
        if self.settings.audience is None:
            raise NotLetIn("The API is closed here: ROSH_API_AUDIENCE is not set.")
        claims = self._decode_token(token, aud=self.settings.audience)
        if "nonce" in claims:
            raise NotLetIn("That token was made for signing in, not for the API.")
        return self._claims_of(claims)

    @property
    def discovery_document(self) -> dict[str, Any]:
        """The provider's discovery document, fetched once."""
        if not self._about:
            where = f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
            document = self._fetch_json(where)
            if not isinstance(document, dict) or document.get("issuer") != self.settings.issuer:
                raise SetupProblem(
                    "The provider of sign-in names another issuer than ROSH_OIDC_ISSUER. Set it "
                    "to exactly what the provider says of itself."
                )
            self._about = document
        return self._about

    def _decode_token(self, token: str, aud: str | None) -> dict[str, Any]:
        """The claims of a token, with issuer, expiry and audience checked."""
        required_claims: dict[str, Any] = {
            "iss": {"essential": True, "value": self.discovery_document["issuer"]},
            "exp": {"essential": True},
        }
        if aud:
            required_claims["aud"] = {"essential": True, "value": aud}
        for fresh in (False, True):
            try:
                claims = jwt.decode(token, self._read_keyset(fresh=fresh), algorithms=ALGORITHMS)
                jwt.JWTClaimsRegistry(leeway=30, **required_claims).validate(claims.claims)
            except (JoseError, ValueError, TypeError) as error:
                # TypeError: what a token's header holds need not be of the kind that it must be.
                # A key that is not known may be a new one: fetched once more, then refused.
                if fresh or time.monotonic() - self._fetched < SECONDS:
                    raise NotLetIn("The token does not hold, or has run out.") from error
            else:
                return dict(claims.claims)
        raise NotLetIn("The token does not hold.")

    def _read_keyset(self, *, fresh: bool) -> KeySet:
        old = time.monotonic() - self._fetched > KEYS_FOR
        if self._keys is None or fresh or old:
            self._keys = KeySet.import_key_set(
                self._fetch_json(self.discovery_document["jwks_uri"])
            )
            self._fetched = time.monotonic()
        return self._keys

    def _fetch_json(self, url: str) -> Any:
        try:
            answer = requests.get(url, timeout=SECONDS)
            answer.raise_for_status()
            return answer.json()
        except (requests.RequestException, ValueError) as error:
            raise SetupProblem(
                "The provider of sign-in cannot be reached. Check ROSH_OIDC_ISSUER, and that it "
                "is up."
            ) from error

    def _claims_of(self, claims: dict[str, Any]) -> Claims:
        """The user and roles in a token's claims: `user_name` for a person, else the client.

        One claim names a person, and no other stands in for it: a name that its owner can change
        must not become somebody else's.
        """
        name = claims.get(self.settings.username_claim)
        person = name is not None and claims.get("grant_type") != "client_credentials"
        username = name if person else claims.get("client_id")
        if not isinstance(username, str) or not username:
            raise NotLetIn("The token names nobody.")
        granted = claims.get("authorities")
        listed = granted if isinstance(granted, list) else []
        return Claims(username, frozenset(r for r in listed if isinstance(r, str)), person)

    def _oauth_client(self) -> Any:
        return OAuth2Session(
            self.settings.client_id,
            self.settings.client_secret,
            scope="openid",
            redirect_uri=f"{self.settings.public_url}/sign-in/callback",
            code_challenge_method="S256",
        )
