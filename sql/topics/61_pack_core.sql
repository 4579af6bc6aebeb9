-- Pack core: how much happens, and how many are active. It reads every event, whatever its name.

INSERT INTO bizmetrics.available_packs VALUES
('core', 'What happens', 'Counts of events by minute, hour and day, active users, and a catalog of what is logged. Nothing needs to be logged for it in a special way: where events have the properties value and currency, their values are summed, and never those of two currencies.');

-- Three of the same kind. The two fine ones never look at what their retention would delete.
INSERT INTO bizmetrics.pack_reports (pack, report_name, description, query, key, bucket, lookback, schedule, strategy, events, after, source, source_time, retention, retention_column, columns)
SELECT 'core', r.report_name, r.description,
  format($query$
SELECT %s AS bucket,
       e.event_name,
       count(*) AS event_count,
       count(DISTINCT e.company_id) AS distinct_companies,
       count(DISTINCT e.actor_user_id) AS distinct_users,
       CASE WHEN min(v.currency) = max(v.currency) THEN sum(v.value) END AS total_value,
       CASE WHEN min(v.currency) = max(v.currency) THEN min(v.currency) END AS currency
FROM public.business_events e
CROSS JOIN LATERAL (SELECT bizmetrics.number_in(e.properties, 'value') AS value,
                           CASE WHEN bizmetrics.number_in(e.properties, 'value') IS NOT NULL
                                THEN upper(coalesce(e.properties ->> 'currency', '')) END AS currency) AS v
WHERE e.occurred_at >= %s AND e.occurred_at < $2
GROUP BY 1, 2$query$, r.bucket_expression, r.from_time),
  '{bucket,event_name}', r.bucket, NULL, r.schedule, NULL, NULL, NULL, NULL, NULL, r.retention, 'bucket',
  jsonb_build_object(
    'bucket', jsonb_build_object('meaning', r.bucket_meaning),
    'event_name', jsonb_build_object('meaning', 'What happened.'),
    'event_count', jsonb_build_object('meaning', 'How often.', 'unit', 'events'),
    'distinct_companies', jsonb_build_object('meaning', 'How many different companies it happened in; never sum it over buckets.', 'unit', 'companies', 'definition', 'D-46'),
    'distinct_users', jsonb_build_object('meaning', 'How many different actors did it; never sum it over buckets.', 'unit', 'actors', 'definition', 'D-46'),
    'total_value', jsonb_build_object('meaning', 'Sum of the property value; NULL where no event has one, or where they have several currencies: see event_values_daily.', 'unit', 'currency'),
    'currency', jsonb_build_object('meaning', 'The currency of total_value; empty where the events name none.'))
FROM (VALUES
  ('events_minute', 'Events by minute and name, of the last 7 days.', $$date_trunc('minute', e.occurred_at)$$,
   $$greatest($1, date_trunc('minute', now()) - interval '7 days')$$, interval '1 minute', '* * * * *', interval '7 days', 'When the minute begins.'),
  ('events_hour', 'Events by hour and name, of the last 90 days.', $$date_trunc('hour', e.occurred_at)$$,
   $$greatest($1, date_trunc('hour', now()) - interval '90 days')$$, interval '1 hour', '*/5 * * * *', interval '90 days', 'When the hour begins.'),
  ('events_daily', 'Events by day and name, of the last two years.', 'e.occurred_at::date',
   '$1', interval '1 day', '7 * * * *', interval '730 days', 'The day, in the report''s time zone.')
) AS r (report_name, description, bucket_expression, from_time, bucket, schedule, retention, bucket_meaning);

