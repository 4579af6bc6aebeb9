/*
 * What a row of an import's source becomes: a mapping as a JSON object, turned into SQL expressions.
 *
 * They are put into statements that run with the caller's search_path, for what those set off may
 * depend on it: so every function, operator and type in them is qualified.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "event/import.h"
#include "event/json_text.h"
#include "event/template.h"

#define WHOLE_ROW "{*}"
#define CONCATENATE " OPERATOR(pg_catalog.||) "

/* Pairs that fit one call of jsonb_build_object(). */
#define MAX_PAIRS 50

typedef struct Mapper
{
	const BmImportSource *source;
	TupleDesc desc;
	Jsonb *mapping;
	Bitmapset
		*key; /* the primary key's columns, from FirstLowInvalidHeapAttributeNumber */
	bool name_is_column;
	BmImportMapping *result;
} Mapper;

static Form_pg_attribute
find_column(const Mapper *mapper, const char *name)
{
	for (int i = 0; i < mapper->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(mapper->desc, i);

		if (!att->attisdropped && strcmp(NameStr(att->attname), name) == 0)
			return att;
	}
	return NULL;
}

static Form_pg_attribute
get_column(const Mapper *mapper, const char *key, const char *name)
{
	Form_pg_attribute att = find_column(mapper, name);

	if (att == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("%s has no column \"%s\"", mapper->source->name, name),
						errdetail("It is in \"%s\" of the mapping.", key)));
	return att;
}

static char *
reference(Form_pg_attribute att)
{
	return psprintf("s.%s", quote_identifier(NameStr(att->attname)));
}

/* A column as text: times in ISO 8601, and in UTC, for ids must not depend on who imports. */
static char *
text_of(Form_pg_attribute att)
{
	char *column = reference(att);

	switch (getBaseType(att->atttypid))
	{
		case TIMESTAMPTZOID:
			return psprintf("(pg_catalog.to_jsonb(pg_catalog.timezone('UTC', %s))"
							" OPERATOR(pg_catalog.#>>) '{}'" CONCATENATE "'+00:00')",
							column);
		case TIMESTAMPOID:
		case DATEOID:
			return psprintf("(pg_catalog.to_jsonb(%s) OPERATOR(pg_catalog.#>>) '{}')",
							column);
		default:
			return psprintf("%s::pg_catalog.text", column);
	}
}

static void
add_item(StringInfo list, const char *separator, const char *item)
{
	appendStringInfo(list, "%s%s", list->len > 0 ? separator : "", item);
}

static char *
text_of_template(const Mapper *mapper, const char *key, const BmTemplate *template)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < template->count; i++)
	{
		const BmTemplatePart *part = &template->parts[i];

		add_item(&sql, CONCATENATE,
				 part->is_reference
					 ? text_of(get_column(mapper, key, part->text))
					 : psprintf("%s::pg_catalog.text", quote_literal_cstr(part->text)));
	}
	return psprintf("(%s)", sql.data);
}

static void
bad_value(const char *key, const char *wanted, const JsonbValue *value)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("\"%s\" of the mapping must be %s, not %s", key, wanted,
						   bm_json_describe(value))));
}

static bool
is_mapped(const Mapper *mapper, const char *key, JsonbValue *value)
{
	return getKeyJsonValueFromContainer(&mapper->mapping->root, key, strlen(key),
										value) != NULL;
}

static char *
string_of(const char *key, const char *wanted, const JsonbValue *value)
{
	if (value->type == jbvNull)
		return "";
	if (value->type != jbvString)
		bad_value(key, wanted, value);
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* What the mapping says of a column as a template, or else the column of its name; NULL: nothing. */
static BmTemplate *
template_of(const Mapper *mapper, BmEventColumn column, bool is_reference)
{
	const char *key = bm_event_column_names[column];
	JsonbValue value;
	char *text;

	if (!is_mapped(mapper, key, &value))
		return find_column(mapper, key) != NULL ? bm_template_parse_reference(key, key)
												: NULL;
	text = string_of(key, is_reference ? "a column or a template" : "a template", &value);
	if (text[0] == '\0')
		return NULL;
	return is_reference ? bm_template_parse_reference(key, text)
						: bm_template_parse(key, text);
}

static bool
is_one_column(const BmTemplate *template)
{
	return template->count == 1 && template->parts[0].is_reference;
}

/* May a value of it have more characters than an id may? */
static bool
may_be_long(const Mapper *mapper, const char *key, const BmTemplate *template)
{
	Form_pg_attribute att;

	if (!is_one_column(template))
		return true;
	att = get_column(mapper, key, template->parts[0].text);
	switch (att->atttypid)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case UUIDOID:
			return false;
		case VARCHAROID:
			return att->atttypmod < 0 || att->atttypmod - VARHDRSZ > BM_ID_MAX;
		default:
			return true;
	}
}

