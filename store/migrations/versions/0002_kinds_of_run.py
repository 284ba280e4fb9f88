"""Settings of definitions, kinds of run, plans and full reports"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # Plain additions: no table is rebuilt, however long the history is.
    op.add_column("job_definition", sa.Column("settings", sa.JSON(), nullable=False, server_default=sa.text("'{}'")))
    op.add_column(
        "job_definition", sa.Column("source_identity", sa.String(), nullable=False, server_default=sa.text("''"))
    )
    op.add_column("job_run", sa.Column("kind", sa.String(64), nullable=False, server_default=sa.text("'Copy'")))
    op.add_column(
        "job_run",
        sa.Column("plan_run_id", _KEY, sa.ForeignKey("job_run.id", ondelete="SET NULL"), nullable=True),
        inline_references=True,
    )
    op.create_index("ix_job_run_plan_run_id", "job_run", ["plan_run_id"], unique=False)
    op.add_column("job_run", sa.Column("plan_number", sa.Integer(), nullable=True))
    op.add_column("job_run", sa.Column("overrides", sa.JSON(), nullable=False, server_default=sa.text("'[]'")))
    op.add_column("job_run", sa.Column("report", sa.Boolean(), nullable=False, server_default=sa.false()))

    op.create_table(
        "run_report",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("run_id", _KEY, nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("items", _KEY, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["job_run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_run_report_run", "run_report", ["run_id", "id"], unique=False)
