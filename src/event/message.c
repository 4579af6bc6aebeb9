/*
 * Another service's message, and what a mapping makes of it.
 *
 * A message is a JSON object: {"event": "order.created", "id": …, "data": {…}}, or a CloudEvent 1.0
 * ("specversion", "type", "id", "source", "time", "subject", "data"). A mapping says in paths, such
 * as data.customer.id, where its parts are. Whatever is wrong with a message raises an error of
 * class 22, which ingest() turns into a reject.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "event/json_text.h"
#include "event/message.h"
#include "event/template.h"

#define MAX_DEPTH 32 /* of a path */

/* From here on a number is a time in milliseconds: in seconds it would be the year 5138. */
#define FIRST_MILLISECONDS INT64CONST(100000000000)

struct BmMapping
{
	BmTemplate *texts[BM_EVENT_COLUMNS];
	char *message_id;
	char *occurred_at; /* NULL: where it usually is */
	bool entity_id_given;
	bool properties_given;
	JsonbValue properties; /* if given */
};

static const struct
{
	const char *key;
	BmEventColumn column;
	bool is_path; /* unless it has braces */
} text_keys[] = {
	{"actor_user_id", BM_EVENT_ACTOR_USER_ID, true},
	{"company_id", BM_EVENT_COMPANY_ID, true},
	{"entity_type", BM_EVENT_ENTITY_TYPE, false},
	{"entity_id", BM_EVENT_ENTITY_ID, true},
	{"request_id", BM_EVENT_REQUEST_ID, true},
};

/* The value at a path, or NULL where there is none, or null. */
static Jsonb *
find_value(Jsonb *payload, const char *path)
{
	Datum steps[MAX_DEPTH];
	int depth = 0;
	bool isnull;
	Datum value;
	JsonbValue scalar;

	for (const char *p = path;; p++)
	{
		int length = strcspn(p, ".");

		if (depth == MAX_DEPTH)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("path \"%s\" is too deep", path)));
		steps[depth++] = PointerGetDatum(cstring_to_text_with_len(p, length));
		p += length;
		if (*p == '\0')
			break;
	}
	value = jsonb_get_element(payload, steps, depth, &isnull, false);
	if (isnull)
		return NULL;
	if (JsonbExtractScalar(&DatumGetJsonbP(value)->root, &scalar) &&
		scalar.type == jbvNull)
		return NULL;
	return DatumGetJsonbP(value);
}

static char *
scalar_text(const JsonbValue *scalar)
{
	switch (scalar->type)
	{
		case jbvString:
			return pnstrdup(scalar->val.string.val, scalar->val.string.len);
		case jbvNumeric:
			return DatumGetCString(
				DirectFunctionCall1(numeric_out, NumericGetDatum(scalar->val.numeric)));
		case jbvBool:
			return pstrdup(scalar->val.boolean ? "true" : "false");
		default:
			return NULL;
	}
}

/* The text at a path, or NULL. */
static char *
find_text(Jsonb *payload, const char *path)
{
	Jsonb *value = find_value(payload, path);
	JsonbValue scalar;

	if (value == NULL)
		return NULL;
	if (!JsonbExtractScalar(&value->root, &scalar))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("\"%s\" of the message is no single value", path),
						errhint("Map a path that leads to a string or a number.")));
	return scalar_text(&scalar);
}

static char *
look_up(const BmTemplatePart *part, const void *context)
{
	const BmMessage *message = context;

	return find_text(message->payload, part->text);
}

/* The mapping's value of a key as a string; false where there is none, or null. */
static bool
mapped_value(Jsonb *paths, const char *key, JsonbValue *value)
{
	return getKeyJsonValueFromContainer(&paths->root, key, strlen(key), value) != NULL &&
		   value->type != jbvNull;
}

static char *
mapped_text(Jsonb *paths, const char *key)
{
	JsonbValue value;

	if (!mapped_value(paths, key, &value))
		return NULL;
	if (value.type != jbvString || value.val.string.len == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("\"%s\" of the mapping is no path", key),
						errhint("Write a path as a string, for example "
								"\"data.customer.id\".")));
	return pnstrdup(value.val.string.val, value.val.string.len);
}

static bool
is_known_key(const JsonbValue *key)
{
	static const char *const others[] = {"id", "occurred_at", "properties"};

	for (int i = 0; i < lengthof(text_keys); i++)
		if (strlen(text_keys[i].key) == key->val.string.len &&
			memcmp(text_keys[i].key, key->val.string.val, key->val.string.len) == 0)
			return true;
	for (int i = 0; i < lengthof(others); i++)
		if (strlen(others[i]) == key->val.string.len &&
			memcmp(others[i], key->val.string.val, key->val.string.len) == 0)
			return true;
	return false;
}