static void
map_texts(Mapper *mapper)
{
	static const BmEventColumn columns[] = {BM_EVENT_NAME,		 BM_EVENT_ACTOR_USER_ID,
											BM_EVENT_COMPANY_ID, BM_EVENT_ENTITY_TYPE,
											BM_EVENT_ENTITY_ID,	 BM_EVENT_REQUEST_ID,
											BM_EVENT_DEDUPE_KEY};

	for (int i = 0; i < lengthof(columns); i++)
	{
		BmEventColumn column = columns[i];
		bool is_name = column == BM_EVENT_NAME || column == BM_EVENT_ENTITY_TYPE;
		BmTemplate *template = template_of(mapper, column, !is_name);

		if (template == NULL)
			continue;
		mapper->result->column[column] =
			text_of_template(mapper, bm_event_column_names[column], template);
		mapper->result->may_be_long[column] =
			may_be_long(mapper, bm_event_column_names[column], template);
		if (column == BM_EVENT_NAME)
		{
			bm_template_check_name(template);
			mapper->name_is_column = is_one_column(template);
		}
	}
}

/* Without a name of their own rows are known by what the mapping calls them. */
static void
name_events(Mapper *mapper)
{
	const char *key = bm_event_column_names[BM_EVENT_NAME];
	const char *name = mapper->source->name;
	JsonbValue value;

	if (mapper->result->column[BM_EVENT_NAME] == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s has no column \"event_name\"", name),
						errhint("Say what happened, for example with mapping => "
								"'{\"event_name\": \"order_paid\"}'.")));
	mapper->result->label = name;
	if (!mapper->name_is_column && is_mapped(mapper, key, &value))
		mapper->result->label =
			psprintf("%s as %s", name, string_of(key, "a template", &value));
}

static void
map_time(Mapper *mapper)
{
	const char *key = bm_event_column_names[BM_EVENT_OCCURRED_AT];
	JsonbValue value;
	const char *name = key;
	Form_pg_attribute att;

	if (is_mapped(mapper, key, &value))
		name = string_of(key, "a column", &value);
	else if (find_column(mapper, key) == NULL)
		name = "";
	if (name[0] == '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s has no column \"occurred_at\"", mapper->source->name),
						errhint("Say when it happened, for example with mapping => "
								"'{\"occurred_at\": \"created_at\"}'.")));
	att = get_column(mapper, key, name);
	switch (getBaseType(att->atttypid))
	{
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
		case DATEOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of %s is no time", name, mapper->source->name),
					 errhint("Import a query that makes it one, for example with "
							 "to_timestamp().")));
	}
	mapper->result->column[BM_EVENT_OCCURRED_AT] =
		psprintf("%s::pg_catalog.timestamptz", reference(att));
}

static char *
column_as_json(const Mapper *mapper, const char *name)
{
	Form_pg_attribute att = get_column(mapper, "properties", name);

	switch (getBaseType(att->atttypid))
	{
		case JSONBOID:
		case JSONOID:
			return psprintf("%s::pg_catalog.jsonb", reference(att));
		case TEXTOID:
		case VARCHAROID:
			return psprintf("%s::pg_catalog.text::pg_catalog.jsonb", reference(att));
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of %s is no JSON", name, mapper->source->name),
					 errhint("To make it a property, list it: {\"properties\": "
							 "[\"%s\"]}.",
							 name)));
	}
}

/* A list of columns, or an object of them, as an object of their values. */
static char *
object_of_columns(const Mapper *mapper, const JsonbValue *properties)
{
	JsonbIterator *iterator = JsonbIteratorInit(properties->val.binary.data);
	JsonbIteratorToken token;
	JsonbValue item;
	StringInfoData sql;
	char *key = NULL;
	int pairs = 0;

	initStringInfo(&sql);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		char *name;

		if (token == WJB_KEY)
			key = pnstrdup(item.val.string.val, item.val.string.len);
		if (token != WJB_VALUE && token != WJB_ELEM)
			continue;
		if (item.type != jbvString)
			bad_value("properties", "made of columns", &item);
		name = pnstrdup(item.val.string.val, item.val.string.len);
		if (pairs++ % MAX_PAIRS == 0)
			appendStringInfo(&sql, "%spg_catalog.jsonb_build_object(",
							 pairs > 1 ? ")" CONCATENATE : "");
		else
			appendStringInfoString(&sql, ", ");
		appendStringInfo(&sql, "%s::pg_catalog.text, %s",
						 quote_literal_cstr(token == WJB_VALUE ? key : name),
						 reference(get_column(mapper, "properties", name)));
	}
	return pairs > 0 ? psprintf("(%s))", sql.data) : NULL;
}

static void
map_properties(Mapper *mapper)
{
	const char *key = bm_event_column_names[BM_EVENT_PROPERTIES];
	char **result = &mapper->result->column[BM_EVENT_PROPERTIES];
	JsonbValue value;

	if (!is_mapped(mapper, key, &value))
	{
		if (find_column(mapper, key) != NULL)
			*result = column_as_json(mapper, key);
	}
	else if (value.type == jbvBinary)
		*result = object_of_columns(mapper, &value);
	else
	{
		char *name =
			string_of(key, "a column, a list of columns or an object of columns", &value);

		if (name[0] != '\0')
			*result = column_as_json(mapper, name);
	}
}

