-- What docs/activity.md says of the extension hll: distinct actors of days that can be added up.
BEGIN;
SELECT no_plan();
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'hll') AS has_hll \gset
\if :has_hll
CREATE SCHEMA pgtap_hll;
CREATE EXTENSION hll SCHEMA pgtap_hll;
SET LOCAL search_path = public, pgtap_hll;
SELECT count(bizmetrics.log_event('hll seen', actor_user_id => 'u' || abs(hashint4(i)) % 5000, occurred_at => '1989-03-01'::timestamptz + i * interval '2 minutes')) FROM generate_series(0, 20159) AS i \g /dev/null
CREATE TEMP TABLE sketches AS
SELECT date_trunc('day', occurred_at)::date AS day, hll_add_agg(hll_hash_text(actor_user_id)) AS actors
FROM business_events WHERE event_name = 'hll seen' GROUP BY 1;
CREATE TEMP TABLE counted AS
SELECT a.day, a.daily, a.weekly, (SELECT hll_cardinality(s.actors) FROM sketches AS s WHERE s.day = a.day) AS about_daily,
       (SELECT hll_cardinality(hll_union_agg(s.actors)) FROM sketches AS s WHERE s.day > a.day - 7 AND s.day <= a.day) AS about_weekly
FROM bizmetrics.active_users('hll seen', '1989-03-01', '1989-03-29') AS a;
SELECT is(count(*)::integer, 28, 'four weeks of days') FROM counted;
SELECT cmp_ok(max(abs(about_daily / daily - 1))::numeric, '<', 0.1, 'a day is right within 10 %') FROM counted;
SELECT cmp_ok(max(abs(about_weekly / weekly - 1))::numeric, '<', 0.1, 'so are seven days, from their sketches') FROM counted;
SELECT cmp_ok(sqrt(avg((about_weekly / weekly - 1) ^ 2))::numeric, '<', 0.035, 'and mostly within 3.5 %') FROM counted;
SELECT cmp_ok(sum(daily) FILTER (WHERE day > '1989-03-21')::numeric, '>', 1.3 * max(weekly), 'days that are added up are too many') FROM counted;
SELECT is((SELECT hll_cardinality(hll_union_agg(actors)) FROM sketches), (SELECT hll_cardinality(hll_add_agg(hll_hash_text(actor_user_id))) FROM business_events WHERE event_name = 'hll seen'), 'the union of days is the sketch of the whole time');
SELECT is((SELECT hll_cardinality(hll_union(a.actors, a.actors)) FROM sketches AS a WHERE day = '1989-03-05'), (SELECT hll_cardinality(actors) FROM sketches WHERE day = '1989-03-05'), 'what is added twice counts once');
SELECT cmp_ok(max(pg_column_size(actors)), '<=', 1300, 'a sketch has at most 1.3 kB') FROM sketches;
SELECT is(hll_cardinality(hll_add_agg(hll_hash_text(n::text))), 100::double precision, 'a hundred are exact') FROM generate_series(1, 100) AS n;
\else
SELECT pass('the extension hll is not installed') AS skipped;
\endif
SELECT * FROM finish();
ROLLBACK;