static void
check_keys(Jsonb *paths)
{
	JsonbIterator *iterator = JsonbIteratorInit(&paths->root);
	JsonbIteratorToken token;
	JsonbValue key;

	if (!JB_ROOT_IS_OBJECT(paths))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("mapping must be a JSON object"),
						errhint("For example '{\"entity_id\": \"data.id\"}'.")));
	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
		if (token == WJB_KEY && !is_known_key(&key))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("mapping has no key \"%s\"",
							pnstrdup(key.val.string.val, key.val.string.len)),
					 errhint("Its keys are actor_user_id, company_id, entity_type, "
							 "entity_id, occurred_at, request_id, id and properties.")));
}

/* A path, a list of paths, or an object of paths. */
static void
check_properties(Jsonb *paths)
{
	JsonbValue properties;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue item;

	if (!mapped_value(paths, "properties", &properties))
		return;
	if (properties.type == jbvString && properties.val.string.len > 0)
		return;
	if (properties.type == jbvBinary)
	{
		bool good = true;

		iterator = JsonbIteratorInit(properties.val.binary.data);
		while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
			if (token == WJB_ELEM || token == WJB_VALUE)
				good = good && item.type == jbvString && item.val.string.len > 0;
		if (good)
			return;
	}
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("\"properties\" of the mapping is neither a path nor a list "
						   "nor an object of paths"),
					errhint("For example [\"data.total\", \"data.currency\"].")));
}

/* In the current memory context; holds references into both arguments. Raises 22023 and 22001. */
BmMapping *
bm_mapping_parse(const char *event_name, Jsonb *paths)
{
	BmMapping *mapping = palloc0(sizeof(BmMapping));
	JsonbValue any;

	check_keys(paths);
	check_properties(paths);
	if (event_name != NULL)
	{
		mapping->texts[BM_EVENT_NAME] = bm_template_parse("event_name", event_name);
		bm_template_check_name(mapping->texts[BM_EVENT_NAME]);
	}
	for (int i = 0; i < lengthof(text_keys); i++)
	{
		const char *key = text_keys[i].key;
		char *text = mapped_text(paths, key);

		if (text != NULL)
			mapping->texts[text_keys[i].column] =
				text_keys[i].is_path ? bm_template_parse_reference(key, text)
									 : bm_template_parse(key, text);
	}
	mapping->message_id = mapped_text(paths, "id");
	mapping->occurred_at = mapped_text(paths, "occurred_at");
	/* null: none, not even the subject. */
	mapping->entity_id_given =
		getKeyJsonValueFromContainer(&paths->root, "entity_id", strlen("entity_id"),
									 &any) != NULL;
	mapping->properties_given = mapped_value(paths, "properties", &mapping->properties);
	return mapping;
}

/* Raises 22023 where it is no message. */
BmMessage
bm_message_read(Jsonb *payload)
{
	BmMessage message = {payload, NULL, false};

	if (!JB_ROOT_IS_OBJECT(payload))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("message is no JSON object"),
						JB_ROOT_IS_ARRAY(payload) && !JB_ROOT_IS_SCALAR(payload)
							? errhint("Of a batch, ingest one message after the other: "
									  "SELECT bizmetrics.ingest(source, message) FROM "
									  "jsonb_array_elements(batch) AS message.")
							: 0));
	message.is_cloud_event = find_value(payload, "specversion") != NULL;
	if (!message.is_cloud_event)
		message.source_event = find_text(payload, "event");
	if (message.source_event == NULL)
		message.source_event = find_text(payload, "type");
	if (message.source_event == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("message has no \"%s\"",
							   message.is_cloud_event ? "type" : "event")));
	return message;
}

/*
 * The key of a message: once per source and id. Ids of CloudEvents are unique within their own
 * source only, so that is part of it. Its colons are written as in a URI: two pairs never meet.
 */
static char *
message_key(const BmMessage *message, const BmMapping *mapping, const char *source)
{
	const char *path = mapping->message_id != NULL ? mapping->message_id : "id";
	char *id = find_text(message->payload, path);
	char *cloud_source =
		message->is_cloud_event ? find_text(message->payload, "source") : NULL;
	StringInfoData key;

	if (id == NULL || id[0] == '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("message has no \"%s\"", path),
						errdetail("Its id is what keeps it from being stored twice.")));
	initStringInfo(&key);
	appendStringInfo(&key, "%s:", source);
	for (const char *p = cloud_source; p != NULL && *p != '\0'; p++)
	{
		if (*p == ':')
			appendStringInfoString(&key, "%3A");
		else
			appendStringInfoChar(&key, *p);
	}
	if (cloud_source != NULL)
		appendStringInfoChar(&key, ':');
	appendStringInfoString(&key, id);
	return key.data;
}

/* A number is seconds since 1970, or milliseconds. */
static Datum
number_time(Numeric number)
{
	Datum seconds = DirectFunctionCall1(numeric_float8, NumericGetDatum(number));

	if (DatumGetFloat8(seconds) >= (double) FIRST_MILLISECONDS)
		seconds = Float8GetDatum(DatumGetFloat8(seconds) / 1000.0);
	return DirectFunctionCall1(float8_timestamptz, seconds);
}

