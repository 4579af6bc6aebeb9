-- Aggregates over rows that happened at a time, of any table, and a window function. docs/aggregates.md
-- is their reference. Conditions are VARIADIC "any", so that no array is made for each row; the functions
-- in C take boolean only. COST is measured, in comparisons: taking a state over from another process costs
-- twenty times what a row does, so that many small groups are not worth a parallel plan.

-- States of rows in the order of time, for window_funnel() and sequence_match().
CREATE FUNCTION bizmetrics.moments_combine(state internal, other internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 60 AS 'MODULE_PATHNAME', 'bizmetrics_moments_combine';
COMMENT ON FUNCTION bizmetrics.moments_combine(internal, internal) IS
'Merges the states of parallel workers. For window_funnel(), sequence_match() and their like.';

CREATE FUNCTION bizmetrics.moments_serialize(state internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'bizmetrics_moments_serialize';
COMMENT ON FUNCTION bizmetrics.moments_serialize(internal) IS
'Hands a state over to another process. For window_funnel(), sequence_match() and their like.';

CREATE FUNCTION bizmetrics.moments_deserialize(serial bytea, nothing internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 40 AS 'MODULE_PATHNAME', 'bizmetrics_moments_deserialize';
COMMENT ON FUNCTION bizmetrics.moments_deserialize(bytea, internal) IS
'Takes what moments_serialize() handed over.';

-- How far a group gets through the steps of a funnel
CREATE FUNCTION bizmetrics.window_funnel_add(state internal, win interval, ts timestamptz, VARIADIC steps "any") RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 5 AS 'MODULE_PATHNAME', 'bizmetrics_window_funnel_add';
COMMENT ON FUNCTION bizmetrics.window_funnel_add(internal, interval, timestamptz, VARIADIC "any") IS
'Adds a row to the state of window_funnel() and window_funnel_times().';

CREATE FUNCTION bizmetrics.window_funnel_add(state internal, win interval, mode text, ts timestamptz, VARIADIC steps "any") RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 6 AS 'MODULE_PATHNAME', 'bizmetrics_window_funnel_add_mode';
COMMENT ON FUNCTION bizmetrics.window_funnel_add(internal, interval, text, timestamptz, VARIADIC "any") IS
'Adds a row to the state of window_funnel() and window_funnel_times() with a mode.';

CREATE FUNCTION bizmetrics.window_funnel_level(state internal) RETURNS integer
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'bizmetrics_window_funnel_level';
COMMENT ON FUNCTION bizmetrics.window_funnel_level(internal) IS
'The result of window_funnel().';

CREATE FUNCTION bizmetrics.window_funnel_level_times(state internal) RETURNS timestamptz[]
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 150 AS 'MODULE_PATHNAME', 'bizmetrics_window_funnel_level_times';
COMMENT ON FUNCTION bizmetrics.window_funnel_level_times(internal) IS
'The result of window_funnel_times().';

CREATE AGGREGATE bizmetrics.window_funnel(win interval, ts timestamptz, VARIADIC steps "any") (
  SFUNC = bizmetrics.window_funnel_add,
  STYPE = internal,
  SSPACE = 256,
  COMBINEFUNC = bizmetrics.moments_combine,
  SERIALFUNC = bizmetrics.moments_serialize,
  DESERIALFUNC = bizmetrics.moments_deserialize,
  FINALFUNC = bizmetrics.window_funnel_level, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bizmetrics.window_funnel(interval, timestamptz, VARIADIC "any") IS
'The highest level that a chain of rows reaches in the group, 0 to the number of steps (1 to 32): row i of the chain satisfies step i, times do not decrease, and the last is at most win after the first. One row may be several steps, and rows of one time are in any order. NULL steps count as false; rows whose ts is NULL or infinite are left out; without rows 0. A day of win has 24 hours, a month 30 days, 12 months 365.25 days. As windowFunnel() of ClickHouse, the argument order of DuckDB. Errors: 22004 win or mode is NULL; 22023 win is negative, a word of the mode is unknown, allow_reentry without strict_order, no step, or win, mode or the number of steps differ in a group; 42804 a step is not boolean; 54023 more than 32 steps; 54000 a group of 2^32 rows, or of 1 GB in a parallel worker.';

CREATE AGGREGATE bizmetrics.window_funnel(win interval, mode text, ts timestamptz, VARIADIC steps "any") (
  SFUNC = bizmetrics.window_funnel_add,
  STYPE = internal,
  SSPACE = 256,
  COMBINEFUNC = bizmetrics.moments_combine,
  SERIALFUNC = bizmetrics.moments_serialize,
  DESERIALFUNC = bizmetrics.moments_deserialize,
  FINALFUNC = bizmetrics.window_funnel_level, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bizmetrics.window_funnel(interval, text, timestamptz, VARIADIC "any") IS
'The highest level that a chain of rows reaches in the group, 0 to the number of steps (1 to 32): row i of the chain satisfies step i, times do not decrease, and the last is at most win after the first. mode is a list separated by commas: strict_once (a row is at most one step), strict_increase (times increase from step to step), strict_order (whatever is neither the next nor the current step ends an attempt), allow_reentry (with strict_order: what is another step does not), strict_deduplication (a step from the second on that comes again ends it); empty for none. NULL steps count as false; rows whose ts is NULL or infinite are left out; without rows 0. A day of win has 24 hours, a month 30 days, 12 months 365.25 days. As windowFunnel() of ClickHouse, the argument order of DuckDB. Errors: 22004 win or mode is NULL; 22023 win is negative, a word of the mode is unknown, allow_reentry without strict_order, no step, or win, mode or the number of steps differ in a group; 42804 a step is not boolean; 54023 more than 32 steps; 54000 a group of 2^32 rows, or of 1 GB in a parallel worker.';

CREATE AGGREGATE bizmetrics.window_funnel_times(win interval, ts timestamptz, VARIADIC steps "any") (
  SFUNC = bizmetrics.window_funnel_add,
  STYPE = internal,
  SSPACE = 256,
  COMBINEFUNC = bizmetrics.moments_combine,
  SERIALFUNC = bizmetrics.moments_serialize,
  DESERIALFUNC = bizmetrics.moments_deserialize,
  FINALFUNC = bizmetrics.window_funnel_level_times, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bizmetrics.window_funnel_times(interval, timestamptz, VARIADIC "any") IS
'The times of the steps of the chain that was first to reach the level which window_funnel() has for the same arguments; of those that did so at one time, of the one that began last. As many as the level; without one, an empty array. Errors: as there.';

CREATE AGGREGATE bizmetrics.window_funnel_times(win interval, mode text, ts timestamptz, VARIADIC steps "any") (
  SFUNC = bizmetrics.window_funnel_add,
  STYPE = internal,
  SSPACE = 256,
  COMBINEFUNC = bizmetrics.moments_combine,
  SERIALFUNC = bizmetrics.moments_serialize,
  DESERIALFUNC = bizmetrics.moments_deserialize,
  FINALFUNC = bizmetrics.window_funnel_level_times, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bizmetrics.window_funnel_times(interval, text, timestamptz, VARIADIC "any") IS
'The times of the steps of the chain that was first to reach the level which window_funnel() has for the same arguments; of those that did so at one time, of the one that began last. As many as the level; without one, an empty array. Errors: as there.';

CREATE FUNCTION bizmetrics.window_funnel_completions(state internal) RETURNS bigint
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 150 AS 'MODULE_PATHNAME', 'bizmetrics_window_funnel_completions';
COMMENT ON FUNCTION bizmetrics.window_funnel_completions(internal) IS
'The result of funnel_complete_count().';

CREATE AGGREGATE bizmetrics.funnel_complete_count(win interval, ts timestamptz, VARIADIC steps "any") (
  SFUNC = bizmetrics.window_funnel_add,
  STYPE = internal,
  SSPACE = 256,
  COMBINEFUNC = bizmetrics.moments_combine,
  SERIALFUNC = bizmetrics.moments_serialize,
  DESERIALFUNC = bizmetrics.moments_deserialize,
  FINALFUNC = bizmetrics.window_funnel_completions, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bizmetrics.funnel_complete_count(interval, timestamptz, VARIADIC "any") IS
'How often all steps are gone through: the most chains of the level of all steps, as window_funnel() has them for the same arguments, of which each begins later than the one before it ended. As FUNNELCOMPLETECOUNT() of Pinot. Errors: as window_funnel().';

CREATE AGGREGATE bizmetrics.funnel_complete_count(win interval, mode text, ts timestamptz, VARIADIC steps "any") (
  SFUNC = bizmetrics.window_funnel_add,
  STYPE = internal,
  SSPACE = 256,
  COMBINEFUNC = bizmetrics.moments_combine,
  SERIALFUNC = bizmetrics.moments_serialize,
  DESERIALFUNC = bizmetrics.moments_deserialize,
  FINALFUNC = bizmetrics.window_funnel_completions, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bizmetrics.funnel_complete_count(interval, text, timestamptz, VARIADIC "any") IS
'How often all steps are gone through: the most chains of the level of all steps, as window_funnel() has them for the same arguments, of which each begins later than the one before it ended. As FUNNELCOMPLETECOUNT() of Pinot. Errors: as window_funnel().';

-- Patterns of events
CREATE FUNCTION bizmetrics.sequence_add(state internal, pattern text, ts timestamptz, VARIADIC conditions "any") RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 5 AS 'MODULE_PATHNAME', 'bizmetrics_sequence_add';
COMMENT ON FUNCTION bizmetrics.sequence_add(internal, text, timestamptz, VARIADIC "any") IS
'Adds a row to the state of sequence_match() and sequence_count().';

CREATE FUNCTION bizmetrics.sequence_match_result(state internal) RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'bizmetrics_sequence_match_result';
COMMENT ON FUNCTION bizmetrics.sequence_match_result(internal) IS
'The result of sequence_match().';

CREATE FUNCTION bizmetrics.sequence_count_result(state internal) RETURNS bigint
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'bizmetrics_sequence_count_result';
COMMENT ON FUNCTION bizmetrics.sequence_count_result(internal) IS
'The result of sequence_count().';

CREATE AGGREGATE bizmetrics.sequence_match(pattern text, ts timestamptz, VARIADIC conditions "any") (
  SFUNC = bizmetrics.sequence_add,
  STYPE = internal,
  SSPACE = 256,
  COMBINEFUNC = bizmetrics.moments_combine,
  SERIALFUNC = bizmetrics.moments_serialize,
  DESERIALFUNC = bizmetrics.moments_deserialize,
  FINALFUNC = bizmetrics.sequence_match_result, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bizmetrics.sequence_match(text, timestamptz, VARIADIC "any") IS
'Does the pattern occur in the group, in the order of time? (?1) is a row for which condition 1 holds, . any row, .* any number of rows; (?t<=60) stands for any number of rows too and wants the next event at most 60 seconds after the one before; also <, >, >= and ==. Rows for which no condition holds, or whose ts is NULL or infinite, are not there; those of one time are in the order of the lowest condition that holds. Takes time in proportion to rows times events of the pattern. As sequenceMatch() of ClickHouse. Errors: 22004 pattern is NULL; 22023 no pattern, or it or the number of conditions differs in a group; 42804 a condition is not boolean; 54023 more than 32 conditions; 54000 more than 64 events in the pattern, or a group of 2^32 rows, or of 1 GB in a parallel worker.';

CREATE AGGREGATE bizmetrics.sequence_count(pattern text, ts timestamptz, VARIADIC conditions "any") (
  SFUNC = bizmetrics.sequence_add,
  STYPE = internal,
  SSPACE = 256,
  COMBINEFUNC = bizmetrics.moments_combine,
  SERIALFUNC = bizmetrics.moments_serialize,
  DESERIALFUNC = bizmetrics.moments_deserialize,
  FINALFUNC = bizmetrics.sequence_count_result, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bizmetrics.sequence_count(text, timestamptz, VARIADIC "any") IS
'How often the pattern of sequence_match() occurs in the group without overlapping: each occurrence is ended as early as possible, which gives the largest number. Errors: as there.';

CREATE FUNCTION bizmetrics.sequence_match_events_result(state internal) RETURNS timestamptz[]
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 150 AS 'MODULE_PATHNAME', 'bizmetrics_sequence_match_events_result';
COMMENT ON FUNCTION bizmetrics.sequence_match_events_result(internal) IS
'The result of sequence_match_events().';

CREATE AGGREGATE bizmetrics.sequence_match_events(pattern text, ts timestamptz, VARIADIC conditions "any") (
  SFUNC = bizmetrics.sequence_add,
  STYPE = internal,
  SSPACE = 256,
  COMBINEFUNC = bizmetrics.moments_combine,
  SERIALFUNC = bizmetrics.moments_serialize,
  DESERIALFUNC = bizmetrics.moments_deserialize,
  FINALFUNC = bizmetrics.sequence_match_events_result, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bizmetrics.sequence_match_events(text, timestamptz, VARIADIC "any") IS
'The times of the events (?N) of the pattern of sequence_match(), in the order of the pattern: of the occurrence that ends first, and of several ways to it that in which the last event but one is as late as can be, then the one before it, and so on. Events that are any row (.) have none. Without an occurrence, an empty array. As sequenceMatchEvents() of ClickHouse, which takes other ways. Errors: as sequence_match().';

-- What comes next to a chain. All rows are kept, as those of state_durations() are.
CREATE FUNCTION bizmetrics.next_node_add(state internal, direction text, base text, ts timestamptz, value text, VARIADIC conditions "any") RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 12 AS 'MODULE_PATHNAME', 'bizmetrics_next_node_add';
COMMENT ON FUNCTION bizmetrics.next_node_add(internal, text, text, timestamptz, text, VARIADIC "any") IS
'Adds a row to the state of sequence_next_node().';

CREATE FUNCTION bizmetrics.next_node_combine(state internal, other internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 60 AS 'MODULE_PATHNAME', 'bizmetrics_next_node_combine';
COMMENT ON FUNCTION bizmetrics.next_node_combine(internal, internal) IS
'Merges the states of sequence_next_node().';

CREATE FUNCTION bizmetrics.timeline_serialize(state internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'bizmetrics_timeline_serialize';
COMMENT ON FUNCTION bizmetrics.timeline_serialize(internal) IS
'Hands a state over to another process. For state_durations(), time_weighted_avg() and sequence_next_node().';

CREATE FUNCTION bizmetrics.timeline_deserialize(serial bytea, nothing internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 40 AS 'MODULE_PATHNAME', 'bizmetrics_timeline_deserialize';
COMMENT ON FUNCTION bizmetrics.timeline_deserialize(bytea, internal) IS
'Takes what timeline_serialize() handed over.';

CREATE FUNCTION bizmetrics.next_node_result(state internal) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 150 AS 'MODULE_PATHNAME', 'bizmetrics_next_node_result';
COMMENT ON FUNCTION bizmetrics.next_node_result(internal) IS
'The result of sequence_next_node().';

CREATE AGGREGATE bizmetrics.sequence_next_node(direction text, base text, ts timestamptz, value text, VARIADIC conditions "any") (
  SFUNC = bizmetrics.next_node_add,
  STYPE = internal,
  SSPACE = 512,
  COMBINEFUNC = bizmetrics.next_node_combine,
  SERIALFUNC = bizmetrics.timeline_serialize,
  DESERIALFUNC = bizmetrics.timeline_deserialize,
  FINALFUNC = bizmetrics.next_node_result, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bizmetrics.sequence_next_node(text, text, timestamptz, text, VARIADIC "any") IS
'The value of the row that comes next to a chain of rows side by side. The first condition is that of the base, the others are those of the chain, from the base on. The base must satisfy its condition, and is with head the first row of all, with tail the last one, with first_match or last_match the first or the last row that satisfies both its condition and the first one of the chain. Each row on from there, forward or backward in time, must satisfy the next condition; the result is the value of the row behind them, and NULL where that is NULL, there is none, or the chain is not there. Rows of one time are in the order of their values'' bytes. NULL conditions count as false; rows whose ts is NULL or infinite are left out. As sequenceNextNode() of ClickHouse. Errors: 22004 direction, base or an array of conditions is NULL; 22023 an unknown word, forward from the tail or backward from the head, too few conditions, or one of these differs in a group; 42804 a condition is not boolean; 54023 more than 32 conditions; 54000 a group of 1 GB in a parallel worker.';

-- Retention. The state is a number: bits of the conditions that held, and how many there are.
CREATE FUNCTION bizmetrics.retention_add(state bigint, VARIADIC conditions "any") RETURNS bigint
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_retention_add';
COMMENT ON FUNCTION bizmetrics.retention_add(bigint, VARIADIC "any") IS
'Adds a row to the state of retention().';

CREATE FUNCTION bizmetrics.retention_combine(state bigint, other bigint) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_retention_combine';
COMMENT ON FUNCTION bizmetrics.retention_combine(bigint, bigint) IS
'Merges the states of retention().';

CREATE FUNCTION bizmetrics.retention_result(state bigint, VARIADIC conditions "any") RETURNS boolean[]
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_retention_result';
COMMENT ON FUNCTION bizmetrics.retention_result(bigint, VARIADIC "any") IS
'The result of retention().';

CREATE AGGREGATE bizmetrics.retention(VARIADIC conditions "any") (
  SFUNC = bizmetrics.retention_add,
  STYPE = bigint,
  INITCOND = '0',
  COMBINEFUNC = bizmetrics.retention_combine,
  FINALFUNC = bizmetrics.retention_result,
  FINALFUNC_EXTRA, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bizmetrics.retention(VARIADIC "any") IS
'For each of 1 to 32 conditions, whether it and the first one held in the group, in whichever rows and order. NULL counts as false; without rows all are false. As retention() of ClickHouse. Errors: 42804 a condition is not boolean; 54023 more than 32 of them; 22023 none, or their number differs in a group; 22004 an array of conditions is NULL.';

CREATE FUNCTION bizmetrics.counts_combine(state bigint[], other bigint[]) RETURNS bigint[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_counts_combine';
COMMENT ON FUNCTION bizmetrics.counts_combine(bigint[], bigint[]) IS
'Adds up the states of retention_count(), nps() or csat(). Errors: 2202E arrays of different lengths.';

CREATE FUNCTION bizmetrics.retention_count_add(state bigint[], retained boolean[]) RETURNS bigint[]
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_retention_count_add';
COMMENT ON FUNCTION bizmetrics.retention_count_add(bigint[], boolean[]) IS
'Adds a row to the state of retention_count().';

CREATE AGGREGATE bizmetrics.retention_count(retained boolean[]) (
  SFUNC = bizmetrics.retention_count_add,
  STYPE = bigint[],
  SSPACE = 128,
  COMBINEFUNC = bizmetrics.counts_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bizmetrics.retention_count(boolean[]) IS
'How many of the arrays that retention() made are true at each place. NULL is not counted; without rows NULL. Errors: 2202E arrays of different lengths.';

-- Sessions
CREATE FUNCTION bizmetrics.sessionize(ts timestamptz, gap interval) RETURNS bigint
LANGUAGE c WINDOW IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_sessionize';
COMMENT ON FUNCTION bizmetrics.sessionize(timestamptz, interval) IS
'The number of the session that a row belongs to, from 1 in each partition of a window in the order of ts: a session ends where more than gap passes until the next row. A row whose ts is NULL has none. To be called with OVER (PARTITION BY … ORDER BY ts). A day of gap has 24 hours, a month 30 days, 12 months 365.25 days. As sessionize() of DuckDB. Errors: 22004 gap is NULL; 22023 gap is negative.';

-- Values that hold until the next one
CREATE FUNCTION bizmetrics.timeline_combine(state internal, other internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 60 AS 'MODULE_PATHNAME', 'bizmetrics_timeline_combine';
COMMENT ON FUNCTION bizmetrics.timeline_combine(internal, internal) IS
'Merges the states of state_durations() or time_weighted_avg().';

CREATE FUNCTION bizmetrics.timeline_add(timeline internal, state text, ts timestamptz) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'bizmetrics_timeline_add';
COMMENT ON FUNCTION bizmetrics.timeline_add(internal, text, timestamptz) IS
'Adds a row to the state of state_durations().';

CREATE FUNCTION bizmetrics.timeline_add(timeline internal, state text, ts timestamptz, until timestamptz) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'bizmetrics_timeline_add';
COMMENT ON FUNCTION bizmetrics.timeline_add(internal, text, timestamptz, timestamptz) IS
'Adds a row to the state of state_durations().';

CREATE FUNCTION bizmetrics.state_durations_result(state internal) RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 300 AS 'MODULE_PATHNAME', 'bizmetrics_state_durations_result';
COMMENT ON FUNCTION bizmetrics.state_durations_result(internal) IS
'The result of state_durations().';

CREATE AGGREGATE bizmetrics.state_durations(state text, ts timestamptz) (
  SFUNC = bizmetrics.timeline_add,
  STYPE = internal,
  SSPACE = 512,
  COMBINEFUNC = bizmetrics.timeline_combine,
  SERIALFUNC = bizmetrics.timeline_serialize,
  DESERIALFUNC = bizmetrics.timeline_deserialize,
  FINALFUNC = bizmetrics.state_durations_result, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bizmetrics.state_durations(text, timestamptz) IS
'How many seconds a thing was in each of its states, as a JSON object: a row says what state it is in from ts on, up to the next row. The last one does not count. A state that is NULL ends the one before and is not counted; rows whose ts is NULL or infinite are left out; of several rows of one ts the state that is last by its bytes holds. Without rows {}. As duration_in() of the Timescale toolkit. Errors: 54000 a group of 1 GB in a parallel worker.';

CREATE AGGREGATE bizmetrics.state_durations(state text, ts timestamptz, until timestamptz) (
  SFUNC = bizmetrics.timeline_add,
  STYPE = internal,
  SSPACE = 512,
  COMBINEFUNC = bizmetrics.timeline_combine,
  SERIALFUNC = bizmetrics.timeline_serialize,
  DESERIALFUNC = bizmetrics.timeline_deserialize,
  FINALFUNC = bizmetrics.state_durations_result, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bizmetrics.state_durations(text, timestamptz, timestamptz) IS
'How many seconds a thing was in each of its states, as a JSON object: a row says what state it is in from ts on, up to the next row. The last one counts up to until; NULL, and it does not count. A state that is NULL ends the one before and is not counted; rows whose ts is NULL or infinite, or is later than until, are left out; of several rows of one ts the state that is last by its bytes holds. Without rows {}. As duration_in() of the Timescale toolkit. Errors: 22023 until is infinite, or differs in a group; 54000 a group of 1 GB in a parallel worker.';

CREATE FUNCTION bizmetrics.timeline_add(timeline internal, value numeric, ts timestamptz) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'bizmetrics_timeline_add';
COMMENT ON FUNCTION bizmetrics.timeline_add(internal, numeric, timestamptz) IS
'Adds a row to the state of time_weighted_avg().';

CREATE FUNCTION bizmetrics.timeline_add(timeline internal, value numeric, ts timestamptz, until timestamptz) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'bizmetrics_timeline_add';
COMMENT ON FUNCTION bizmetrics.timeline_add(internal, numeric, timestamptz, timestamptz) IS
'Adds a row to the state of time_weighted_avg().';

CREATE FUNCTION bizmetrics.time_weighted_avg_result(state internal) RETURNS numeric
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 300 AS 'MODULE_PATHNAME', 'bizmetrics_time_weighted_avg_result';
COMMENT ON FUNCTION bizmetrics.time_weighted_avg_result(internal) IS
'The result of time_weighted_avg().';

CREATE AGGREGATE bizmetrics.time_weighted_avg(value numeric, ts timestamptz) (
  SFUNC = bizmetrics.timeline_add,
  STYPE = internal,
  SSPACE = 512,
  COMBINEFUNC = bizmetrics.timeline_combine,
  SERIALFUNC = bizmetrics.timeline_serialize,
  DESERIALFUNC = bizmetrics.timeline_deserialize,
  FINALFUNC = bizmetrics.time_weighted_avg_result, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bizmetrics.time_weighted_avg(numeric, timestamptz) IS
'The average of a value over time, such as that of stock: a row says what it is from ts on, up to the next row. The last one does not count. NULL means unknown, and that time is left out; so are rows whose ts is NULL or infinite; of several rows of one ts the greatest value holds. NULL where no time passes. As time_weight() of the Timescale toolkit with LOCF. Errors: 54000 a group of 1 GB in a parallel worker.';

CREATE AGGREGATE bizmetrics.time_weighted_avg(value numeric, ts timestamptz, until timestamptz) (
  SFUNC = bizmetrics.timeline_add,
  STYPE = internal,
  SSPACE = 512,
  COMBINEFUNC = bizmetrics.timeline_combine,
  SERIALFUNC = bizmetrics.timeline_serialize,
  DESERIALFUNC = bizmetrics.timeline_deserialize,
  FINALFUNC = bizmetrics.time_weighted_avg_result, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bizmetrics.time_weighted_avg(numeric, timestamptz, timestamptz) IS
'The average of a value over time, such as that of stock: a row says what it is from ts on, up to the next row. The last one counts up to until; NULL, and it does not count. NULL means unknown, and that time is left out; so are rows whose ts is NULL or infinite, or is later than until; of several rows of one ts the greatest value holds. NULL where no time passes. As time_weight() of the Timescale toolkit with LOCF. Errors: 22023 until is infinite, or differs in a group; 54000 a group of 1 GB in a parallel worker.';

-- Few different values
CREATE FUNCTION bizmetrics.uniq_up_to_add(state internal, max integer, value anyelement) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'bizmetrics_uniq_up_to_add';
COMMENT ON FUNCTION bizmetrics.uniq_up_to_add(internal, integer, anyelement) IS
'Adds a row to the state of uniq_up_to().';

CREATE FUNCTION bizmetrics.uniq_up_to_combine(state internal, other internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 60 AS 'MODULE_PATHNAME', 'bizmetrics_uniq_up_to_combine';
COMMENT ON FUNCTION bizmetrics.uniq_up_to_combine(internal, internal) IS
'Merges the states of uniq_up_to().';

CREATE FUNCTION bizmetrics.uniq_up_to_serialize(state internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'bizmetrics_uniq_up_to_serialize';
COMMENT ON FUNCTION bizmetrics.uniq_up_to_serialize(internal) IS
'Hands a state of uniq_up_to() over to another process.';

CREATE FUNCTION bizmetrics.uniq_up_to_deserialize(serial bytea, nothing internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 40 AS 'MODULE_PATHNAME', 'bizmetrics_uniq_up_to_deserialize';
COMMENT ON FUNCTION bizmetrics.uniq_up_to_deserialize(bytea, internal) IS
'Takes what uniq_up_to_serialize() handed over.';

CREATE FUNCTION bizmetrics.uniq_up_to_result(state internal) RETURNS integer
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_uniq_up_to_result';
COMMENT ON FUNCTION bizmetrics.uniq_up_to_result(internal) IS
'The result of uniq_up_to().';

CREATE AGGREGATE bizmetrics.uniq_up_to(max integer, value anyelement) (
  SFUNC = bizmetrics.uniq_up_to_add,
  STYPE = internal,
  SSPACE = 256,
  COMBINEFUNC = bizmetrics.uniq_up_to_combine,
  SERIALFUNC = bizmetrics.uniq_up_to_serialize,
  DESERIALFUNC = bizmetrics.uniq_up_to_deserialize,
  FINALFUNC = bizmetrics.uniq_up_to_result, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bizmetrics.uniq_up_to(integer, anyelement) IS
'How many different values there are, exactly, up to max (1 to 100); if there are more, max + 1. NULL is no value. Costs little where groups have many. As uniqUpTo() of ClickHouse. Errors: 22004 max is NULL; 22023 max is not from 1 to 100, or differs in a group; 42883 the values have no equality.';

CREATE FUNCTION bizmetrics.count_distinct_add(state internal, value anyelement) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_count_distinct_add';
COMMENT ON FUNCTION bizmetrics.count_distinct_add(internal, anyelement) IS
'Adds a row to the state of count_distinct().';

CREATE FUNCTION bizmetrics.count_distinct_result(state internal) RETURNS bigint
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_count_distinct_result';
COMMENT ON FUNCTION bizmetrics.count_distinct_result(internal) IS
'The result of count_distinct().';

-- The final function sorts what did not fit into memory, after which no row can be added: it is no window function.
CREATE AGGREGATE bizmetrics.count_distinct(value anyelement) (
  SFUNC = bizmetrics.count_distinct_add,
  STYPE = internal,
  SSPACE = 1024,
  FINALFUNC = bizmetrics.count_distinct_result, FINALFUNC_MODIFY = SHAREABLE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bizmetrics.count_distinct(anyelement) IS
'How many different values there are, exactly, as count(DISTINCT value) has it, but by hashing, so that neither the values nor the rows need be sorted: a report''s SELECT is executed with it. NULL is no value. A group takes as much memory as a hash table of the server may have (work_mem times hash_mem_multiplier), and sorts what is more. Errors: 42883 values of that type cannot be both hashed and sorted.';

-- How many were active: by the day, and in windows that end with it
CREATE TYPE bizmetrics.rolling_active_day AS (day date, dau bigint, wau bigint, mau bigint);
COMMENT ON TYPE bizmetrics.rolling_active_day IS 'A day of rolling_active_users().';
COMMENT ON COLUMN bizmetrics.rolling_active_day.day IS 'The day.';
COMMENT ON COLUMN bizmetrics.rolling_active_day.dau IS 'Different users of the day.';
COMMENT ON COLUMN bizmetrics.rolling_active_day.wau IS 'Different users of the 7 days that end with the day.';
COMMENT ON COLUMN bizmetrics.rolling_active_day.mau IS 'Different users of the 30 days that end with the day.';

CREATE FUNCTION bizmetrics.rolling_active_users_add(state internal, user_id anyelement, day date, first_day date, last_day date) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_rolling_active_users_add';
COMMENT ON FUNCTION bizmetrics.rolling_active_users_add(internal, anyelement, date, date, date) IS
'Adds a row to the state of rolling_active_users().';

CREATE FUNCTION bizmetrics.rolling_active_users_result(state internal) RETURNS bizmetrics.rolling_active_day[]
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_rolling_active_users_result';
COMMENT ON FUNCTION bizmetrics.rolling_active_users_result(internal) IS
'The result of rolling_active_users().';

-- The final function sorts what did not fit into memory, after which no row can be added: it is no window function.
CREATE AGGREGATE bizmetrics.rolling_active_users(user_id anyelement, day date, first_day date, last_day date) (
  SFUNC = bizmetrics.rolling_active_users_add,
  STYPE = internal,
  SSPACE = 1024,
  FINALFUNC = bizmetrics.rolling_active_users_result, FINALFUNC_MODIFY = SHAREABLE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bizmetrics.rolling_active_users(anyelement, date, date, date) IS
'How many different users were active on each day from first_day to last_day, in the 7 and in the 30 days that end with it (D-19), as an array with an element a day: unnest() makes a table of it. Days up to 29 days before first_day count in the windows; others, and rows without a user or a day, do not; NULL without rows. A group takes as much memory as a hash table of the server may have (work_mem times hash_mem_multiplier), and sorts what is more. Errors: 22004 first_day or last_day is NULL; 22008 one is infinite; 22023 they differ in a group, or there are more than 3660 days; 42883 users of that type cannot be both hashed and sorted.';

-- Answers to questionnaires
CREATE FUNCTION bizmetrics.nps_add(state bigint[], score integer) RETURNS bigint[]
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_nps_add';
COMMENT ON FUNCTION bizmetrics.nps_add(bigint[], integer) IS
'Adds a row to the state of nps().';

CREATE FUNCTION bizmetrics.nps_result(state bigint[]) RETURNS numeric
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_nps_result';
COMMENT ON FUNCTION bizmetrics.nps_result(bigint[]) IS
'The result of nps().';

CREATE FUNCTION bizmetrics.csat_add(state bigint[], score integer) RETURNS bigint[]
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_csat_add';
COMMENT ON FUNCTION bizmetrics.csat_add(bigint[], integer) IS
'Adds a row to the state of csat().';

CREATE FUNCTION bizmetrics.csat_result(state bigint[]) RETURNS numeric
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'bizmetrics_csat_result';
COMMENT ON FUNCTION bizmetrics.csat_result(bigint[]) IS
'The result of csat().';

CREATE AGGREGATE bizmetrics.nps(score integer) (
  SFUNC = bizmetrics.nps_add,
  STYPE = bigint[],
  SSPACE = 64,
  COMBINEFUNC = bizmetrics.counts_combine,
  FINALFUNC = bizmetrics.nps_result, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bizmetrics.nps(integer) IS
'The net promoter score, from -100 to 100: the promoters (9 and 10) in percent of all answers, less the detractors (0 to 6). NULL is no answer; without one NULL. Errors: 22003 a score is not from 0 to 10.';

CREATE AGGREGATE bizmetrics.csat(score integer) (
  SFUNC = bizmetrics.csat_add,
  STYPE = bigint[],
  SSPACE = 64,
  COMBINEFUNC = bizmetrics.counts_combine,
  FINALFUNC = bizmetrics.csat_result, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bizmetrics.csat(integer) IS
'Customer satisfaction: what part of the answers, from 0 to 1, is 4 or 5 of 5. NULL is no answer; without one NULL. Errors: 22003 a score is not from 1 to 5.';
