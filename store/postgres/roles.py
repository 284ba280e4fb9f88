"""What ``longshore store init`` prepares in a database: the roles of admins and agents, and the store's schema.

The script is for a database administrator to read. It needs a superuser, or a role with CREATEROLE that may
create in the database. Running it again changes nothing but what is missing.
"""

from __future__ import annotations

import re
from typing import Any

from store.errors import Conflict, InvalidInput, StoreUnavailable
from store.postgres.place import SCHEMA, PostgresPlace
from store.postgres.trust_functions import TRUST_SCHEMA, trust_functions

DEFAULT_PREFIX = "longshore"
_PREFIX = re.compile(r"[a-z][a-z0-9_]{0,39}")

_ROLES = """\
-- The roles. Nobody logs in as one of these: they are given to those who do.
--   {p}_admin      owns the store; give it to the people who run migrations
--   {p}_agent      what a registered agent may do, confined to its own by row-level security
--   {p}_registrar  what the holder of a registration token may do: register one agent
--   {p}_trust      owns the few functions that make and end the logins of agents, and nothing else
DO $init$
DECLARE
  role record;
BEGIN
  FOR role IN SELECT * FROM (VALUES
    ('{p}_admin', 'INHERIT NOCREATEROLE'),
    ('{p}_agent', 'INHERIT NOCREATEROLE'),
    ('{p}_registrar', 'INHERIT NOCREATEROLE'),
    ('{p}_trust', 'NOINHERIT CREATEROLE')) AS wanted (name, attributes)
  LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role.name) THEN
      EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN %s', role.name, role.attributes);
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role.name
               AND (rolcanlogin OR rolsuper OR rolbypassrls OR rolcreaterole <> (role.name = '{p}_trust'))) THEN
      RAISE EXCEPTION 'The role % is not one that this script made: choose another --prefix.', role.name;
    END IF;
  END LOOP;
END $init$;"""

_LEND = """\
-- To make what belongs to these roles, whoever runs this has to be a member of them for as long as it takes.
DO $init$
DECLARE
  name text;
  may boolean;
BEGIN
  FOREACH name IN ARRAY ARRAY['{p}_admin', '{p}_trust'] LOOP
    IF pg_catalog.current_setting('server_version_num')::int >= 160000 THEN
      may := pg_catalog.pg_has_role(current_user, name, 'SET') AND pg_catalog.pg_has_role(current_user, name, 'USAGE');
    ELSE
      may := pg_catalog.pg_has_role(current_user, name, 'MEMBER');
    END IF;
    IF NOT may THEN
      EXECUTE pg_catalog.format('GRANT %I TO CURRENT_USER', name);
      PERFORM pg_catalog.set_config('longshore.lent_' || name, 'yes', true);
    END IF;
  END LOOP;
END $init$;"""

_RETURN = """\
-- What was lent for this script is given back.
DO $init$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['{p}_admin', '{p}_trust'] LOOP
    IF pg_catalog.current_setting('longshore.lent_' || name, true) = 'yes' THEN
      EXECUTE pg_catalog.format('REVOKE %I FROM CURRENT_USER', name);
    END IF;
  END LOOP;
END $init$;"""

_SCHEMA = """\
-- The store lives in a schema of its own. Everybody else gets nothing on it.
DO $init$
DECLARE
  owner text;
BEGIN
  SELECT pg_catalog.pg_get_userbyid(nspowner) INTO owner FROM pg_catalog.pg_namespace WHERE nspname = '{s}';
  IF owner IS NULL THEN
    CREATE SCHEMA {s} AUTHORIZATION {p}_admin;
  ELSIF owner <> '{p}_admin' THEN
    RAISE EXCEPTION 'The schema {s} belongs to the role %: give the --prefix that it was made with.', owner;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = '{t}') THEN
    CREATE SCHEMA {t} AUTHORIZATION {p}_trust;
  END IF;
END $init$;
SET LOCAL ROLE {p}_admin;
REVOKE ALL ON SCHEMA {s} FROM PUBLIC;
GRANT USAGE ON SCHEMA {s} TO {p}_agent, {p}_registrar;
RESET ROLE;"""

