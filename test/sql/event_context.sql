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

DROP FUNCTION stored(uuid);
