"""The functions that make and end logins: the only way from a registration token to a login of one's own.

They run as the role ``PREFIX_trust``, which may create roles. So they touch nothing that belongs to anybody
else: what they know is in a table of their own, every name is looked up in ``pg_catalog`` alone, and a password
comes in as a SCRAM verifier or not at all. A login that has ended can log in no more at once; its role is
dropped when no session of it is left, at the next call.
"""

from __future__ import annotations

TRUST_SCHEMA = "longshore_trust"
"""Holds these functions and their table; it belongs to ``PREFIX_trust``."""

_TABLE = """\
-- The logins that the functions below have made: no other role can be touched through them.
SET LOCAL ROLE {p}_trust;
CREATE TABLE IF NOT EXISTS {t}.login (
  role text COLLATE "C" PRIMARY KEY,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('token', 'agent')),
  expires timestamptz,
  renews text COLLATE "C",
  ended boolean NOT NULL DEFAULT false
);
REVOKE ALL ON SCHEMA {t} FROM PUBLIC;
REVOKE ALL ON {t}.login FROM PUBLIC;
GRANT USAGE ON SCHEMA {t} TO {p}_admin, {p}_registrar;"""

_SWEEP = """\
-- Drop the logins that have ended or expired, as far as no session of theirs is left. For the others only.
CREATE OR REPLACE FUNCTION {t}.sweep() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  gone record;
BEGIN
  FOR gone IN SELECT l.role FROM {t}.login l WHERE (l.ended OR l.expires < now())
      AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.usename = l.role) FOR UPDATE SKIP LOCKED
  LOOP
    BEGIN
      EXECUTE format('DROP ROLE IF EXISTS %I', gone.role);
      DELETE FROM {t}.login l WHERE l.role = gone.role;
    EXCEPTION WHEN dependent_objects_still_exist THEN
      -- It owns something somewhere: it stays, and logs in no more.
      EXECUTE format('ALTER ROLE %I NOLOGIN', gone.role);
    END;
  END LOOP;
END $body$;
REVOKE ALL ON FUNCTION {t}.sweep() FROM PUBLIC;"""

_MAKE = """\
-- Make one login, from a verifier: the server's logs never hold a password. For the others only.
CREATE OR REPLACE FUNCTION {t}.make(role text, kind text, verifier text, expires timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  chosen CONSTANT text := CASE kind WHEN 'agent' THEN '{p}_agent' ELSE '{p}_registrar' END;
BEGIN
  IF coalesce(verifier, '') !~ '^SCRAM-SHA-256\\$[0-9]+:[A-Za-z0-9+/=]+\\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$' THEN
    RAISE EXCEPTION 'This is not a SCRAM verifier.' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  EXECUTE format('CREATE ROLE %I LOGIN INHERIT CONNECTION LIMIT 16 PASSWORD %L VALID UNTIL %L IN ROLE %I',
                 role, verifier, coalesce(expires::text, 'infinity'), chosen);
  INSERT INTO {t}.login (role, kind, expires) VALUES (make.role, make.kind, make.expires);
END $body$;
REVOKE ALL ON FUNCTION {t}.make(text, text, text, timestamptz) FROM PUBLIC;"""

_END = """\
-- End one login of ours: from now on nobody logs in by it. For the others only.
CREATE OR REPLACE FUNCTION {t}.end_login(role text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  UPDATE {t}.login l SET ended = true WHERE l.role = end_login.role AND NOT l.ended;
  IF FOUND AND EXISTS (SELECT FROM pg_roles r WHERE r.rolname = end_login.role) THEN
    EXECUTE format('ALTER ROLE %I NOLOGIN PASSWORD NULL', role);
  END IF;
END $body$;
REVOKE ALL ON FUNCTION {t}.end_login(text) FROM PUBLIC;"""

_ISSUE = """\
-- An admin makes a registration token: a login that works for so long, and registers one agent.
-- renews is the login of the agent whose credential it is to renew, or null.
CREATE OR REPLACE FUNCTION {t}.issue(suffix text, verifier text, ttl_ms bigint, renews text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  made CONSTANT text := '{p}_token_' || suffix;
BEGIN
  IF suffix IS NULL OR suffix !~ '^[0-9a-f]{8}$' OR ttl_ms IS NULL THEN
    RAISE EXCEPTION 'A token needs a suffix of eight hexadecimal digits and a time to live.'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM {t}.sweep();
  PERFORM {t}.make(made, 'token', verifier, clock_timestamp() + ttl_ms * interval '1 ms');
  UPDATE {t}.login l SET renews = issue.renews WHERE l.role = made;
  RETURN made;
END $body$;
REVOKE ALL ON FUNCTION {t}.issue(text, text, bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {t}.issue(text, text, bigint, text) TO {p}_admin;"""

_ADMIT = """\
-- The holder of a token turns it, once, into the login of an agent; the one that it renews ends.
CREATE OR REPLACE FUNCTION {t}.admit(verifier text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  RETURN {t}.admit_by(session_user, verifier);
END $body$;
REVOKE ALL ON FUNCTION {t}.admit(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {t}.admit(text) TO {p}_registrar;

-- The same for an admin, who registers an agent from where the admin is.
CREATE OR REPLACE FUNCTION {t}.admit_by(token text, verifier text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  found_token record;
  made CONSTANT text := '{p}_agent_' || right(token, 8);
BEGIN
  SELECT l.renews INTO found_token FROM {t}.login l
    WHERE l.role = token AND l.kind = 'token' AND NOT l.ended AND l.expires > clock_timestamp() FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'This is no registration token that may be used now.' USING ERRCODE = 'insufficient_privilege';
  END IF;
  PERFORM {t}.end_login(token);
  PERFORM {t}.make(made, 'agent', verifier, NULL);
  PERFORM {t}.end_login(found_token.renews);
  RETURN made;
END $body$;
REVOKE ALL ON FUNCTION {t}.admit_by(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {t}.admit_by(text, text) TO {p}_admin;"""

_REVOKE = """\
-- An admin ends the login of an agent, or a token that was not used.
CREATE OR REPLACE FUNCTION {t}.revoke(role text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  PERFORM {t}.end_login(role);
  PERFORM {t}.sweep();
END $body$;
REVOKE ALL ON FUNCTION {t}.revoke(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {t}.revoke(text) TO {p}_admin;
RESET ROLE;"""


def trust_functions() -> list[str]:
    """The statements that make them; ``{p}`` stands for the prefix of the roles, ``{t}`` for their schema."""
    return [_TABLE, _SWEEP, _MAKE, _END, _ISSUE, _ADMIT, _REVOKE]
