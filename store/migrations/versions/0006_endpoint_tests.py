"""Tests of endpoints by agents"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PARENTS = {"mover_id": "storage_mover", "endpoint_id": "endpoint", "agent_id": "agent"}


def upgrade() -> None:
    op.create_table(
        "endpoint_test",
        sa.Column("id", _KEY, nullable=False),
        *(sa.Column(name, _KEY, nullable=False) for name in _PARENTS),
        sa.Column("permission", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("properties", sa.JSON(), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        *(sa.ForeignKeyConstraint([name], [f"{table}.id"], ondelete="CASCADE") for name, table in _PARENTS.items()),
        sa.PrimaryKeyConstraint("id"),
    )
    for name in _PARENTS:
        op.create_index(f"ix_endpoint_test_{name}", "endpoint_test", [name], unique=False)
    is_open = sa.text("ended_at IS NULL")
    op.create_index(
        "ix_endpoint_test_open",
        "endpoint_test",
        ["agent_id", "endpoint_id"],
        unique=False,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
