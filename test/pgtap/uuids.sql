-- uuid_v7() gives UUIDs of version 7 as RFC 9562 has them, growing within a session.
BEGIN;
SELECT no_plan();
CREATE TEMP TABLE made AS SELECT n, bizmetrics.uuid_v7() AS id FROM generate_series(1, 10000) n;
SELECT is((SELECT count(DISTINCT id)::integer FROM made), 10000, 'no two alike');
SELECT is_empty($$SELECT id FROM made WHERE substr(id::text, 15, 1) <> '7'$$, 'version 7');
SELECT is_empty($$SELECT id FROM made WHERE substr(id::text, 20, 1) NOT IN ('8', '9', 'a', 'b')$$, 'variant 10');
SELECT is_empty($$SELECT * FROM (SELECT id, lag(id) OVER (ORDER BY n) AS before FROM made) m WHERE id <= before$$, 'growing');
SELECT is_empty($$SELECT id FROM made WHERE abs(('x' || lpad(replace(substr(id::text, 1, 13), '-', ''), 16, '0'))::bit(64)::bigint - extract(epoch FROM clock_timestamp()) * 1000) > 60000$$, 'with the time in milliseconds in front');
SELECT is((SELECT count(DISTINCT right(id::text, 8))::integer > 9900 FROM made), true, 'random behind');
SELECT is(bizmetrics.current_xact(), pg_current_xact_id()::text::bigint, 'current_xact() is the transaction');
SAVEPOINT s;
SELECT is(bizmetrics.current_xact(), pg_current_xact_id()::text::bigint, 'the top-level one');
SELECT * FROM finish();
ROLLBACK;