/* The time at a path; false where there is none. Raises what reading a time does. */
static bool
find_time(Jsonb *payload, const char *path, Datum *time)
{
	Jsonb *value = find_value(payload, path);
	JsonbValue scalar;

	if (value == NULL)
		return false;
	if (JsonbExtractScalar(&value->root, &scalar) && scalar.type == jbvNumeric)
		*time = number_time(scalar.val.numeric);
	else
		*time =
			DirectFunctionCall3(timestamptz_in, CStringGetDatum(find_text(payload, path)),
								ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	return true;
}

/* A time that the mapping names must be there; else it is where it usually is, or now. */
static void
fill_time(const BmMessage *message, const BmMapping *mapping, BmEvent *event)
{
	Datum *time = &event->values[BM_EVENT_OCCURRED_AT];
	bool found;

	if (mapping->occurred_at != NULL)
	{
		found = find_time(message->payload, mapping->occurred_at, time);
		if (!found)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("message has no \"%s\"", mapping->occurred_at),
							errdetail("The mapping has its occurred_at there.")));
	}
	else
		found = (!message->is_cloud_event &&
				 find_time(message->payload, "occurred_at", time)) ||
				find_time(message->payload, "time", time);
	event->isnull[BM_EVENT_OCCURRED_AT] = !found;
}

static void
fill_text(BmEvent *event, BmEventColumn column, const char *text)
{
	event->isnull[column] = text == NULL;
	event->values[column] = text != NULL ? CStringGetTextDatum(text) : (Datum) 0;
}

/* One property by its path; what the message does not have is left out. */
static void
push_property(JsonbParseState **state, Jsonb *payload, const char *name, int length,
			  const JsonbValue *path)
{
	Jsonb *value =
		find_value(payload, pnstrdup(path->val.string.val, path->val.string.len));

	if (value == NULL)
		return;
	bm_json_push_string(state, WJB_KEY, name, length);
	bm_json_push_json(state, value);
}

/* What is listed: by the last step of its path, or by the key it has in an object. */
static Jsonb *
listed_properties(Jsonb *payload, const BmMapping *mapping)
{
	JsonbIterator *iterator = JsonbIteratorInit(mapping->properties.val.binary.data);
	JsonbParseState *state = NULL;
	JsonbIteratorToken token;
	JsonbValue item;
	JsonbValue key = {0};

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = item;
		else if (token == WJB_VALUE)
			push_property(&state, payload, key.val.string.val, key.val.string.len, &item);
		else if (token == WJB_ELEM)
		{
			const char *end = item.val.string.val + item.val.string.len;
			const char *name = end;

			while (name > item.val.string.val && name[-1] != '.')
				name--;
			push_property(&state, payload, name, end - name, &item);
		}
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* An object as it is, anything else as {"data": …}. */
static Jsonb *
data_properties(Jsonb *data)
{
	JsonbParseState *state = NULL;

	if (JB_ROOT_IS_OBJECT(data))
		return data;
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	bm_json_push_string(&state, WJB_KEY, "data", strlen("data"));
	bm_json_push_json(&state, data);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static void
fill_properties(const BmMessage *message, const BmMapping *mapping, BmEvent *event)
{
	const JsonbValue *path = &mapping->properties;
	Jsonb *properties;

	if (!mapping->properties_given)
	{
		properties = find_value(message->payload, "data");
		if (properties != NULL)
			properties = data_properties(properties);
	}
	else if (path->type == jbvString)
		properties = find_value(message->payload,
								pnstrdup(path->val.string.val, path->val.string.len));
	else
		properties = listed_properties(message->payload, mapping);
	event->isnull[BM_EVENT_PROPERTIES] = properties == NULL;
	event->values[BM_EVENT_PROPERTIES] =
		properties != NULL ? JsonbPGetDatum(properties) : (Datum) 0;
}

/* The event that the message is. False: its mapping has no event name, it is not wanted. */
bool
bm_message_fill(const BmMessage *message, const BmMapping *mapping, const char *source,
				BmEvent *event)
{
	memset(event->isnull, true, sizeof(event->isnull));
	if (mapping->texts[BM_EVENT_NAME] == NULL)
		return false;
	for (int column = 0; column < BM_EVENT_CALLER_COLUMNS; column++)
		if (mapping->texts[column] != NULL)
			fill_text(event, column,
					  bm_template_fill(mapping->texts[column], look_up, message));
	if (message->is_cloud_event && !mapping->entity_id_given)
		fill_text(event, BM_EVENT_ENTITY_ID, find_text(message->payload, "subject"));
	fill_text(event, BM_EVENT_DEDUPE_KEY, message_key(message, mapping, source));
	fill_time(message, mapping, event);
	fill_properties(message, mapping, event);
	return true;
}
