/* What the session says of who acts: fills what a call of log_event() leaves out. */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/guc.h"
#include "event/event.h"

/* PostgREST keeps the headers of the HTTP request in this setting, as a JSON object. */
#define HTTP_HEADERS "request.headers"
#define HTTP_REQUEST_ID "x-request-id"

static void
fill_from(BmEvent *event, BmEventColumn column, const char *value)
{
	if (!event->isnull[column] || value == NULL || value[0] == '\0')
		return;
	event->values[column] = CStringGetTextDatum(value);
	event->isnull[column] = false;
}

/* The request id in the headers, or NULL; what is no JSON object has none. */
static char *
find_request_id(const char *headers)
{
	JsonbValue value;
	Jsonb *object;

	if (pg_parse_json(bm_json_lex(pstrdup(headers)), &nullSemAction) != JSON_SUCCESS)
		return NULL;
	object = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(headers)));
	if (!JB_ROOT_IS_OBJECT(object) ||
		getKeyJsonValueFromContainer(&object->root, HTTP_REQUEST_ID,
									 strlen(HTTP_REQUEST_ID), &value) == NULL ||
		value.type != jbvString)
		return NULL;
	return pnstrdup(value.val.string.val, value.val.string.len);
}

/* Many events of one request ask for the same headers: they are read once. */
static const char *
http_request_id(void)
{
	static char *read_headers = NULL;
	static char *request_id = NULL;
	const char *headers = GetConfigOption(HTTP_HEADERS, true, false);
	char *found;

	if (headers == NULL || headers[0] == '\0')
		return NULL;
	if (read_headers != NULL && strcmp(read_headers, headers) == 0)
		return request_id;
	found = find_request_id(headers);
	if (read_headers != NULL)
		pfree(read_headers);
	if (request_id != NULL)
		pfree(request_id);
	read_headers = request_id = NULL;
	request_id = found != NULL ? MemoryContextStrdup(TopMemoryContext, found) : NULL;
	read_headers = MemoryContextStrdup(TopMemoryContext, headers);
	return request_id;
}

/* While an event of another session is stored: what that one said, as an event that says nothing else. */
static const BmEvent *borrowed = NULL;

void
bm_context_borrow(const BmEvent *context)
{
	borrowed = context;
}

static void
fill_from_borrowed(BmEvent *event)
{
	for (int c = 0; c < BM_EVENT_CALLER_COLUMNS; c++)
		if (event->isnull[c] && !borrowed->isnull[c])
		{
			event->values[c] = borrowed->values[c];
			event->isnull[c] = false;
		}
}

void
bm_context_fill(BmEvent *event)
{
	if (borrowed != NULL)
	{
		fill_from_borrowed(event);
		return;
	}
	fill_from(event, BM_EVENT_ACTOR_USER_ID, bm_guc_actor_user_id);
	fill_from(event, BM_EVENT_COMPANY_ID, bm_guc_company_id);
	fill_from(event, BM_EVENT_REQUEST_ID, bm_guc_request_id);
	if (event->isnull[BM_EVENT_REQUEST_ID])
		fill_from(event, BM_EVENT_REQUEST_ID, http_request_id());
}
