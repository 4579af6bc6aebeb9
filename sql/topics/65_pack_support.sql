-- Pack support: tickets, how soon they are answered and how soon they are solved.
--
-- A first answer counts on its own day and so does each solution: what was said of a day stays, however long
-- tickets that were created on it take. The events of a ticket are found by index, as those of an order are in the
-- pack commerce.

INSERT INTO bizmetrics.available_packs VALUES
('support', 'Support tickets', 'Tickets by day and priority, the time to the first answer and to the solution, and what is open. The ticket is entity_id of its events; its priority is that of ticket_created.');

INSERT INTO bizmetrics.pack_events VALUES
('support', 'ticket_created', 'Somebody asked for help: entity_type ticket, entity_id the ticket, actor_user_id who asks.', '{
  "type": "object", "properties": {
    "priority": {"type": "string", "description": "How urgent it is, such as low, normal, high or urgent."},
    "channel": {"type": "string", "description": "How it came, such as email or chat."},
    "category": {"type": "string", "description": "What it is about."}}}'),
('support', 'ticket_replied', 'The team answered: entity_type ticket, entity_id the ticket, actor_user_id the agent. Answers of the customer are no such event.', '{"type": "object"}'),
('support', 'ticket_resolved', 'The ticket is solved: entity_type ticket, entity_id the ticket, actor_user_id the agent.', '{"type": "object"}'),
('support', 'ticket_reopened', 'It is not solved after all: entity_type ticket, entity_id the ticket.', '{"type": "object"}');

INSERT INTO bizmetrics.pack_reports (pack, report_name, description, query, key, bucket, lookback, schedule, strategy, events, after, source, source_time, retention, retention_column, columns) VALUES
('support', 'support_tickets', 'Tickets: where each stands, and how long it took.', $query$
WITH touched AS (
  SELECT DISTINCT e.entity_id
  FROM public.business_events e
  WHERE e.event_name IN ({{ticket_created}}, {{ticket_replied}}, {{ticket_resolved}}, {{ticket_reopened}})
    AND e.occurred_at >= $1 AND e.occurred_at < $2 AND e.entity_id IS NOT NULL
), happened AS (
  SELECT coalesce(e.company_id, '') AS company_id, e.entity_id AS ticket_id, e.event_name, e.occurred_at, e.id, e.actor_user_id, e.properties
  FROM touched t
  CROSS JOIN LATERAL (
    SELECT e.id, e.event_name, e.occurred_at, e.company_id, e.actor_user_id, e.entity_id, e.properties
    FROM public.business_events e
    WHERE e.entity_id = t.entity_id AND e.event_name IN ({{ticket_created}}, {{ticket_replied}}, {{ticket_resolved}}, {{ticket_reopened}})
    OFFSET 0) AS e
), tickets AS (
  SELECT h.company_id, h.ticket_id,
         min(h.occurred_at) FILTER (WHERE h.event_name = {{ticket_created}}) AS created_at,
         (array_agg(h.actor_user_id ORDER BY h.occurred_at, h.id) FILTER (WHERE h.event_name = {{ticket_created}}))[1] AS requester_id,
         (array_agg(h.properties ORDER BY h.occurred_at, h.id) FILTER (WHERE h.event_name = {{ticket_created}}))[1] AS properties,
         min(h.occurred_at) FILTER (WHERE h.event_name = {{ticket_replied}}) AS first_response_at,
         count(*) FILTER (WHERE h.event_name = {{ticket_replied}}) AS replies,
         max(h.occurred_at) FILTER (WHERE h.event_name = {{ticket_resolved}}) AS resolved_at,
         max(h.occurred_at) FILTER (WHERE h.event_name = {{ticket_reopened}}) AS reopened_at,
         count(*) FILTER (WHERE h.event_name = {{ticket_reopened}}) AS reopens
  FROM happened h
  GROUP BY 1, 2
)
SELECT t.company_id, t.ticket_id, t.requester_id,
       coalesce(t.properties ->> {{ticket_created.priority}}, '') AS priority,
       coalesce(t.properties ->> {{ticket_created.channel}}, '') AS channel,
       coalesce(t.properties ->> {{ticket_created.category}}, '') AS category,
       CASE WHEN t.resolved_at > t.reopened_at OR t.resolved_at IS NOT NULL AND t.reopened_at IS NULL THEN 'resolved'
            WHEN t.first_response_at IS NOT NULL THEN 'answered'
            ELSE 'new' END AS status,
       t.created_at, t.first_response_at, t.replies, t.reopens,
       CASE WHEN t.reopened_at IS NULL OR t.resolved_at > t.reopened_at THEN t.resolved_at END AS resolved_at,
       extract(epoch FROM t.first_response_at - t.created_at) AS first_response_seconds,
       CASE WHEN t.reopened_at IS NULL OR t.resolved_at > t.reopened_at
            THEN extract(epoch FROM t.resolved_at - t.created_at) END AS resolution_seconds
FROM tickets t$query$,
 '{company_id,ticket_id}', '1 day', NULL, '*/5 * * * *', 'merge', '{ticket_created,ticket_replied,ticket_resolved,ticket_reopened}', NULL, NULL, NULL, NULL, NULL, '{
  "company_id": {"meaning": "The company; empty where events name none."},
  "ticket_id": {"meaning": "The ticket: entity_id of the events; those without one are in no row."},
  "requester_id": {"meaning": "Who asked: the actor of ticket_created."},
  "priority": {"meaning": "How urgent it is; empty where the event says nothing.", "source": "ticket_created.priority"},
  "channel": {"meaning": "How it came.", "source": "ticket_created.channel"},
  "category": {"meaning": "What it is about.", "source": "ticket_created.category"},
  "status": {"meaning": "new, answered or resolved; one that was reopened is no more resolved."},
  "created_at": {"meaning": "When it was created."},
  "first_response_at": {"meaning": "When the team answered first.", "source": "ticket_replied"},
  "replies": {"meaning": "How often the team answered.", "unit": "answers"},
  "reopens": {"meaning": "How often it was reopened.", "unit": "events"},
  "resolved_at": {"meaning": "When it was solved last; NULL while it is open.", "source": "ticket_resolved"},
  "first_response_seconds": {"meaning": "From creation to the first answer.", "unit": "seconds", "definition": "D-30"},
  "resolution_seconds": {"meaning": "From creation to the last solution, the time in between that it seemed solved included.", "unit": "seconds", "definition": "D-30"}}'),

