/*
 * An event as bytes, for the time between the call and the flush: a header, then each column that is
 * text or jsonb and not NULL, in the order of the table and aligned, as a varlena of its own. So the
 * Datums of an event that is read are places in its record.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/timestamp.h"

#include "event/event_record.h"

typedef struct RecordHeader
{
	uint32 length; /* of the whole record, a multiple of what MAXALIGN makes */
	uint32 nulls;  /* a bit for each column */
	TimestampTz occurred_at;
	pg_uuid_t id;
} RecordHeader;

static bool
is_varlena(int column)
{
	return column != BM_EVENT_ID && column != BM_EVENT_OCCURRED_AT;
}

/* Also fetches what is stored elsewhere or compressed, in place of the event's value. */
Size
bm_event_record_size(BmEvent *event)
{
	Size size = sizeof(RecordHeader);

	for (int c = 0; c < BM_EVENT_CALLER_COLUMNS; c++)
		if (is_varlena(c) && !event->isnull[c])
		{
			event->values[c] = PointerGetDatum(PG_DETOAST_DATUM_PACKED(event->values[c]));
			size += INTALIGN(VARSIZE_ANY(DatumGetPointer(event->values[c])));
		}
	return MAXALIGN(size);
}

/* The caller has asked for its size, and has so much room. */
void
bm_event_to_record(const BmEvent *event, Size size, char *record)
{
	RecordHeader *header = (RecordHeader *) record;
	char *place = record + sizeof(RecordHeader);

	header->length = size;
	header->nulls = 0;
	header->occurred_at = DatumGetTimestampTz(event->values[BM_EVENT_OCCURRED_AT]);
	header->id = *DatumGetUUIDP(event->values[BM_EVENT_ID]);
	for (int c = 0; c < BM_EVENT_CALLER_COLUMNS; c++)
	{
		Pointer value = DatumGetPointer(event->values[c]);

		if (event->isnull[c])
			header->nulls |= 1 << c;
		else if (is_varlena(c))
		{
			memcpy(place, value, VARSIZE_ANY(value));
			place += INTALIGN(VARSIZE_ANY(value));
		}
	}
}

/* Returns the record's size. The event lives as long as the record, and has its id in *id. */
Size
bm_event_from_record(char *record, BmEvent *event, pg_uuid_t *id)
{
	RecordHeader *header = (RecordHeader *) record;
	char *place = record + sizeof(RecordHeader);

	for (int c = 0; c < BM_EVENT_CALLER_COLUMNS; c++)
	{
		event->isnull[c] = header->nulls & (1 << c);
		if (event->isnull[c] || !is_varlena(c))
			continue;
		event->values[c] = PointerGetDatum(place);
		place += INTALIGN(VARSIZE_ANY(place));
	}
	event->values[BM_EVENT_OCCURRED_AT] = TimestampTzGetDatum(header->occurred_at);
	*id = header->id;
	event->values[BM_EVENT_ID] = UUIDPGetDatum(id);
	return header->length;
}
