-- log_event_async(), and what waits in the buffer.

CREATE FUNCTION bizmetrics.log_event_async(
  event_name text,
  properties jsonb DEFAULT '{}',
  actor_user_id bizmetrics.identifier DEFAULT NULL,
  company_id bizmetrics.identifier DEFAULT NULL,
  entity_type text DEFAULT NULL,
  entity_id bizmetrics.identifier DEFAULT NULL,
  occurred_at timestamptz DEFAULT NULL,
  dedupe_key text DEFAULT NULL,
  request_id text DEFAULT NULL
) RETURNS uuid
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'bizmetrics_log_event_async';
COMMENT ON FUNCTION bizmetrics.log_event_async(text, jsonb, bizmetrics.identifier, bizmetrics.identifier, text, bizmetrics.identifier, timestamptz, text, text) IS
'Stores a business event soon after the transaction has committed, within bizmetrics.flush_interval, and returns its id; never where the transaction or its subtransaction rolls back. A crash of the server loses events that are not stored yet. Where no flusher is running yet, the buffer is full or the table has row security, the event is stored in the transaction, as log_event() does. An event that cannot be stored after all goes to event_rejects, and gets another id where replay_rejects() stores it. Of events with one dedupe_key only the first is stored: the id returned may then be of none. Errors: as log_event(), all at the call, but that where the event waits a partition that cannot be made is a reject.';

CREATE FUNCTION bizmetrics.buffer_state(
  OUT queued bigint,
  OUT stored bigint,
  OUT rejected bigint,
  OUT discarded bigint,
  OUT stored_at_once bigint,
  OUT waiting bigint,
  OUT oldest_waiting timestamptz,
  OUT waiting_bytes bigint,
  OUT used_bytes bigint,
  OUT size_bytes bigint
)
LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'bizmetrics_buffer_state';
COMMENT ON FUNCTION bizmetrics.buffer_state() IS 'The events of log_event_async() in this database. Behind the view buffer_status.';

CREATE VIEW bizmetrics.buffer_status AS
SELECT s.queued, s.stored, s.rejected, s.discarded, s.stored_at_once, s.waiting, s.oldest_waiting,
       s.waiting_bytes, s.used_bytes, s.size_bytes
FROM bizmetrics.buffer_state() AS s;
COMMENT ON VIEW bizmetrics.buffer_status IS
'What became of the events of log_event_async() in this database since the server started, and what waits in the buffer. For the extension''s owner and pg_monitor.';
COMMENT ON COLUMN bizmetrics.buffer_status.queued IS 'Events that committed transactions left in the buffer.';
COMMENT ON COLUMN bizmetrics.buffer_status.stored IS 'Of these, those that were stored, or had a dedupe_key that was seen before.';
COMMENT ON COLUMN bizmetrics.buffer_status.rejected IS 'Of these, those that could not be stored and went to event_rejects.';
COMMENT ON COLUMN bizmetrics.buffer_status.discarded IS 'Of these, those that were dropped with the extension.';
COMMENT ON COLUMN bizmetrics.buffer_status.stored_at_once IS 'Events that committed transactions stored themselves: there was no flusher yet, or no room.';
COMMENT ON COLUMN bizmetrics.buffer_status.waiting IS 'Events in the buffer.';
COMMENT ON COLUMN bizmetrics.buffer_status.oldest_waiting IS 'When the first of them came, or somewhat before; NULL: none waits.';
COMMENT ON COLUMN bizmetrics.buffer_status.waiting_bytes IS 'Their size.';
COMMENT ON COLUMN bizmetrics.buffer_status.used_bytes IS 'Of the buffer, which all databases share: what is in use or reserved by open transactions.';
COMMENT ON COLUMN bizmetrics.buffer_status.size_bytes IS 'bizmetrics.buffer_size as it is in use; 0: the library is not preloaded, or there is no buffer.';
