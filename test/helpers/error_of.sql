\set ECHO none
-- error_of(command): the error that a command raises, whole: SQLSTATE, message, detail and hint.
CREATE FUNCTION pg_temp.error_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  code text;
  message text;
  detail text;
  hint text;
BEGIN
  EXECUTE command;
  RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
    detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat(code, ': ', message, E'\n  detail: ' || nullif(detail, ''),
    E'\n  hint: ' || nullif(hint, ''));
END
$$;
\pset format unaligned
\pset tuples_only on
\set ECHO all
