-- The pack support: its definitions, on cases that were computed by hand.
\i test/helpers/packs.sql
BEGIN;
SET LOCAL TimeZone = 'UTC';
SELECT no_plan();

CREATE FUNCTION pg_temp.log(company text, ticket text, event text, at timestamptz, priority text DEFAULT NULL, actor text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
  SELECT bizmetrics.log_event(event, jsonb_strip_nulls(jsonb_build_object('priority', priority)), actor_user_id => actor, company_id => company, entity_type => 'ticket', entity_id => ticket, occurred_at => at)
$$;
-- Answered after 10 and 30 minutes, solved after 2 and 6 hours; a third one that nobody answers, a fourth that is another company's.
SELECT pg_temp.log('c1', 't1', 'ticket_created', '2024-03-01 10:00', 'high', 'ann'), pg_temp.log('c1', 't1', 'ticket_replied', '2024-03-01 10:10'), pg_temp.log('c1', 't1', 'ticket_replied', '2024-03-01 11:00'), pg_temp.log('c1', 't1', 'ticket_resolved', '2024-03-01 12:00');
SELECT pg_temp.log('c1', 't2', 'ticket_created', '2024-03-01 10:00', 'high', 'ben'), pg_temp.log('c1', 't2', 'ticket_replied', '2024-03-01 10:30'), pg_temp.log('c1', 't2', 'ticket_resolved', '2024-03-01 16:00');
SELECT pg_temp.log('c1', 't3', 'ticket_created', '2024-03-01 23:00', NULL, 'cid');
SELECT pg_temp.log('c2', 't1', 'ticket_created', '2024-03-01 09:00', 'low', 'dan'), pg_temp.log('c2', 't1', 'ticket_replied', '2024-03-03 09:00');
-- Solved, reopened, solved again.
SELECT pg_temp.log('c1', 't4', 'ticket_created', '2024-03-04 10:00', 'low'), pg_temp.log('c1', 't4', 'ticket_resolved', '2024-03-05 10:00'), pg_temp.log('c1', 't4', 'ticket_reopened', '2024-03-06 10:00'), pg_temp.log('c1', 't4', 'ticket_resolved', '2024-03-07 10:00');
SELECT pg_temp.log('c1', 't5', 'ticket_created', '2024-03-04 10:00', 'low'), pg_temp.log('c1', 't5', 'ticket_replied', '2024-03-04 11:00'), pg_temp.log('c1', 't5', 'ticket_resolved', '2024-03-05 10:00'), pg_temp.log('c1', 't5', 'ticket_reopened', '2024-03-06 10:00');
-- Without its creation, which came before all events that are kept.
SELECT pg_temp.log('c1', 't6', 'ticket_replied', '2024-03-08 10:00'), pg_temp.log('c1', 't6', 'ticket_resolved', '2024-03-08 11:00');

SELECT lives_ok($$SELECT pg_temp.run_pack('support', '2024-03-01', '2024-04-01')$$, 'the pack is computed');
SELECT pg_temp.rows_are($$SELECT priority, created, first_responses, mean_first_response_seconds, median_first_response_seconds, resolved, mean_resolution_seconds, median_resolution_seconds, reopened FROM analytics.support_daily WHERE day = '2024-03-01' AND company_id = 'c1' ORDER BY 1$$,
  '{"(\"\",1,0,,,0,,,0)","(high,2,2,1200,1200,2,14400,14400,0)"}', 'the first answer and the solution in seconds, mean and median');
SELECT pg_temp.rows_are($$SELECT day, priority, created, first_responses, mean_first_response_seconds, resolved FROM analytics.support_daily WHERE company_id = 'c2' ORDER BY 1$$,
  '{"(2024-03-01,low,1,0,,0)","(2024-03-03,low,0,1,172800,0)"}', 'an answer counts on its own day, with the ticket''s priority; of two companies a ticket of the same name is not the same');
SELECT pg_temp.rows_are($$SELECT day, created, resolved, mean_resolution_seconds, reopened FROM analytics.support_daily WHERE company_id = 'c1' AND priority = 'low' ORDER BY 1$$,
  '{"(2024-03-04,2,0,,0)","(2024-03-05,0,2,86400,0)","(2024-03-06,0,0,,2)","(2024-03-07,0,1,259200,0)"}', 'a ticket that is solved twice counts twice, the second time from its creation');
SELECT pg_temp.rows_are($$SELECT priority, first_responses, mean_first_response_seconds, resolved, median_resolution_seconds FROM analytics.support_daily WHERE day = '2024-03-08'$$,
  '{"(\"\",1,,1,)"}', 'a ticket whose creation is not known has no times');
SELECT pg_temp.rows_are($$SELECT company_id, ticket_id, requester_id, priority, status, replies, reopens, first_response_seconds::integer, resolution_seconds::integer FROM analytics.support_tickets ORDER BY 1, 2$$,
  '{"(c1,t1,ann,high,resolved,2,0,600,7200)","(c1,t2,ben,high,resolved,1,0,1800,21600)","(c1,t3,cid,\"\",new,0,0,,)","(c1,t4,,low,resolved,0,1,,259200)","(c1,t5,,low,answered,1,1,3600,)","(c1,t6,,\"\",resolved,1,0,,)","(c2,t1,dan,low,answered,1,0,172800,)"}', 'tickets');
SELECT pg_temp.rows_are($$SELECT company_id, priority, open_tickets, unanswered_tickets, oldest_seconds > 0 FROM analytics.support_backlog ORDER BY 1, 2$$,
  '{"(c1,\"\",1,1,t)","(c1,low,1,0,t)","(c2,low,1,0,t)"}', 'what is open');
-- An answer that is told late makes the one of the day after it no first one.
CREATE TEMP TABLE before AS SELECT * FROM analytics.support_daily;
SELECT pg_temp.log('c2', 't1', 'ticket_replied', '2024-03-02 09:00');
SELECT lives_ok($$SELECT pg_temp.run_pack('support', '2024-03-01', '2024-04-01')$$, 'a late answer');
SELECT pg_temp.rows_are($$SELECT day, first_responses FROM analytics.support_daily WHERE company_id = 'c2' ORDER BY 1$$, '{"(2024-03-01,0)","(2024-03-02,1)","(2024-03-03,0)"}', 'changes the later day, too');
-- The events of a ticket are told whole, whichever of them is new.
SELECT lives_ok($$SELECT pg_temp.run_pack('support', '2024-03-02', '2024-03-03')$$, 'the day of a late answer');
SELECT pg_temp.rows_are($$SELECT day, step, place, priority, seconds_since_created::integer FROM analytics.ticket_steps WHERE company_id = 'c2' ORDER BY occurred_at$$, '{"(2024-03-01,created,1,low,0)","(2024-03-02,replied,1,low,86400)","(2024-03-03,replied,2,low,172800)"}', 'gives all events of its ticket');
-- Created twice, of which the earlier one is told last: the priority is the earlier one's.
SELECT pg_temp.log('c2', 't1', 'ticket_created', '2024-02-29 09:00', 'urgent');
SELECT lives_ok($$SELECT pg_temp.run_pack('support', '2024-02-01', '2024-04-01')$$, 'a creation that is told late');
SELECT pg_temp.rows_are($$SELECT day, priority, created, first_responses, mean_first_response_seconds FROM analytics.support_daily WHERE company_id = 'c2' ORDER BY 1$$, '{"(2024-02-29,urgent,1,0,)","(2024-03-01,urgent,1,0,)","(2024-03-02,urgent,0,1,172800)","(2024-03-03,urgent,0,0,)"}', 'is what all of the ticket''s events go by');
SELECT * FROM finish();
ROLLBACK;