_DATABASE = """\
-- The database itself: the roles may connect, and (before PostgreSQL 15, which does so by itself) not
-- everybody may create tables in the schema "public".
DO $init$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['{p}_admin', '{p}_agent', '{p}_registrar'] LOOP
    IF NOT pg_catalog.has_database_privilege(name, pg_catalog.current_database(), 'CONNECT') THEN
      EXECUTE pg_catalog.format('GRANT CONNECT ON DATABASE %I TO %I', pg_catalog.current_database(), name);
    END IF;
  END LOOP;
  IF pg_catalog.current_setting('server_version_num')::int < 150000
     AND EXISTS (SELECT FROM pg_catalog.pg_namespace
                 WHERE nspname = 'public' AND pg_catalog.pg_has_role(current_user, nspowner, 'USAGE')) THEN
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
  END IF;
END $init$;"""

_ADMIN_OPTION = """\
-- Its functions make logins that are agents or registrars, and no others.
DO $init$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['{p}_agent', '{p}_registrar'] LOOP
    IF NOT EXISTS (
      SELECT FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r ON r.oid = m.roleid
        JOIN pg_catalog.pg_roles t ON t.oid = m.member
      WHERE r.rolname = name AND t.rolname = '{p}_trust' AND m.admin_option) THEN
      EXECUTE pg_catalog.format('GRANT %I TO {p}_trust WITH ADMIN OPTION', name);
    END IF;
  END LOOP;
END $init$;"""


def init_statements(prefix: str = DEFAULT_PREFIX) -> list[str]:
    """The statements that prepare a database for a store, to be run in one transaction.

    Args:
        prefix: what the names of the roles begin with; roles belong to the whole server, so that stores of
            different people on one server need different ones.

    Raises:
        InvalidInput: the prefix is not a name that needs no quoting.
    """
    if not _PREFIX.fullmatch(prefix):
        raise InvalidInput(
            f"'{prefix}' cannot begin the names of roles: write lower-case letters, digits and underscores, a letter "
            "first, 40 characters at most."
        )
    # Not str.format: the texts are full of the server's own braces and percent signs.
    names = {"{p}": prefix, "{s}": SCHEMA, "{t}": TRUST_SCHEMA}
    texts = [_ROLES, _LEND, _SCHEMA, _DATABASE, _ADMIN_OPTION, *trust_functions(), _RETURN]
    return [re.sub(r"\{[pst]\}", lambda found: names[found[0]], text) for text in texts]


def init_script(prefix: str = DEFAULT_PREFIX) -> str:
    """The same as one text for psql: all of it or nothing."""
    parts = ["-- Prepares a PostgreSQL database (14 or later) for a Longshore store. It can be run again.", "BEGIN;"]
    return "\n\n".join([*parts, *init_statements(prefix), "COMMIT;"]) + "\n"


def prepare_database(place: PostgresPlace, prefix: str = DEFAULT_PREFIX) -> str:
    """Run the statements on a database; its name.

    Raises:
        InvalidInput: the prefix is none. Conflict: roles or a schema of these names are somebody else's.
        StoreUnavailable: this login may not, or the server is out of reach; nothing was changed.
    """
    statements = init_statements(prefix)
    from store.postgres.connecting import connect

    connection = connect(place, autocommit=False)
    import psycopg

    from store.postgres.errors import named

    try:
        with connection:
            for statement in statements:
                connection.execute(statement.encode())
            return str(connection.info.dbname)
    except psycopg.errors.RaiseException as error:
        raise Conflict(str(error.diag.message_primary), code="StoreNotOurs") from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise StoreUnavailable(
            f"This login may not prepare '{place.url}' ({error.diag.message_primary}): use a superuser, or a role with "
            "CREATEROLE that may create in the database.",
            code="StoreForbidden",
        ) from error
    except psycopg.Error as error:
        raise named(error, place) from error


def prefix_of(owner: str) -> str:
    """The prefix of a store's roles, from the role that owns its schema."""
    return owner.removesuffix("_admin")


def store_prefix(connection: Any) -> str:
    """The prefix of the roles of the store that an SQLAlchemy connection is to."""
    owner = connection.exec_driver_sql(
        f"SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = '{SCHEMA}'"
    ).scalar_one()
    return prefix_of(str(owner))
