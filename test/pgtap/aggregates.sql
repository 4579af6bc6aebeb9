-- Every aggregate can be spread over processes and hash tables, and its result may be asked for again.
BEGIN;
SELECT no_plan();
CREATE TEMP VIEW ours AS SELECT p.oid::regprocedure AS name, p.*, a.* FROM pg_proc AS p JOIN pg_aggregate AS a ON a.aggfnoid = p.oid WHERE p.pronamespace = 'bizmetrics'::regnamespace;
SELECT set_eq($$SELECT DISTINCT proname FROM ours$$, ARRAY['window_funnel', 'window_funnel_times', 'funnel_complete_count', 'sequence_match', 'sequence_count', 'sequence_match_events', 'sequence_next_node', 'retention', 'retention_count', 'state_durations', 'time_weighted_avg', 'uniq_up_to', 'nps', 'csat', 'count_distinct', 'rolling_active_users'], 'the aggregates');
SELECT is_empty($$SELECT name FROM ours WHERE (proparallel <> 's' OR aggcombinefn = 0) AND proname NOT IN ('count_distinct', 'rolling_active_users')$$, 'all are combined in parallel, but for those whose state is a table of all values');
SELECT is_empty($$SELECT name FROM ours WHERE aggcombinefn <> 0 AND aggtranstype = 'internal'::regtype AND (aggserialfn = 0 OR aggdeserialfn = 0)$$, 'states that only C knows are handed over');
SELECT is_empty($$SELECT name FROM ours WHERE aggtranstype <> 'bigint'::regtype AND aggtransspace = 0$$, 'the planner is told how large a state is');
SELECT is_empty($$SELECT name FROM ours WHERE aggfinalmodify <> 'r' AND proname NOT IN ('count_distinct', 'rolling_active_users')$$, 'all others can be windows, and the result leaves the state as it was');
SELECT is_empty($$SELECT name FROM ours WHERE aggkind <> 'n'$$, 'none wants an order');
SELECT is_empty($$SELECT f.oid::regprocedure FROM ours, pg_proc AS f WHERE f.oid IN (aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn) AND (f.provolatile <> 'i' OR f.proparallel <> 's')$$, 'their functions are immutable and safe in workers');
SELECT is((SELECT (prokind, provolatile, proparallel)::text FROM pg_proc WHERE proname = 'sessionize' AND pronamespace = 'bizmetrics'::regnamespace), '(w,i,s)', 'sessionize() is a window function');
SELECT is((SELECT count(*)::integer FROM ours WHERE provariadic = '"any"'::regtype), 11, 'conditions are of any number');
SELECT is_empty($$SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'bizmetrics'::regnamespace AND prokind IN ('a', 'w') AND obj_description(oid, 'pg_proc') NOT LIKE '%Errors: %'$$, 'each tells its errors');
-- States are made by aggregates alone.
SELECT throws_ok($$SELECT bizmetrics.retention_result(9223372036854775807)$$, '42883', NULL, 'a result wants conditions');
SELECT throws_ok($$SELECT bizmetrics.retention_result(9223372036854775807, true)$$, 'XX000', NULL, 'a state that cannot be is noticed');
SELECT throws_ok($$SELECT bizmetrics.nps_add('{1,1}', 3)$$, 'XX000', NULL, 'nothing is added outside of an aggregate');
SELECT throws_ok($$SELECT bizmetrics.counts_combine('{1,1}', '{1,1}')$$, 'XX000', NULL, 'nor combined');
SELECT throws_ok($$SELECT bizmetrics.nps_result('{1}')$$, '2202E', NULL, 'counts are as many as they must be');
SELECT * FROM finish();
ROLLBACK;
