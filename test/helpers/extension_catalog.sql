-- Everything that an extension is made of, a line each, such that two databases have the same lines if and only if
-- it is the same there: objects and what they depend on, definitions, columns in their order, owners, rights,
-- comments, what is dumped, and the rows of its tables. Line breaks are shown as \n; there are no oids in it.
CREATE FUNCTION pg_temp.extension_catalog(extension text) RETURNS SETOF text LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' SET extra_float_digits = 1 AS $function$
DECLARE
  of_extension oid := (SELECT oid FROM pg_extension WHERE extname = extension);
  one record;
BEGIN
  IF of_extension IS NULL THEN RAISE 'extension "%" does not exist', extension; END IF;
  -- Its members, and what hangs on them: columns, indexes, constraints, triggers, rules, defaults, row types.
  CREATE TEMP TABLE object ON COMMIT DROP AS
  WITH RECURSIVE object (classid, objid) AS (
    SELECT classid, objid FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND refobjid = of_extension AND deptype = 'e'
    UNION
    SELECT d.classid, d.objid FROM object o JOIN pg_depend d ON (d.refclassid, d.refobjid) = (o.classid, o.objid)
    WHERE d.deptype IN ('a', 'i') OR d.classid = 'pg_constraint'::regclass)
  SELECT o.classid, o.objid, i.type, i.identity
  FROM object o, LATERAL pg_identify_object(o.classid, o.objid, 0) AS i
  -- Storage of long values is named by an oid.
  WHERE i.identity NOT LIKE 'pg_toast.%';
  FOR one IN SELECT * FROM object WHERE type NOT IN ('aggregate', 'cast', 'composite type', 'default value', 'domain constraint', 'function', 'index', 'procedure', 'rule', 'schema', 'sequence', 'table', 'table constraint', 'trigger', 'type', 'view') LOOP
    RAISE 'this function does not know what a % is made of', one.type USING DETAIL = one.identity;
  END LOOP;

  RETURN QUERY SELECT replace(format('%s %s %s: %s', o.type, o.identity, l.aspect, l.value), E'\n', '\n')
  FROM object o, LATERAL (
    SELECT 'is there' AS aspect, '' AS value
    UNION ALL
    SELECT 'comment', obj_description(o.objid, o.classid::regclass::name)
    UNION ALL
    SELECT format('depends (%s)', d.deptype), r.type || ' ' || r.identity
    FROM pg_depend d, LATERAL pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid) AS r
    WHERE d.classid = o.classid AND d.objid = o.objid AND r.identity NOT LIKE 'pg_toast.%'
    UNION ALL
    -- Rights that CREATE EXTENSION and ALTER EXTENSION UPDATE gave: a dump leaves these out.
    SELECT 'initial rights ' || p.objsubid, (SELECT string_agg(i::text, ' ' ORDER BY i::text) FROM unnest(p.initprivs) AS i) FROM pg_init_privs p WHERE p.classoid = o.classid AND p.objoid = o.objid
    UNION ALL
    SELECT f.aspect, f.value
    FROM pg_proc p, LATERAL (VALUES
      ('owner', p.proowner::regrole::text),
      ('rights', (SELECT string_agg(i::text, ' ' ORDER BY i::text) FROM unnest(p.proacl) AS i)),
      ('definition', CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END),
      ('signature', concat_ws(' ', p.prokind, pg_get_function_arguments(p.oid), 'RETURNS', pg_get_function_result(p.oid), p.proparallel, p.provolatile, p.procost, p.prorows)),
      ('aggregate', (SELECT (to_jsonb(a) - '{aggfnoid,aggtranstype,aggmtranstype}'::text[] || jsonb_build_object('state', format_type(aggtranstype, -1), 'moving state', format_type(aggmtranstype, -1)))::text FROM pg_aggregate a WHERE aggfnoid = p.oid))) AS f (aspect, value)
    WHERE o.classid = 'pg_proc'::regclass AND p.oid = o.objid
    UNION ALL
    SELECT f.aspect, f.value
    FROM pg_class c, LATERAL (VALUES
      ('owner', c.relowner::regrole::text),
      ('rights', (SELECT string_agg(i::text, ' ' ORDER BY i::text) FROM unnest(c.relacl) AS i)),
      ('kind', concat_ws(' ', c.relkind, c.relpersistence, c.relreplident, c.relrowsecurity, c.relforcerowsecurity, (SELECT amname FROM pg_am WHERE oid = c.relam), c.reltablespace)),
      ('options', c.reloptions::text),
      ('storage of long values', (SELECT t.reloptions::text FROM pg_class t WHERE t.oid = c.reltoastrelid)),
      ('view', CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END),
      ('index', CASE WHEN c.relkind IN ('i', 'I') THEN pg_get_indexdef(c.oid) || ' ' || (SELECT concat_ws(' ', indisprimary, indisunique, indisvalid, indisclustered, indisreplident) FROM pg_index WHERE indexrelid = c.oid) END),
      ('partitioned by', CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END),
      ('sequence', (SELECT concat_ws(' ', format_type(seqtypid, -1), seqstart, seqincrement, seqmax, seqmin, seqcache, seqcycle) FROM pg_sequence WHERE seqrelid = c.oid)),
      ('policies', (SELECT string_agg(concat_ws(' ', polname, polcmd, polpermissive, polroles::regrole[], pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)), '; ' ORDER BY polname) FROM pg_policy WHERE polrelid = c.oid)),
      ('dumped', (SELECT 'where ' || extcondition[array_position(extconfig, c.oid)] FROM pg_extension WHERE oid = of_extension AND c.oid = ANY (extconfig)))) AS f (aspect, value)
    WHERE o.classid = 'pg_class'::regclass AND c.oid = o.objid
    UNION ALL
    -- By their numbers, by which C code knows them, those that were dropped included; pg_attver is the server's.
    SELECT 'column ' || a.attnum, concat_ws(' ', CASE WHEN a.attisdropped THEN 'dropped' ELSE a.attname || ' ' || format_type(a.atttypid, a.atttypmod) END, a.attcollation::regcollation,
      CASE WHEN a.attnotnull THEN 'not null' END, 'default ' || pg_get_expr(e.adbin, e.adrelid), a.attidentity, a.attgenerated, a.attstorage, a.attcompression, a.attstattarget, (SELECT string_agg(i, ' ') FROM unnest(a.attoptions) AS i WHERE i NOT LIKE 'pg_attver=%'), (SELECT string_agg(i::text, ' ' ORDER BY i::text) FROM unnest(a.attacl) AS i), col_description(a.attrelid, a.attnum))
    FROM pg_attribute a LEFT JOIN pg_attrdef e ON (e.adrelid, e.adnum) = (a.attrelid, a.attnum)
    WHERE o.classid = 'pg_class'::regclass AND a.attrelid = o.objid AND a.attnum > 0
    UNION ALL
    SELECT 'definition', pg_get_constraintdef(c.oid) || ' ' || concat_ws(' ', c.convalidated, c.connoinherit, c.condeferrable, c.condeferred)
    FROM pg_constraint c WHERE o.classid = 'pg_constraint'::regclass AND c.oid = o.objid
    UNION ALL
    SELECT 'definition', pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text FROM pg_trigger t WHERE o.classid = 'pg_trigger'::regclass AND t.oid = o.objid
    UNION ALL
    SELECT 'definition', pg_get_ruledef(r.oid) || ' ' || r.ev_enabled::text FROM pg_rewrite r WHERE o.classid = 'pg_rewrite'::regclass AND r.oid = o.objid
    UNION ALL
    SELECT f.aspect, f.value
    FROM pg_type t, LATERAL (VALUES
      ('owner', t.typowner::regrole::text),
      ('rights', (SELECT string_agg(i::text, ' ' ORDER BY i::text) FROM unnest(t.typacl) AS i)),
      ('definition', (to_jsonb(t) - '{oid,typname,typnamespace,typowner,typrelid,typelem,typarray,typbasetype,typacl,typdefaultbin,typcollation,typsubscript}'::text[]
        || jsonb_build_object('element', format_type(t.typelem, -1), 'base', format_type(t.typbasetype, t.typtypmod), 'collation', t.typcollation::regcollation))::text)) AS f (aspect, value)
    WHERE o.classid = 'pg_type'::regclass AND t.oid = o.objid
    UNION ALL
    SELECT 'definition', concat_ws(' ', c.castcontext, c.castmethod, c.castfunc::regprocedure) FROM pg_cast c WHERE o.classid = 'pg_cast'::regclass AND c.oid = o.objid
    UNION ALL
    SELECT 'owner and rights', concat_ws(' ', n.nspowner::regrole, (SELECT string_agg(i::text, ' ' ORDER BY i::text) FROM unnest(n.nspacl) AS i)) FROM pg_namespace n WHERE o.classid = 'pg_namespace'::regclass AND n.oid = o.objid
  ) l
  WHERE l.value IS NOT NULL;
  RETURN QUERY SELECT format('extension: version %s, schema %s, relocatable %s, owner %s', extversion, extnamespace::regnamespace, extrelocatable, extowner::regrole) FROM pg_extension WHERE oid = of_extension;

  -- What its tables come with; nothing that says when and where it was made.
  FOR one IN SELECT c.oid::regclass::text AS name FROM object o JOIN pg_class c ON c.oid = o.objid WHERE o.classid = 'pg_class'::regclass AND c.relkind = 'r' LOOP
    RETURN QUERY EXECUTE format($$SELECT 'row of %s: ' || replace((to_jsonb(t) - '{database_oid,system_identifier,last_run_at}'::text[])::text, E'\n', '\n') FROM %s t$$, one.name, one.name);
  END LOOP;
  DROP TABLE object;
END
$function$;
