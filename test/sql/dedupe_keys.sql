-- A dedupe_key is stored once per database: log_event() returns the first event's id again.
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set VERBOSITY sqlstate
BEGIN;
\set show 'SELECT event_name, dedupe_key, occurred_at::date AS day FROM public.business_events WHERE dedupe_key LIKE ''dd %'' ORDER BY 2, 1'
-- Within a transaction, and across months, whatever else differs.
CREATE TEMP TABLE ids (id uuid);
INSERT INTO ids SELECT bizmetrics.log_event('first', '{"n": 1}', occurred_at => '1992-01-01', dedupe_key => 'dd 1');
INSERT INTO ids SELECT bizmetrics.log_event('second', '{"n": 2}', occurred_at => '1992-01-02', dedupe_key => 'dd 1');
INSERT INTO ids SELECT bizmetrics.log_event('third', occurred_at => '1993-01-02', dedupe_key => 'dd 1');
INSERT INTO ids SELECT bizmetrics.log_event('now', dedupe_key => 'dd 1');
SELECT count(DISTINCT id) FROM ids;
:show;
-- Within a statement.
SELECT count(DISTINCT bizmetrics.log_event('rows', occurred_at => '1992-01-01', dedupe_key => 'dd ' || n % 3 + 2)) FROM generate_series(1, 30) n;
:show;
-- Keys are compared byte by byte; the empty string is a key, NULL is none.
SELECT bizmetrics.log_event('case', dedupe_key => 'dd a') <> bizmetrics.log_event('case', dedupe_key => 'dd A') AS differ;
SELECT bizmetrics.log_event('blank', dedupe_key => 'dd b') <> bizmetrics.log_event('blank', dedupe_key => 'dd b ') AS differ;
SELECT bizmetrics.log_event('empty', dedupe_key => '') = bizmetrics.log_event('empty', dedupe_key => '') AS same;
SELECT bizmetrics.log_event('none', dedupe_key => NULL) <> bizmetrics.log_event('none', dedupe_key => NULL) AS differ;
-- A duplicate still has to be a valid event.
SAVEPOINT s;
SELECT bizmetrics.log_event('', dedupe_key => 'dd 1');
ROLLBACK TO s;
-- An event that is refused leaves its key free.
SAVEPOINT s;
ALTER TABLE public.business_events ADD CONSTRAINT no_spam CHECK (event_name <> 'spam');
SAVEPOINT t;
SELECT bizmetrics.log_event('spam', occurred_at => '1992-01-01', dedupe_key => 'dd spam');
ROLLBACK TO t;
SELECT bizmetrics.log_event('no spam', occurred_at => '1992-01-01', dedupe_key => 'dd spam') IS NOT NULL AS logged;
SELECT event_name FROM public.business_events WHERE dedupe_key = 'dd spam';
ROLLBACK TO s;
-- The ledger has one row a key, which names the first event.
SELECT k.dedupe_key, e.event_name FROM bizmetrics.dedupe_keys k JOIN public.business_events e ON e.id = k.event_id WHERE k.dedupe_key LIKE 'dd %' ORDER BY 1;
ROLLBACK;
