-- What the table's owner changes between two calls of one session holds for the next call:
-- columns, defaults, constraints, indexes, triggers, policies, generated columns.
SET client_min_messages = notice;
BEGIN;
\set ON_ERROR_ROLLBACK on
\set VERBOSITY sqlstate
\set log 'SELECT bizmetrics.log_event(:''name'', occurred_at => ''1997-01-05'') IS NOT NULL AS logged'
\set name 'before'
:log;
-- Another column, without and with a default, and no more.
ALTER TABLE public.business_events ADD COLUMN extra integer;
\set name 'extra'
:log;
ALTER TABLE public.business_events ALTER COLUMN extra SET DEFAULT 7;
\set name 'default'
:log;
SELECT event_name, extra FROM public.business_events WHERE occurred_at = '1997-01-05' ORDER BY 1;
ALTER TABLE public.business_events DROP COLUMN extra;
\set name 'dropped'
:log;
ALTER TABLE public.business_events ADD COLUMN tenant text GENERATED ALWAYS AS (coalesce(company_id, 'none')) STORED;
\set name 'generated'
:log;
SELECT event_name, tenant FROM public.business_events WHERE occurred_at = '1997-01-05' AND event_name = 'generated';
ALTER TABLE public.business_events DROP COLUMN tenant;
-- A constraint of one's own.
ALTER TABLE public.business_events ADD CONSTRAINT lower_case CHECK (event_name = lower(event_name));
\set name 'Check'
:log;
\set name 'check'
:log;
ALTER TABLE public.business_events DROP CONSTRAINT lower_case;
\set name 'No check'
:log;
-- An index on the partition, unique and then gone.
CREATE UNIQUE INDEX one_name ON bizmetrics.business_events_1997_01 (event_name);
:log;
DROP INDEX bizmetrics.one_name;
:log;
ALTER TABLE bizmetrics.business_events_1997_01 ADD EXCLUDE USING btree (event_name WITH =) WHERE (event_name = 'excluded');
\set name 'excluded'
:log;
:log;
-- A foreign key.
CREATE TABLE companies (id text PRIMARY KEY);
INSERT INTO companies SELECT DISTINCT company_id FROM public.business_events WHERE company_id IS NOT NULL;
ALTER TABLE public.business_events ADD FOREIGN KEY (company_id) REFERENCES companies;
SELECT bizmetrics.log_event('reference', company_id => 'unknown', occurred_at => '1997-01-05');
INSERT INTO companies VALUES ('unknown'), ('1') ON CONFLICT DO NOTHING;
SELECT bizmetrics.log_event('reference', company_id => 'unknown', occurred_at => '1997-01-05') IS NOT NULL AS logged;
-- Triggers: for a row, for a statement, on the partition alone; disabled and enabled.
CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '% % % on %', TG_NAME, TG_WHEN, TG_LEVEL, TG_TABLE_NAME; RETURN NEW; END $$;
CREATE TRIGGER say_row BEFORE INSERT ON public.business_events FOR EACH ROW EXECUTE FUNCTION say();
CREATE TRIGGER say_statement AFTER INSERT ON public.business_events FOR EACH STATEMENT EXECUTE FUNCTION say();
CREATE TRIGGER say_partition AFTER INSERT ON bizmetrics.business_events_1997_01 FOR EACH ROW EXECUTE FUNCTION say();
\set name 'trigger'
:log;
ALTER TABLE public.business_events DISABLE TRIGGER say_row, DISABLE TRIGGER say_statement;
:log;
ALTER TABLE bizmetrics.business_events_1997_01 DISABLE TRIGGER say_partition;
:log;
DROP FUNCTION say() CASCADE;
-- Row security.
CREATE ROLE regress_tenant;
SELECT bizmetrics.grant_writer('regress_tenant');
ALTER TABLE public.business_events ENABLE ROW LEVEL SECURITY;
SET LOCAL ROLE regress_tenant;
\set name 'policy'
:log;
RESET ROLE;
CREATE POLICY own ON public.business_events FOR INSERT TO regress_tenant WITH CHECK (company_id = '1');
SET LOCAL ROLE regress_tenant;
:log;
SELECT bizmetrics.log_event('policy', company_id => 1, occurred_at => '1997-01-05') IS NOT NULL AS logged;
SET LOCAL row_security = off;
SELECT bizmetrics.log_event('policy', company_id => 1, occurred_at => '1997-01-05') IS NOT NULL AS logged;
RESET ROLE;
ALTER TABLE public.business_events DISABLE ROW LEVEL SECURITY;
-- The partition is detached, and there is a new one.
ALTER TABLE public.business_events DETACH PARTITION bizmetrics.business_events_1997_01;
\set name 'after'
:log;
SELECT tableoid::regclass, event_name FROM public.business_events WHERE occurred_at = '1997-01-05';
ROLLBACK;