INSERT INTO bizmetrics.pack_reports (pack, report_name, description, query, key, bucket, lookback, schedule, strategy, events, after, source, source_time, retention, retention_column, columns) VALUES
('core', 'company_events_daily', 'Events by day, company and name.', $query$
SELECT e.occurred_at::date AS day,
       coalesce(e.company_id, '') AS company_id,
       e.event_name,
       count(*) AS event_count,
       count(DISTINCT e.actor_user_id) AS distinct_users,
       min(e.occurred_at) AS first_occurred_at,
       max(e.occurred_at) AS last_occurred_at
FROM public.business_events e
WHERE e.occurred_at >= $1 AND e.occurred_at < $2
GROUP BY 1, 2, 3$query$,
 '{day,company_id,event_name}', '1 day', NULL, '*/15 * * * *', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{
  "day": {"meaning": "The day, in the report''s time zone."},
  "company_id": {"meaning": "The company it happened in; empty where the event names none."},
  "event_name": {"meaning": "What happened."},
  "event_count": {"meaning": "How often.", "unit": "events"},
  "distinct_users": {"meaning": "How many different actors did it; never sum it over days.", "unit": "actors", "definition": "D-46"},
  "first_occurred_at": {"meaning": "When it happened first on the day."},
  "last_occurred_at": {"meaning": "When it happened last on the day."}}'),

('core', 'event_values_daily', 'What events are worth, by day, company, name and currency: the property value of those that have one.', $query$
SELECT e.occurred_at::date AS day,
       coalesce(e.company_id, '') AS company_id,
       e.event_name,
       upper(coalesce(e.properties ->> 'currency', '')) AS currency,
       count(*) AS event_count,
       sum(bizmetrics.number_in(e.properties, 'value')) AS total_value
FROM public.business_events e
WHERE e.occurred_at >= $1 AND e.occurred_at < $2
  AND bizmetrics.number_in(e.properties, 'value') IS NOT NULL
GROUP BY 1, 2, 3, 4$query$,
 '{day,company_id,event_name,currency}', '1 day', NULL, '17 * * * *', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{
  "day": {"meaning": "The day, in the report''s time zone."},
  "company_id": {"meaning": "The company it happened in; empty where the event names none."},
  "event_name": {"meaning": "What happened."},
  "currency": {"meaning": "The property currency in capitals; empty where the event names none."},
  "event_count": {"meaning": "Events with a value.", "unit": "events"},
  "total_value": {"meaning": "Sum of the property value.", "unit": "currency"}}'),

-- A late event changes the 29 days after it too. Days that need events which are pruned stay as they are, but for those
-- that the lookback computes anyway.
('core', 'active_users', 'Active users by day and company: those who did anything on the day, in the 7 days and in the 30 days that end with it.', $query$
WITH days AS (
  SELECT $1::date AS first_day,
         least($2 + interval '29 days', now() + interval '1 day')::date - 1 AS last_day,
         least((bizmetrics.kept_from(NULL) + interval '1 day' - interval '1 microsecond')::date + 29, current_date - 1) AS kept_from
), companies AS (
  SELECT coalesce(e.company_id, '') AS company_id,
         bizmetrics.rolling_active_users(e.actor_user_id, e.occurred_at::date, (SELECT d.first_day FROM days d), (SELECT d.last_day FROM days d)) AS active
  FROM public.business_events e
  WHERE e.occurred_at >= $1 - interval '29 days' AND e.occurred_at < $2 + interval '29 days'
    AND e.actor_user_id IS NOT NULL
  GROUP BY 1
)
SELECT a.day, c.company_id, a.dau, a.wau, a.mau, round(a.dau::numeric / a.mau, 6) AS dau_mau_ratio
FROM days d, companies c, unnest(c.active) AS a
WHERE a.mau > 0 AND a.day >= d.kept_from$query$,
 '{day,company_id}', '1 day', '1 day', '22 * * * *', 'merge', NULL, NULL, NULL, NULL, NULL, NULL, '{
  "day": {"meaning": "The day, in the report''s time zone. A day has a row if anything happened in the 30 days that end with it. Once some of these are pruned it stays as it is."},
  "company_id": {"meaning": "The company; empty where events name none."},
  "dau": {"meaning": "Different actors of any event of the day.", "unit": "actors", "definition": "D-19"},
  "wau": {"meaning": "Different actors of the 7 days that end with the day.", "unit": "actors", "definition": "D-19"},
  "mau": {"meaning": "Different actors of the 30 days that end with the day.", "unit": "actors", "definition": "D-19"},
  "dau_mau_ratio": {"meaning": "dau / mau of the same day.", "unit": "ratio from 0 to 1", "definition": "D-20"}}'),

-- What new events add up to is added: no day is read again.
('core', 'company_events_monthly', 'Events by month, company and name.', $query$
SELECT date_trunc('month', e.occurred_at)::date AS month,
       coalesce(e.company_id, '') AS company_id,
       e.event_name,
       count(*) AS event_count,
       min(e.occurred_at) AS first_occurred_at,
       max(e.occurred_at) AS last_occurred_at
FROM public.business_events e
WHERE e.occurred_at >= $1 AND e.occurred_at < $2
GROUP BY 1, 2, 3$query$,
 '{month,company_id,event_name}', '1 month', NULL, '*/15 * * * *', 'delta', NULL, NULL, NULL, NULL, NULL, NULL, '{
  "month": {"meaning": "The first day of the month, in the report''s time zone."},
  "company_id": {"meaning": "The company it happened in; empty where the event names none."},
  "event_name": {"meaning": "What happened."},
  "event_count": {"meaning": "How often.", "unit": "events"},
  "first_occurred_at": {"meaning": "When it happened first in the month."},
  "last_occurred_at": {"meaning": "When it happened last in the month."}}'),

('core', 'event_catalog', 'What is logged: every name of an event, by company.', $query$
SELECT m.event_name, m.company_id,
       sum(m.event_count)::bigint AS event_count,
       min(m.first_occurred_at) AS first_occurred_at,
       max(m.last_occurred_at) AS last_occurred_at
FROM analytics.company_events_monthly m
GROUP BY 1, 2$query$,
 '{event_name,company_id}', NULL, NULL, '*/15 * * * *', 'full', NULL, '{company_events_monthly}', NULL, NULL, NULL, NULL, '{
  "event_name": {"meaning": "What happened."},
  "company_id": {"meaning": "The company it happened in; empty where the event names none."},
  "event_count": {"meaning": "How often, ever: pruning events does not make it less.", "unit": "events"},
  "first_occurred_at": {"meaning": "When it happened first."},
  "last_occurred_at": {"meaning": "When it happened last."}}');

INSERT INTO bizmetrics.pack_metrics VALUES
('core', 'events_total', 'counter', 'Business events by name.', '{event}',
 'SELECT c.event_name AS event, sum(c.event_count) AS value FROM analytics.event_catalog c GROUP BY 1'),
('core', 'users_active_daily', 'gauge', 'Different actors of the day, the companies added up.', '{}',
 'SELECT sum(a.dau) AS value FROM analytics.active_users a WHERE a.day = (SELECT max(b.day) FROM analytics.active_users b)'),
('core', 'users_active_weekly', 'gauge', 'Different actors of 7 days, the companies added up.', '{}',
 'SELECT sum(a.wau) AS value FROM analytics.active_users a WHERE a.day = (SELECT max(b.day) FROM analytics.active_users b)'),
('core', 'users_active_monthly', 'gauge', 'Different actors of 30 days, the companies added up.', '{}',
 'SELECT sum(a.mau) AS value FROM analytics.active_users a WHERE a.day = (SELECT max(b.day) FROM analytics.active_users b)'),
('core', 'users_active_daily_to_monthly_ratio', 'gauge', 'Different actors of the day by those of the 30 days that end with it.', '{}',
 'SELECT sum(a.dau) / sum(a.mau) AS value FROM analytics.active_users a WHERE a.day = (SELECT max(b.day) FROM analytics.active_users b) HAVING sum(a.mau) > 0');
