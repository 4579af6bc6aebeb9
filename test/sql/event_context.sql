-- What a call of log_event() leaves out, the session's settings fill; what it states, stands.
CREATE FUNCTION stored(id uuid) RETURNS TABLE (actor text, company text, request text)
LANGUAGE sql AS 'SELECT actor_user_id, company_id, request_id FROM business_events e WHERE e.id = $1';

BEGIN;
SET LOCAL bizmetrics.actor_user_id = '42';
SET LOCAL bizmetrics.company_id = 'acme';
SET LOCAL bizmetrics.request_id = 'r-1';
SELECT * FROM stored(bizmetrics.log_event('context'));
SELECT * FROM stored(bizmetrics.log_event('context', actor_user_id => 7, company_id => 'other', request_id => 'r-2'));
COMMIT;

-- They end with the transaction.
SELECT * FROM stored(bizmetrics.log_event('context'));

-- PostgREST's headers are read for the request, after our own setting.
BEGIN;
SET LOCAL request.headers = '{"host": "x", "x-request-id": "from-header"}';
SELECT * FROM stored(bizmetrics.log_event('context'));
SELECT * FROM stored(bizmetrics.log_event('context'));
SET LOCAL request.headers = '{"x-request-id": "another"}';
SELECT * FROM stored(bizmetrics.log_event('context'));
SET LOCAL bizmetrics.request_id = 'ours';
SELECT * FROM stored(bizmetrics.log_event('context'));
COMMIT;

-- Headers that are no JSON object, or have no string there, say nothing and break nothing.
BEGIN;
SET LOCAL request.headers = 'nonsense {';
SELECT * FROM stored(bizmetrics.log_event('context'));
SET LOCAL request.headers = '["x-request-id"]';
SELECT * FROM stored(bizmetrics.log_event('context'));
SET LOCAL request.headers = '{"x-request-id": 5}';
SELECT * FROM stored(bizmetrics.log_event('context'));
COMMIT;

-- A reject keeps what its session said, and what another one says who tries it again is nothing to it.
CREATE VIEW replayed AS SELECT actor_user_id, company_id, request_id, properties FROM public.business_events WHERE event_name = 'replayed' ORDER BY properties ->> 'n';
SELECT bizmetrics.create_event_type('replayed', properties_schema => '{"type": "object", "required": ["mended"]}') IS NOT NULL AS registered;
BEGIN;
SET LOCAL bizmetrics.actor_user_id = 'first';
SET LOCAL bizmetrics.company_id = 'acme';
SET LOCAL bizmetrics.request_id = 'r-1';
SELECT bizmetrics.log_events('[{"event_name": "replayed", "properties": {"n": 1}}, {"event_name": "replayed", "company_id": "own", "properties": {"n": 2}}]', 'reject');
COMMIT;
SELECT bizmetrics.log_events('[{"event_name": "replayed", "properties": {"n": 3}}]', 'reject');
SELECT payload, context FROM bizmetrics.event_rejects ORDER BY reject_id;
SELECT bizmetrics.drop_event_type('replayed');
UPDATE bizmetrics.event_rejects SET context = NULL WHERE payload @> '{"properties": {"n": 3}}';
BEGIN;
SET LOCAL bizmetrics.actor_user_id = 'second';
SET LOCAL request.headers = '{"x-request-id": "r-2"}';
SELECT bizmetrics.replay_rejects();
SELECT * FROM replayed;
-- What the session logs itself is by itself again, also after one that failed.
SELECT * FROM stored(bizmetrics.log_event('context'));
SELECT bizmetrics.log_events('[{}]', 'reject');
SELECT bizmetrics.replay_rejects();
SELECT * FROM stored(bizmetrics.log_event('context'));
COMMIT;
DELETE FROM bizmetrics.event_rejects;
DROP VIEW replayed;

DROP FUNCTION stored(uuid);
