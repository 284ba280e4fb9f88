"""What the lists need to cost the same at any size"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ENDED = "status IN ('Canceled', 'Failed', 'Succeeded')"
_ACTIVE = "status NOT IN ('Canceled', 'Failed', 'Succeeded')"
_COUNTERS = tuple(
    f"{unit}_{word}"
    for unit in ("items", "bytes")
    for word in (
        "scanned",
        "transferred",
        "no_transfer_needed",
        "excluded",
        "unsupported",
        "failed",
        "changed",
        "deleted",
        "delete_withheld",
    )
)


def upgrade() -> None:
    # Plain additions: no table is rebuilt, however long the history is.
    empty, nothing = sa.text("''"), sa.text("0")
    op.add_column("job_definition", sa.Column("project_name", sa.String(64), nullable=False, server_default=empty))
    op.add_column(
        "job_definition", sa.Column("latest_state", sa.String(64), nullable=False, server_default=sa.text("'Never'"))
    )
    op.add_column("job_definition", sa.Column("latest_ended", sa.BigInteger(), nullable=False, server_default=nothing))
    op.add_column("job_run", sa.Column("source_id", _KEY, nullable=False, server_default=nothing))
    op.add_column("job_run", sa.Column("target_id", _KEY, nullable=False, server_default=nothing))
    op.create_table(
        "run_totals",
        *(sa.Column(name, _KEY, nullable=False) for name in _COUNTERS),
        sa.Column("mover_id", _KEY, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("status", sa.String(64), nullable=False),
        sa.Column("runs", _KEY, nullable=False),
        sa.ForeignKeyConstraint(["mover_id"], ["storage_mover.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("mover_id", "kind", "status"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute('ALTER TABLE job_definition ALTER COLUMN project_name TYPE VARCHAR(64) COLLATE "C"')
    else:
        # Whoever follows the feed has nothing to learn from the filling of new columns.
        for table in ("job_definition", "job_run"):
            op.execute(f"DROP TRIGGER IF EXISTS feed_{table}_u")
    _fill()
    _index()


def _fill() -> None:
    op.execute(
        f"""UPDATE job_definition SET
                project_name = (SELECT p.name FROM project p WHERE p.id = job_definition.project_id),
                latest_state = coalesce((SELECT CASE WHEN r.{_ENDED} THEN r.status ELSE 'Active' END
                    FROM job_run r WHERE r.id = job_definition.latest_run_id), 'Never'),
                latest_ended = coalesce((SELECT r.execution_end_time FROM job_run r
                    WHERE r.id = job_definition.latest_run_id AND r.{_ENDED}), 0)"""
    )
    op.execute(
        """UPDATE job_run SET
               source_id = (SELECT d.source_id FROM job_definition d WHERE d.id = job_run.definition_id),
               target_id = (SELECT d.target_id FROM job_definition d WHERE d.id = job_run.definition_id)"""
    )
    op.execute(
        f"""INSERT INTO run_totals (mover_id, kind, status, runs, {", ".join(_COUNTERS)})
            SELECT mover_id, kind, status, count(*), {", ".join(f"sum({name})" for name in _COUNTERS)}
            FROM job_run WHERE {_ENDED} GROUP BY mover_id, kind, status"""
    )


def _index() -> None:
    for table, names in {
        "job_run": ("mover_id", "project_id", "definition_id", "agent_id"),
        "job_definition": ("mover_id", "project_id", "source_id", "target_id"),
    }.items():
        for name in names:  # others begin with the same column
            op.drop_index(f"ix_{table}_{name}", table)
    for scope in ("mover", "project", "definition", "agent", "source", "target"):
        name, column = f"ix_job_run_{scope}", f"{scope}_id"
        if scope in ("agent", "source", "target"):
            op.create_index(name, "job_run", [column, "id"])
        _partial(f"{name}_status", "job_run", _ENDED, column, "status", "id")
        _partial(f"{name}_bytes", "job_run", _ENDED, column, "status", "bytes_transferred", "id")
        _partial(f"{name}_failed", "job_run", f"{_ENDED} AND items_failed <> 0", column, "status", "items_failed", "id")
    for scope in ("agent", "project"):
        _partial(f"ix_job_run_active_{scope}", "job_run", _ACTIVE, f"{scope}_id", "status", "id")
    op.create_index("ix_job_definition_path", "job_definition", ["mover_id", "project_name", "name", "id"])
    for scope, columns in {
        "mover": ["mover_id"],
        "project": ["project_id"],
        "source": ["source_id"],
        "target": ["target_id"],
        "agent": ["mover_id", "agent_name"],
    }.items():
        name, also = f"ix_job_definition_{scope}", ["source_id"] if scope == "target" else []
        op.create_index(
            f"{name}_state", "job_definition", [*columns, "latest_state", "project_name", "name", "id", *also]
        )
        op.create_index(f"{name}_ended", "job_definition", [*columns, "latest_state", "latest_ended", "id"])
    op.create_index("ix_endpoint_type", "endpoint", ["mover_id", "endpoint_type", "name"])
    op.create_index("ix_run_item_outcome", "run_item", ["run_id", "fence", "outcome", "id"])
    op.create_index("ix_run_item_size", "run_item", ["run_id", "fence", "outcome", "size", "id"])
    _partial("ix_access_grant_open", "access_grant", "ended_at IS NULL", "agent_id", "endpoint_id")


def _partial(name: str, table: str, condition: str, *columns: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, list(columns), sqlite_where=where, postgresql_where=where)
