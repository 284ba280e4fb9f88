"""What the database keeps up to date by itself, whoever writes: totals of ended runs, and what came of the latest one.

Triggers, because agents may not write these themselves and because nothing that is written in bulk may be left out.
Sums take what changed and no more: they hold however often a row is written in a transaction. On a server the sums of
a run that ends are made when its transaction commits, so that no lock on them is held while others are waited for.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from store.models import COUNTER_FIELDS
from store.postgres.place import SCHEMA
from store.vocabulary import DefinitionState

_ENDED = "status IN ('Canceled', 'Failed', 'Succeeded')"
_KEY = "mover_id, kind, status"
_SUMS = ", ".join(COUNTER_FIELDS)


def install(connection: Connection) -> None:
    """(Re)make the triggers: a table that a migration rebuilds loses its own."""
    statements = _server() if connection.dialect.name == "postgresql" else _file()
    for statement in statements:
        connection.exec_driver_sql(statement)


def _add(row: str, totals: str) -> str:
    """Count one run in."""
    values = ", ".join(f"{row}.{name}" for name in ("mover_id", "kind", "status"))
    sums = ", ".join(f"{row}.{name}" for name in COUNTER_FIELDS)
    return (
        f"INSERT INTO {totals} ({_KEY}, runs, {_SUMS}) SELECT {values}, 1, {sums} WHERE {row}.{_ENDED} "
        f"ON CONFLICT ({_KEY}) DO UPDATE SET {_plus('run_totals')}"
    )


def _plus(totals: str) -> str:
    return ", ".join(f"{name} = {totals}.{name} + excluded.{name}" for name in ("runs", *COUNTER_FIELDS))


def _subtract(row: str, totals: str) -> str:
    """Count one run out; of those that have not ended there is no row."""
    less = ", ".join(f"{name} = {name} - {row}.{name}" for name in COUNTER_FIELDS)
    same = " AND ".join(f"{name} = {row}.{name}" for name in ("mover_id", "kind", "status"))
    return f"UPDATE {totals} SET runs = runs - 1, {less} WHERE {same}"


def _latest(row: str, definitions: str) -> str:
    """Tell a definition what came of its latest run, when it is this one."""
    return (
        f"UPDATE {definitions} SET latest_state = {row}.status, latest_ended = coalesce({row}.execution_end_time, 0) "
        f"WHERE id = {row}.definition_id AND latest_run_id = {row}.id AND {row}.{_ENDED} "
        f"AND (latest_state <> {row}.status OR latest_ended <> coalesce({row}.execution_end_time, 0))"
    )


_COUNTED = f"mover_id, kind, status, execution_end_time, {_SUMS}"
_STATE = f"CASE WHEN r.{_ENDED} THEN r.status ELSE '{DefinitionState.ACTIVE}' END"
_WHEN = f"CASE WHEN r.{_ENDED} THEN coalesce(r.execution_end_time, 0) ELSE 0 END"


def _file() -> list[str]:
    names = ("totals_job_run_i", "totals_job_run_u", "totals_job_run_d", "latest_job_definition_u")
    of_run = "FROM job_run r WHERE r.id = NEW.latest_run_id"
    return [
        *(f"DROP TRIGGER IF EXISTS {name}" for name in names),
        f"CREATE TRIGGER totals_job_run_i AFTER INSERT ON job_run WHEN NEW.{_ENDED} "
        f"BEGIN {_add('NEW', 'run_totals')}; END",
        f"CREATE TRIGGER totals_job_run_u AFTER UPDATE OF {_COUNTED} ON job_run "
        f"WHEN NEW.{_ENDED} OR OLD.{_ENDED} BEGIN {_subtract('OLD', 'run_totals')}; {_add('NEW', 'run_totals')}; "
        f"{_latest('NEW', 'job_definition')}; END",
        f"CREATE TRIGGER totals_job_run_d AFTER DELETE ON job_run WHEN OLD.{_ENDED} "
        f"BEGIN {_subtract('OLD', 'run_totals')}; END",
        "CREATE TRIGGER latest_job_definition_u AFTER UPDATE OF latest_run_id ON job_definition "
        f"BEGIN UPDATE job_definition SET latest_state = coalesce((SELECT {_STATE} {of_run}), "
        f"'{DefinitionState.NEVER}'), latest_ended = coalesce((SELECT {_WHEN} {of_run}), 0) WHERE id = NEW.id; END",
    ]


def _server() -> list[str]:
    totals, definitions = f"{SCHEMA}.run_totals", f"{SCHEMA}.job_definition"
    summed = ", ".join(f"sum({name})" for name in COUNTER_FIELDS)
    less = ", ".join(f"{name} = t.{name} - gone.{name}" for name in ("runs", *COUNTER_FIELDS))
    grouped = f"count(*) AS runs, {', '.join(f'sum({name}) AS {name}' for name in COUNTER_FIELDS)}"
    return [
        _function(
            "count_added_runs",
            f"INSERT INTO {totals} ({_KEY}, runs, {_SUMS}) SELECT {_KEY}, count(*), {summed} FROM added WHERE {_ENDED} "
            f"GROUP BY {_KEY} ON CONFLICT ({_KEY}) DO UPDATE SET {_plus('run_totals')}; RETURN NULL;",
        ),
        _function(
            "count_gone_runs",
            f"UPDATE {totals} t SET {less} FROM (SELECT {_KEY}, {grouped} FROM gone_runs WHERE {_ENDED} "
            f"GROUP BY {_KEY}) gone WHERE (t.mover_id, t.kind, t.status) = (gone.mover_id, gone.kind, gone.status); "
            "RETURN NULL;",
        ),
        _function(
            "count_ended_run",
            f"{_subtract('OLD', totals)}; {_add('NEW', totals)}; {_latest('NEW', definitions)}; RETURN NULL;",
        ),
        _function(
            "latest_of_definition",
            f"SELECT {_STATE}, {_WHEN} INTO NEW.latest_state, NEW.latest_ended FROM {SCHEMA}.job_run r "
            f"WHERE r.id = NEW.latest_run_id; IF NOT FOUND THEN NEW.latest_state := '{DefinitionState.NEVER}'; "
            "NEW.latest_ended := 0; END IF; RETURN NEW;",
        ),
        "DROP TRIGGER IF EXISTS totals_job_run_i ON job_run",
        "DROP TRIGGER IF EXISTS totals_job_run_u ON job_run",
        "DROP TRIGGER IF EXISTS totals_job_run_d ON job_run",
        "DROP TRIGGER IF EXISTS latest_job_definition_u ON job_definition",
        "CREATE TRIGGER totals_job_run_i AFTER INSERT ON job_run REFERENCING NEW TABLE AS added "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.count_added_runs()",
        f"CREATE CONSTRAINT TRIGGER totals_job_run_u AFTER UPDATE OF {_COUNTED} ON job_run "
        f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.{_ENDED} OR OLD.{_ENDED}) "
        f"EXECUTE FUNCTION {SCHEMA}.count_ended_run()",
        "CREATE TRIGGER totals_job_run_d AFTER DELETE ON job_run REFERENCING OLD TABLE AS gone_runs "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.count_gone_runs()",
        "CREATE TRIGGER latest_job_definition_u BEFORE UPDATE OF latest_run_id ON job_definition "
        f"FOR EACH ROW EXECUTE FUNCTION {SCHEMA}.latest_of_definition()",
    ]


def _function(name: str, body: str) -> str:
    """A trigger's function with its owner's rights: who may end a run need not be allowed to write what follows."""
    return (
        f"CREATE OR REPLACE FUNCTION {SCHEMA}.{name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
        f"SET search_path = pg_catalog, pg_temp AS $$ BEGIN {body} END $$"
    )
