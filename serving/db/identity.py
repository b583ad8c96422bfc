"""Proves to the database who acts: a user name and an expiry, signed with a secret key.

The key is drawn from the secret of sessions; `migrate` brings its padded halves to the database,
where `triage.app_user()` checks the proof. Whoever has the password of the web role alone is
nobody.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

from sqlalchemy import Connection, text

from features import clock

LASTS = timedelta(hours=1)
"""Longer than any request; a proof that was overheard is of use no longer."""
BLOCK = 64
OPTION = "rosh_identity_key"
"""The execution option of an engine that may act in people's names."""
_SIGN = text(
    "SELECT set_config('rosh.username', :who, true), set_config('rosh.until', :until, true),"
    " set_config('rosh.proof', :proof, true)"
)


def key_from(secret: str) -> bytes:
    """The key for proofs of identity, derived from the session secret, which also signs cookies."""
    return hmac.new(secret.encode(), b"rosh-triage identity", hashlib.sha256).digest()


def hmac_pads(key: bytes) -> tuple[bytes, bytes]:
    """The inner and outer padded keys of HMAC-SHA256 (RFC 2104), which the database stores."""
    whole = key.ljust(BLOCK, b"\0")
    return bytes(b ^ 0x36 for b in whole), bytes(b ^ 0x5C for b in whole)


def prove_identity(connection: Connection, who: str) -> None:
    """Prove to the database, for this transaction, which user acts."""
    key = connection.get_execution_options().get(OPTION)
    if key is None:
        raise RuntimeError("This engine acts in nobody's name.")
    until = str(int((clock.now() + LASTS).timestamp()))
    proof = hmac.new(key, f"{who}|{until}".encode(), hashlib.sha256).hexdigest()
    connection.execute(_SIGN, {"who": who, "until": until, "proof": proof})


def keep_key(connection: Connection, key: bytes) -> None:
    """Store the padded key that proves identities in the database; only its owner may."""
    inner, outer = hmac_pads(key)
    connection.execute(
        text(
            "INSERT INTO triage.identity_keys (inner_pad, outer_pad) VALUES (:inner, :outer)"
            " ON CONFLICT (single) DO UPDATE"
            " SET inner_pad = EXCLUDED.inner_pad, outer_pad = EXCLUDED.outer_pad"
        ),
        {"inner": inner, "outer": outer},
    )


def take_back(connection: Connection) -> None:
    """Withdraw the proof of identity: act as no user for the rest of the transaction."""
    connection.execute(_SIGN, {"who": "", "until": "", "proof": ""})


def accepts_key(connection: Connection) -> bool:
    """Whether the database accepts proofs made with the key of this engine."""
    prove_identity(connection, "probe")
    return connection.execute(text("SELECT triage.app_user()")).scalar() == "probe"
