/* A query as bytes, for the workers of a scan. */
#include "postgres.h"

#include "analysis/scan_query.h"

static void
write_bytes(StringInfo bytes, const void *data, int32 length)
{
	appendBinaryStringInfo(bytes, (const char *) &length, sizeof(length));
	if (length > 0)
		appendBinaryStringInfo(bytes, data, length);
}

static void
write_text(StringInfo bytes, const char *text)
{
	write_bytes(bytes, text, text == NULL ? -1 : (int32) strlen(text) + 1);
}

static void
write_json(StringInfo bytes, const Jsonb *json)
{
	write_bytes(bytes, json, json == NULL ? -1 : (int32) VARSIZE(json));
}

/* A copy, or NULL where nothing was written. */
static void *
read_bytes(const char **at)
{
	int32 length;
	void *data;

	memcpy(&length, *at, sizeof(length));
	*at += sizeof(length);
	if (length < 0)
		return NULL;
	data = palloc(length);
	memcpy(data, *at, length);
	*at += length;
	return data;
}

void
bm_scan_query_write(const BmScanQuery *query, StringInfo bytes)
{
	write_bytes(bytes, query, sizeof(BmScanQuery));
	write_text(bytes, query->value);
	write_json(bytes, query->filter);
	for (int i = 0; i < query->conditions; i++)
	{
		const BmScanCondition *condition = &query->condition[i];

		write_bytes(bytes, condition, sizeof(BmScanCondition));
		write_text(bytes, condition->event);
		write_json(bytes, condition->filter);
	}
}

BmScanQuery *
bm_scan_query_read(const char *bytes)
{
	BmScanQuery *query = read_bytes(&bytes);
	BmScanCondition *conditions = palloc(query->conditions * sizeof(BmScanCondition));

	query->value = read_bytes(&bytes);
	query->filter = read_bytes(&bytes);
	query->condition = conditions;
	for (int i = 0; i < query->conditions; i++)
	{
		BmScanCondition *condition = read_bytes(&bytes);

		conditions[i].ever = condition->ever;
		conditions[i].event = read_bytes(&bytes);
		conditions[i].filter = read_bytes(&bytes);
	}
	return query;
}
