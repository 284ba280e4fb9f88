"""``store init``: what a database administrator runs before a store can live on a PostgreSQL server."""

from __future__ import annotations

import argparse

from store.errors import InvalidInput
from tui.cli import context, output


def init(options: argparse.Namespace) -> int:
    """Print the script that prepares a database, or run it on the store's."""
    from store.postgres.roles import init_script, prepare_database

    if not options.apply:
        output.verbatim(init_script(options.prefix))
        output.say(
            "Run this in the store's own database as a superuser, or as a role with CREATEROLE that may create in the "
            "database: psql -d DATABASE -f FILE; or let --apply do it."
        )
        return 0
    context.refuse_read_only(options)
    place = context.place(options)
    if place.dialect != "postgresql":
        raise InvalidInput(
            "A store in a file needs no preparation: name a PostgreSQL database with --store postgresql://HOST/DATABASE."
        )
    database = prepare_database(place, options.prefix)
    prefix = options.prefix
    output.say(f"The database '{database}' is prepared for a store. What is left to do:")
    output.say(f"  people who run migrations:  GRANT {prefix}_admin TO ann;")
    output.say(
        f"  agents, in pg_hba.conf:     hostssl {database} +{prefix}_agent,+{prefix}_registrar 0.0.0.0/0 scram-sha-256"
    )
    output.say(f"  the tables, as one of them: longshore --store {place.url} apply FILE")
    return 0
