"""The store on a PostgreSQL server, and all that is particular to it. psycopg is an extra: import it late."""
