"""How long details are kept, and where retention finds its work"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_DUE = {
    "ix_job_run_thin": "thinned_at IS NULL AND execution_end_time IS NOT NULL",
    "ix_job_run_expire_items": "expired_at IS NULL AND execution_end_time IS NOT NULL",
    "ix_job_run_expire_report": "report_expired_at IS NULL AND execution_end_time IS NOT NULL",
    "ix_job_run_expire_samples": "samples_expired_at IS NULL AND execution_end_time IS NOT NULL",
}


def upgrade() -> None:
    # Plain additions: no table is rebuilt, however long the history is.
    op.add_column("job_run", sa.Column("report_expired_at", sa.BigInteger(), nullable=True))
    op.add_column("job_run", sa.Column("samples_expired_at", sa.BigInteger(), nullable=True))
    op.add_column("job_run", sa.Column("expiring", sa.Boolean(), nullable=False, server_default=sa.false()))
    for name, due in _DUE.items():
        op.create_index(
            name,
            "job_run",
            ["execution_end_time", "id"],
            unique=False,
            sqlite_where=sa.text(due),
            postgresql_where=sa.text(due),
        )
    unfinished = sa.text("expiring")
    op.create_index(
        "ix_job_run_expiring",
        "job_run",
        ["id"],
        unique=False,
        sqlite_where=unfinished,
        postgresql_where=unfinished,
    )
    op.create_table(
        "retention",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("items_days", sa.Integer(), nullable=False),
        sa.Column("reports_days", sa.Integer(), nullable=False),
        sa.Column("samples_days", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute("INSERT INTO retention (id, items_days, reports_days, samples_days) VALUES (1, 90, 90, 90)")
