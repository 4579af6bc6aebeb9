-- state_durations() and time_weighted_avg(): values that hold from their row to the next.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
CREATE TEMP TABLE changes (state text, level numeric, ts timestamptz);
INSERT INTO changes VALUES ('paid', 10, '2026-01-01 00:00'), ('placed', 20, '2025-12-31 00:00'), ('shipped', 5, '2026-01-03 12:00'), ('paid', 8, '2026-01-04 00:00');
SELECT bizmetrics.state_durations(state, ts), bizmetrics.state_durations(state, ts, '2026-01-05') AS until, bizmetrics.state_durations(state, ts, '2026-01-03') AS before_the_end, bizmetrics.state_durations(state, ts, NULL) AS until_null FROM changes;
SELECT bizmetrics.time_weighted_avg(level, ts), bizmetrics.time_weighted_avg(level, ts, '2026-01-05') AS until, bizmetrics.time_weighted_avg(level, ts, '2026-01-03') AS before_the_end, bizmetrics.time_weighted_avg(level, ts, NULL) AS until_null FROM changes;
-- A value of NULL ends the one before and counts for nothing; a row without a finite time is none.
INSERT INTO changes VALUES (NULL, NULL, '2026-01-02 00:00'), ('lost', 1000, NULL), ('lost', 1000, 'infinity'), ('lost', 1000, '-infinity');
SELECT bizmetrics.state_durations(state, ts), bizmetrics.time_weighted_avg(level, ts), bizmetrics.time_weighted_avg(level::integer, ts, '2026-01-05') AS until FROM changes;
-- Of several at one time the greatest holds, in whichever order they come.
SELECT bizmetrics.state_durations(s, ts), bizmetrics.time_weighted_avg(v, ts) FROM (VALUES ('a', 9, timestamptz '2026-01-01'), ('b', 10, '2026-01-01'), (NULL, NULL, '2026-01-01'), ('c', 1, '2026-01-02')) AS r (s, v, ts);
SELECT bizmetrics.state_durations(s, ts), bizmetrics.time_weighted_avg(v, ts) FROM (VALUES ('c', 1, '2026-01-02'), (NULL, NULL, '2026-01-01'), ('b', 10, '2026-01-01'), ('a', 9, timestamptz '2026-01-01')) AS r (s, v, ts);
-- Without rows, with one, with no time between.
SELECT bizmetrics.state_durations(state, ts), bizmetrics.time_weighted_avg(level, ts) FROM changes WHERE false;
SELECT bizmetrics.state_durations('x', now()), bizmetrics.time_weighted_avg(1, now()), bizmetrics.state_durations('x', now(), now() - interval '1 s') AS later_than_until;
-- Exact, also over all of time and for states that are long, empty or not of one byte a letter.
SELECT bizmetrics.state_durations(s, ts), bizmetrics.time_weighted_avg(v, ts) FROM (VALUES ('é', 0.1, timestamptz '4713-01-02 BC'), ('', 'NaN', '294276-12-31 23:59:59.999999')) AS r (s, v, ts);
SELECT octet_length(key) AS bytes, value FROM (SELECT bizmetrics.state_durations(repeat(s, 1000000), ts) AS d FROM (VALUES ('a', timestamptz '2026-01-01'), ('a', '2026-01-02'), ('b', '2026-01-03'), ('a', '2026-01-04'), ('b', '2026-01-06')) AS r (s, ts)) AS t, jsonb_each(d) ORDER BY key;
-- Refused
SELECT pg_temp.error_of('SELECT bizmetrics.state_durations(''x'', now(), ''infinity'')');
SELECT pg_temp.error_of('SELECT bizmetrics.time_weighted_avg(1, now(), now() + n * interval ''1 s'') FROM generate_series(1, 2) AS n');
-- Against plain SQL over random groups.
CREATE TEMP TABLE random_changes AS
SELECT g, chr(97 + abs(hashint4(g * 100 + n)) % 4) AS state, round(hashint4(-g * 100 - n) / 1000.0, 2) AS level, to_timestamp(abs(hashint4(n * 5000 + g)) / 1000.0) AS ts
FROM generate_series(1, 1000) AS g, LATERAL generate_series(1, 1 + g % 20) AS n;
SELECT count(*) AS groups, count(*) FILTER (WHERE ours <> plain) AS wrong, count(*) FILTER (WHERE abs(average - plain_average) > 1e-10 OR (average IS NULL) <> (plain_average IS NULL)) AS wrong_averages
FROM (SELECT g, bizmetrics.state_durations(state, ts, '2040-01-01') AS ours, bizmetrics.time_weighted_avg(level, ts) AS average FROM random_changes GROUP BY g) AS o
JOIN (SELECT g, jsonb_object_agg(state, seconds) AS plain FROM
        (SELECT g, state, sum(extract(epoch FROM coalesce(next, '2040-01-01') - ts)) AS seconds FROM (SELECT *, lead(ts) OVER (PARTITION BY g ORDER BY ts) AS next FROM random_changes) AS l GROUP BY g, state) AS s GROUP BY g) AS p USING (g)
JOIN (SELECT g, sum(level * extract(epoch FROM next - ts)) / nullif(sum(extract(epoch FROM next - ts)), 0) AS plain_average FROM (SELECT *, lead(ts) OVER (PARTITION BY g ORDER BY ts) AS next FROM random_changes) AS l GROUP BY g) AS a USING (g);
