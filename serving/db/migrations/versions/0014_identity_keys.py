"""The key that proves who acts (HMAC-SHA256 by RFC 2104, inner and outer padded key)."""

from alembic import op

revision = "2026_11_28_identity"
down_revision = "2026_11_28_chained_contents"

TABLES = """
CREATE TABLE triage.identity_keys (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  inner_pad bytea NOT NULL CHECK (length(inner_pad) = 64),
  outer_pad bytea NOT NULL CHECK (length(outer_pad) = 64)
);
"""


def upgrade() -> None:
    """Change the tables; no row is removed."""
    op.execute(TABLES)