-- A row for each event, which keeps its key whatever comes late: the ticket's priority and when it was created are told
-- anew with all events of the ticket, and no row ever has to go. What is counted by them reads the days that changed.
('support', 'ticket_steps', 'Tickets event by event: which ticket it was, how urgent, and how long after its creation.', $query$
WITH touched AS (
  SELECT DISTINCT e.entity_id
  FROM public.business_events e
  WHERE e.event_name IN ({{ticket_created}}, {{ticket_replied}}, {{ticket_resolved}}, {{ticket_reopened}})
    AND e.occurred_at >= $1 AND e.occurred_at < $2 AND e.entity_id IS NOT NULL
), told AS (
  SELECT coalesce(e.company_id, '') AS company_id, e.entity_id AS ticket_id, e.id AS event_id, e.occurred_at,
         CASE e.event_name WHEN {{ticket_created}} THEN 'created' WHEN {{ticket_replied}} THEN 'replied' WHEN {{ticket_resolved}} THEN 'resolved' ELSE 'reopened' END AS step,
         e.properties ->> {{ticket_created.priority}} AS priority
  FROM touched t
  CROSS JOIN LATERAL (
    SELECT e.id, e.event_name, e.occurred_at, e.company_id, e.actor_user_id, e.entity_id, e.properties
    FROM public.business_events e
    WHERE e.entity_id = t.entity_id AND e.event_name IN ({{ticket_created}}, {{ticket_replied}}, {{ticket_resolved}}, {{ticket_reopened}})
    OFFSET 0) AS e
), placed AS (
  SELECT t.*,
         row_number() OVER (PARTITION BY t.company_id, t.ticket_id, t.step ORDER BY t.occurred_at, t.event_id) AS place,
         min(t.occurred_at) FILTER (WHERE t.step = 'created') OVER (PARTITION BY t.company_id, t.ticket_id) AS created_at
  FROM told t
)
SELECT p.occurred_at::date AS day, p.company_id, p.ticket_id, p.event_id, p.step, p.place, p.occurred_at,
       coalesce(min(p.priority) FILTER (WHERE p.step = 'created' AND p.place = 1) OVER (PARTITION BY p.company_id, p.ticket_id), '') AS priority,
       extract(epoch FROM p.occurred_at - p.created_at) AS seconds_since_created
FROM placed p$query$,
 '{day,company_id,ticket_id,event_id}', '1 day', NULL, '*/5 * * * *', 'merge', '{ticket_created,ticket_replied,ticket_resolved,ticket_reopened}', NULL, NULL, NULL, NULL, NULL, '{
  "day": {"meaning": "The day of the event, in the report''s time zone."},
  "company_id": {"meaning": "The company; empty where events name none."},
  "ticket_id": {"meaning": "The ticket: entity_id of the events; those without one are in no row."},
  "event_id": {"meaning": "The event."},
  "step": {"meaning": "created, replied, resolved or reopened."},
  "place": {"meaning": "1 for the ticket''s first event of this step, 2 for the next and so on."},
  "occurred_at": {"meaning": "When it happened."},
  "priority": {"meaning": "The ticket''s priority; empty where it has none.", "source": "ticket_created.priority"},
  "seconds_since_created": {"meaning": "From the ticket''s creation to the event; NULL where no creation is known.", "unit": "seconds", "definition": "D-30"}}'),