/* Columns in one text, in which nothing is lost. */
static char *
text_of_columns(const Mapper *mapper, const Bitmapset *only)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < mapper->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(mapper->desc, i);

		if (!att->attisdropped && (only == NULL || bms_is_member(i, only)))
			add_item(&sql, ", ", text_of(att));
	}
	return psprintf("(ARRAY[%s]::pg_catalog.text)", sql.data);
}

/* The primary key's columns as text, or NULL. */
static char *
text_of_key(const Mapper *mapper)
{
	if (mapper->key == NULL)
		return NULL;
	if (bms_membership(mapper->key) == BMS_SINGLETON)
		return text_of(TupleDescAttr(mapper->desc, bms_singleton_member(mapper->key)));
	return text_of_columns(mapper, mapper->key);
}

/* What tells a row from the others; a column that is a uuid is left in *uuid. */
static char *
row_key(const Mapper *mapper, Form_pg_attribute *uuid)
{
	const char *name = bm_event_column_names[BM_EVENT_ID];
	JsonbValue value;
	BmTemplate *template;

	if (is_mapped(mapper, name, &value) &&
		strcmp(string_of(name, "a column or a template", &value), WHOLE_ROW) == 0)
		return text_of_columns(mapper, NULL);
	template = template_of(mapper, BM_EVENT_ID, true);
	if (template == NULL)
		return text_of_key(mapper) != NULL ? text_of_key(mapper)
										   : mapper->result->column[BM_EVENT_DEDUPE_KEY];
	if (is_one_column(template))
	{
		Form_pg_attribute att = get_column(mapper, name, template->parts[0].text);

		if (getBaseType(att->atttypid) == UUIDOID)
			*uuid = att;
	}
	return text_of_template(mapper, name, template);
}

/*
 * A log of events, whose rows have their own names, keeps its uuids. Of other tables one row may be
 * several events, imported one after the other, so that the name is part of the id.
 */
static void
map_id(Mapper *mapper)
{
	Form_pg_attribute uuid = NULL;
	char *key = row_key(mapper, &uuid);

	if (key == NULL)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s has no column that tells its rows apart", mapper->source->name),
			 errdetail("Imported twice, each row would be two events."),
			 errhint("Add \"id\" to the mapping: a column, a template such as "
					 "\"{order_id}-{line}\", or \"{*}\" for all columns, where rows "
					 "that are the same are one event.")));
	mapper->result->column[BM_EVENT_ID] =
		uuid != NULL && mapper->name_is_column
			? psprintf("%s::pg_catalog.uuid", reference(uuid))
			: psprintf("bizmetrics.import_id(%s, %s, %s)",
					   quote_literal_cstr(mapper->source->name),
					   mapper->result->column[BM_EVENT_NAME], key);
}

static void
check_keys(Jsonb *mapping)
{
	JsonbIterator *iterator = JsonbIteratorInit(&mapping->root);
	JsonbIteratorToken token;
	JsonbValue key;

	if (!JB_ROOT_IS_OBJECT(mapping))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("mapping must be a JSON object"),
						errhint("For example '{\"occurred_at\": \"created_at\"}'.")));
	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		bool known = token != WJB_KEY;

		for (int c = 0; c < BM_EVENT_CALLER_COLUMNS && !known; c++)
			known = strlen(bm_event_column_names[c]) == key.val.string.len &&
					memcmp(bm_event_column_names[c], key.val.string.val,
						   key.val.string.len) == 0;
		if (!known)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("mapping has no key \"%s\"",
								   pnstrdup(key.val.string.val, key.val.string.len)),
							errhint("Its keys are the first ten columns of "
									"public.business_events.")));
	}
}

/* The places of the primary key's columns in the source's rows, which may be a copy. */
static void
find_key(Mapper *mapper)
{
	Relation origin;
	Bitmapset *key;
	int member = -1;

	if (!OidIsValid(mapper->source->origin))
		return;
	origin = relation_open(mapper->source->origin, AccessShareLock);
	key = RelationGetIndexAttrBitmap(origin, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	while ((member = bms_next_member(key, member)) >= 0)
	{
		AttrNumber number = member + FirstLowInvalidHeapAttributeNumber;
		char *name =
			NameStr(TupleDescAttr(RelationGetDescr(origin), number - 1)->attname);

		mapper->key = bms_add_member(mapper->key, find_column(mapper, name)->attnum - 1);
	}
	relation_close(origin, AccessShareLock);
}

/* In the current memory context. Throws 22001, 22023, 42703 and 42804. */
BmImportMapping *
bm_import_map(const BmImportSource *source, Jsonb *mapping)
{
	Relation rel = relation_open(source->relid, AccessShareLock);
	Mapper mapper = {source, RelationGetDescr(rel), mapping};

	check_keys(mapping);
	mapper.result = palloc0(sizeof(BmImportMapping));
	find_key(&mapper);
	map_texts(&mapper);
	name_events(&mapper);
	map_time(&mapper);
	map_properties(&mapper);
	map_id(&mapper);
	relation_close(rel, AccessShareLock);
	return mapper.result;
}
