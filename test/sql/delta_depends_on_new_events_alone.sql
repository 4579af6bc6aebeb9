-- delta is chosen only where what it adds depends on nothing but the new events: not on the clock, by whatever name, nor
-- on functions of users that are not IMMUTABLE, which may read other tables. Who knows them to be harmless says delta.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author');
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
CREATE TABLE analytics.depends_rates (rate numeric);
CREATE FUNCTION analytics.depends_stable() RETURNS numeric LANGUAGE sql STABLE AS 'SELECT max(rate) FROM analytics.depends_rates';
CREATE FUNCTION analytics.depends_immutable(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n + 1';
CREATE FUNCTION analytics.depends_volatile() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1';
CREATE FUNCTION analytics.depends_compares(text, text) RETURNS boolean LANGUAGE plpgsql STABLE AS 'BEGIN RETURN $1 OPERATOR(pg_catalog.=) $2; END';
CREATE OPERATOR analytics.=== (FUNCTION = analytics.depends_compares, LEFTARG = text, RIGHTARG = text);
CREATE FUNCTION pg_temp.strategy_of(condition text, strategy text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  found text;
BEGIN
  PERFORM bizmetrics.create_report('depends', query => format('SELECT event_name, count(*) FILTER (WHERE %s) AS n FROM public.business_events GROUP BY 1', condition), schedule => '0 0 29 2 *', key => '{event_name}', strategy => strategy);
  SELECT substr(line, 11) INTO found FROM bizmetrics.explain_report('depends') line WHERE line ~ '^Strategy';
  PERFORM bizmetrics.drop_report('depends');
  DROP TABLE analytics.depends;
  RETURN found;
EXCEPTION WHEN invalid_parameter_value THEN
  RETURN SQLERRM;
END $$;
CREATE TABLE pg_temp.conditions (n serial, condition text);
INSERT INTO pg_temp.conditions (condition) VALUES
  -- What is the same whenever it is asked.
  ('true'), ($$occurred_at >= '2026-01-01'$$), ($$occurred_at >= timestamptz '2026-01-01 10:00 Europe/Berlin'$$), ($$to_char(occurred_at, 'YYYY') = 'today'$$),
  ($$event_name = 'now'$$), ($$(properties ->> 'at')::date > date_trunc('day', occurred_at)$$), ($$extract(isodow FROM occurred_at) < 6$$), ($$format('%s', actor_user_id) = concat('a', 'b')$$),
  ($$to_jsonb(occurred_at) IS NOT NULL$$), ($$age(occurred_at, recorded_at) < '1 day'$$), ($$analytics.depends_immutable(1) = 2$$), ($$properties = jsonb_build_object('a', 1)$$),
  -- The clock.
  ('occurred_at > now()'), ('occurred_at > transaction_timestamp()'), ('occurred_at > statement_timestamp()'), ('occurred_at > clock_timestamp()'),
  ('occurred_at > current_date'), ('occurred_at > current_timestamp'), ('occurred_at > localtimestamp'), ('occurred_at::time > localtime'), ('occurred_at::timetz > current_time'),
  ('age(occurred_at) > ''1 day'''), ('age(occurred_at::timestamp) > ''1 day'''), ($$occurred_at > 'now'$$), ($$occurred_at >= timestamptz 'today'$$), ($$occurred_at::date = DATE 'Yesterday'$$),
  ($$occurred_at >= 'tomorrow 12:00'::timestamptz(0)$$), ($$occurred_at > E'now'$$), ($y$occurred_at > $x$now$x$$y$), ($$occurred_at > 'now'::text::timestamptz$$), ($$occurred_at > cast('now' AS timestamptz)$$),
  ($$occurred_at < current_setting('bizmetrics.scheduled_for')::timestamptz$$), ($$current_setting('bizmetrics.attempt', true) = '1'$$), ('xact_id < pg_snapshot_xmin(pg_current_snapshot())::text::bigint'),
  ('current_user = actor_user_id'),
  -- Functions of users.
  ('analytics.depends_stable() > 1'), ('analytics.depends_volatile() > 1'), ($$event_name OPERATOR(analytics.===) 'a'$$);
SELECT condition, pg_temp.strategy_of(condition) AS by_itself, pg_temp.strategy_of(condition, 'delta') AS asked FROM pg_temp.conditions ORDER BY n;
\c - postgres
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author');
DROP ROLE regress_author;