('support', 'support_daily', 'Tickets by day, company and priority: created, answered and solved on the day, and how long that took.', $query$
SELECT t.day, t.company_id, t.priority,
       count(*) FILTER (WHERE t.step = 'created') AS created,
       count(*) FILTER (WHERE t.step = 'replied' AND t.place = 1) AS first_responses,
       round(avg(t.seconds_since_created) FILTER (WHERE t.step = 'replied' AND t.place = 1)) AS mean_first_response_seconds,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY t.seconds_since_created::double precision)
         FILTER (WHERE t.step = 'replied' AND t.place = 1) AS median_first_response_seconds,
       count(*) FILTER (WHERE t.step = 'resolved') AS resolved,
       round(avg(t.seconds_since_created) FILTER (WHERE t.step = 'resolved')) AS mean_resolution_seconds,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY t.seconds_since_created::double precision)
         FILTER (WHERE t.step = 'resolved') AS median_resolution_seconds,
       count(*) FILTER (WHERE t.step = 'reopened') AS reopened
FROM analytics.ticket_steps t
WHERE t.day >= $1::date AND t.day < $2::date
GROUP BY 1, 2, 3$query$,
 '{day,company_id,priority}', '1 day', NULL, '*/5 * * * *', NULL, NULL, NULL, 'analytics.ticket_steps', 'day', NULL, NULL, '{
  "day": {"meaning": "The day, in the report''s time zone."},
  "company_id": {"meaning": "The company; empty where events name none."},
  "priority": {"meaning": "The tickets'' priority; empty where they have none.", "source": "ticket_created.priority"},
  "created": {"meaning": "Tickets created on the day.", "unit": "tickets", "source": "ticket_created"},
  "first_responses": {"meaning": "Tickets that the team answered for the first time.", "unit": "tickets", "source": "ticket_replied"},
  "mean_first_response_seconds": {"meaning": "From creation to the first answer, the mean of those answered on the day.", "unit": "seconds", "definition": "D-30"},
  "median_first_response_seconds": {"meaning": "The same, the median.", "unit": "seconds", "definition": "D-30"},
  "resolved": {"meaning": "Solutions of the day; a ticket that was reopened and solved again counts each time.", "unit": "tickets", "source": "ticket_resolved"},
  "mean_resolution_seconds": {"meaning": "From creation to the solution, the mean of those of the day.", "unit": "seconds", "definition": "D-30"},
  "median_resolution_seconds": {"meaning": "The same, the median.", "unit": "seconds", "definition": "D-30"},
  "reopened": {"meaning": "Tickets that were reopened.", "unit": "tickets", "source": "ticket_reopened"}}'),

('support', 'support_backlog', 'Tickets that are open now, by company and priority.', $query$
SELECT t.company_id, t.priority,
       count(*) AS open_tickets,
       count(*) FILTER (WHERE t.first_response_at IS NULL) AS unanswered_tickets,
       round(extract(epoch FROM now() - min(t.created_at))) AS oldest_seconds
FROM analytics.support_tickets t
WHERE t.status <> 'resolved' AND t.created_at IS NOT NULL
GROUP BY 1, 2$query$,
 '{company_id,priority}', NULL, NULL, '*/5 * * * *', 'full', NULL, '{support_tickets}', NULL, NULL, NULL, NULL, '{
  "company_id": {"meaning": "The company; empty where events name none."},
  "priority": {"meaning": "The tickets'' priority; empty where they have none."},
  "open_tickets": {"meaning": "Tickets that are not resolved.", "unit": "tickets"},
  "unanswered_tickets": {"meaning": "Those of them that the team never answered.", "unit": "tickets"},
  "oldest_seconds": {"meaning": "How long ago the oldest of them was created.", "unit": "seconds"}}');

INSERT INTO bizmetrics.pack_metrics VALUES
('support', 'support_tickets_total', 'counter', 'Tickets created, by priority.', '{priority}',
 'SELECT d.priority, sum(d.created) AS value FROM analytics.support_daily d GROUP BY 1'),
('support', 'support_tickets_resolved_total', 'counter', 'Tickets solved, by priority.', '{priority}',
 'SELECT d.priority, sum(d.resolved) AS value FROM analytics.support_daily d GROUP BY 1'),
('support', 'support_open_tickets', 'gauge', 'Open tickets, by priority.', '{priority}',
 'SELECT b.priority, sum(b.open_tickets) AS value FROM analytics.support_backlog b GROUP BY 1'),
('support', 'support_first_response_seconds', 'gauge', 'The mean time from a ticket''s creation to the first answer, of those answered in the last 30 days, by priority.', '{priority}',
 'SELECT d.priority, sum(d.mean_first_response_seconds * d.first_responses) / sum(d.first_responses) AS value FROM analytics.support_daily d WHERE d.day > current_date - 30 GROUP BY 1 HAVING sum(d.first_responses) > 0'),
('support', 'support_resolution_seconds', 'gauge', 'The mean time from a ticket''s creation to its solution, of those solved in the last 30 days, by priority.', '{priority}',
 'SELECT d.priority, sum(d.mean_resolution_seconds * d.resolved) / sum(d.resolved) AS value FROM analytics.support_daily d WHERE d.day > current_date - 30 GROUP BY 1 HAVING sum(d.resolved) > 0');
