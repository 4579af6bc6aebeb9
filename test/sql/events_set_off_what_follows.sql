-- Modules that follow events: a trigger on business_events runs once for each event that is stored, however it is logged,
-- in the transaction that stores it; so a refund that is reported twice is subtracted once.
BEGIN;
SET LOCAL timezone = 'UTC';
CREATE TABLE revenue (total numeric NOT NULL);
INSERT INTO revenue VALUES (100);
CREATE FUNCTION subtract_refund() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE public.revenue SET total = total - (NEW.properties ->> 'value')::numeric;
  RETURN NULL;
END
$$;
CREATE TRIGGER subtract_refund AFTER INSERT ON public.business_events
  FOR EACH ROW WHEN (NEW.event_name = 'order_refunded') EXECUTE FUNCTION subtract_refund();
-- log_event(), twice with the id of the refund.
SELECT bizmetrics.log_event('order_refunded', '{"value": 10}', dedupe_key => 'refund-1') = bizmetrics.log_event('order_refunded', '{"value": 10}', dedupe_key => 'refund-1') AS one_event;
SELECT total FROM revenue;
-- In a batch, where it is new, comes again, and is there twice.
SELECT cardinality(bizmetrics.log_events('[{"event_name": "order_refunded", "dedupe_key": "refund-1", "properties": {"value": 10}},
  {"event_name": "order_refunded", "dedupe_key": "refund-2", "properties": {"value": 5}}, {"event_name": "order_paid", "properties": {"value": 1}},
  {"event_name": "order_refunded", "dedupe_key": "refund-2", "properties": {"value": 5}}]')) AS ids;
SELECT total FROM revenue;
-- A message that is delivered twice.
SELECT bizmetrics.map_event('shop', 'refund.processed', 'order_refunded');
SELECT count(DISTINCT bizmetrics.ingest('shop', '{"event": "refund.processed", "id": 7, "data": {"value": 2}}')) AS events FROM generate_series(1, 2);
SELECT total FROM revenue;
-- INSERT; a tracked table; an import, twice.
INSERT INTO public.business_events (event_name, properties) VALUES ('order_refunded', '{"value": 1}');
CREATE TABLE refunds (id integer PRIMARY KEY, value numeric, created_at timestamptz DEFAULT now());
INSERT INTO refunds VALUES (1, 3);
CALL bizmetrics.import_events('refunds', '{"event_name": "order_refunded", "occurred_at": "created_at", "properties": ["value"]}');
CALL bizmetrics.import_events('refunds', '{"event_name": "order_refunded", "occurred_at": "created_at", "properties": ["value"]}');
SELECT bizmetrics.track_table('refunds', on_insert => 'order_refunded', properties => '{value}');
INSERT INTO refunds VALUES (2, 4);
SELECT total FROM revenue;
-- What follows is undone with the event, and its error keeps the event from being stored.
SAVEPOINT s;
SELECT bizmetrics.log_event('order_refunded', '{"value": 50}') IS NOT NULL AS logged;
ROLLBACK TO s;
\set VERBOSITY sqlstate
SELECT bizmetrics.log_event('order_refunded', '{"value": "much"}', dedupe_key => 'refund-3');
ROLLBACK TO s;
\set VERBOSITY default
SELECT total, (SELECT count(*) FROM public.business_events WHERE event_name = 'order_refunded') AS refunds FROM revenue;
-- A key whose event was not stored can be used.
SELECT bizmetrics.log_event('order_refunded', '{"value": 1}', dedupe_key => 'refund-3') IS NOT NULL AS logged;
SELECT total FROM revenue;
ROLLBACK;
