-- bizmetrics.events() filters by what is named, and the planner sees through it.
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT count(bizmetrics.log_event(CASE WHEN n % 2 = 0 THEN 'even' ELSE 'odd' END, actor_user_id => n % 5,
                                  company_id => n % 3, entity_type => 'number', entity_id => n,
                                  occurred_at => timestamptz '1985-01-01' + n * interval '1 day'))
FROM generate_series(0, 89) AS n;

SELECT count(*) FROM bizmetrics.events('even', from_time => '1985-01-01', to_time => '1985-04-01');
SELECT count(*) FROM bizmetrics.events(actor_user_id => 2, from_time => '1985-01-01', to_time => '1985-04-01');
SELECT count(*) FROM bizmetrics.events(company_id => '1', from_time => '1985-01-01', to_time => '1985-04-01');
SELECT event_name, occurred_at FROM bizmetrics.events(entity_type => 'number', entity_id => 31, to_time => '1990-01-01');
SELECT count(*) FROM bizmetrics.events('even', 2, 1, 'number', from_time => '1985-01-01', to_time => '1985-04-01');

-- Half-open: the end belongs to the next interval.
SELECT count(*) FROM bizmetrics.events(from_time => '1985-02-01', to_time => '1985-02-02');

-- No function scan: partitions are pruned and an index is used.
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT 1 FROM bizmetrics.events('even', from_time => '1985-02-01', to_time => '1985-02-10');
EXPLAIN (COSTS OFF) SELECT 1 FROM bizmetrics.events(entity_type => 'number', entity_id => 31, from_time => '1985-02-01', to_time => '1985-02-10');

-- Where they are kept.
SELECT partition, from_time, to_time, bytes > 0 AS has_size FROM bizmetrics.partitions WHERE from_time < '1985-04-01' AND to_time > '1985-01-01' ORDER BY 2;
