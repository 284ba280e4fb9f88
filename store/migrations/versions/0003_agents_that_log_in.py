"""Agents with logins of their own, tokens that renew an agent, and what retention has done to a run"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAMED = ("storage_mover", "agent", "endpoint", "connection", "project", "job_definition")


def upgrade() -> None:
    # Plain additions: no table is rebuilt, however long the history is.
    empty = sa.text("''")
    op.add_column("agent", sa.Column("db_role", sa.String(), nullable=False, server_default=empty))
    op.add_column("registration_token", sa.Column("db_role", sa.String(), nullable=False, server_default=empty))
    has_login = sa.text("db_role <> ''")
    for table in ("agent", "registration_token"):
        op.create_index(
            f"uq_{table}_db_role",
            table,
            ["db_role"],
            unique=True,
            sqlite_where=has_login,
            postgresql_where=has_login,
        )
    op.add_column(
        "registration_token",
        sa.Column("agent_id", _KEY, sa.ForeignKey("agent.id", ondelete="CASCADE"), nullable=True),
        inline_references=True,
    )
    op.create_index("ix_registration_token_agent_id", "registration_token", ["agent_id"], unique=False)
    op.add_column("job_run", sa.Column("thinned_at", sa.BigInteger(), nullable=True))
    op.add_column("job_run", sa.Column("expired_at", sa.BigInteger(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        # Names sort as bytes everywhere: keyset windows compare them in Python's order too.
        for table in _NAMED:
            op.execute(f'ALTER TABLE {table} ALTER COLUMN name TYPE VARCHAR(64) COLLATE "C"')
        # Which transaction wrote a change: revisions are not in the order of commits here.
        op.execute("ALTER TABLE change ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id()")
        op.execute("CREATE INDEX ix_change_xid ON change (xid, rev)")
