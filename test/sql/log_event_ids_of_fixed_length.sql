-- "Ids of any type" means char(n) and name too: keys such as char(26) or char(36) are common.
BEGIN;
\set ON_ERROR_ROLLBACK on
CREATE TEMP TABLE ids AS SELECT '01ARZ3NDEKTSV4RRFFQ69G5FAV'::char(26) AS ulid, 'someone'::name AS name;
SELECT bizmetrics.log_event('char', actor_user_id => ulid) IS NOT NULL AS logged FROM ids;
SELECT bizmetrics.log_event('name', actor_user_id => name) IS NOT NULL AS logged FROM ids;
SELECT event_name, actor_user_id FROM public.business_events WHERE event_name IN ('char', 'name') ORDER BY 1;
ROLLBACK;
