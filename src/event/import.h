/* Bringing in history: where its rows are, and what each becomes. */
#ifndef BM_EVENT_IMPORT_H
#define BM_EVENT_IMPORT_H

#include "access/tupdesc.h"
#include "utils/jsonb.h"

#include "event/event.h"

/* A heap table, which is read in ranges of blocks: the user's own, or a copy of what he names. */
typedef struct BmImportSource
{
	char *name;	 /* what ids and rejects know it by */
	char *table; /* as SQL has it */
	Oid relid;	 /* of that */
	Oid origin;	 /* the relation that it is a copy of, or itself; InvalidOid: a query */
	bool is_staged; /* a copy: to be dropped */
	double rows;	/* how many it has, about; negative: unknown */
} BmImportSource;

/* SQL expressions over a row s of the source, of the types of business_events. */
typedef struct BmImportMapping
{
	const char *
		label; /* what rejects are known by: a table may become several kinds of events */
	char *column[BM_EVENT_CALLER_COLUMNS];	   /* NULL: there is none */
	bool may_be_long[BM_EVENT_CALLER_COLUMNS]; /* going by its type */
} BmImportMapping;

/* import_source.c */
extern BmImportSource *bm_import_open(const char *source, const char *name);
extern void bm_import_close(const BmImportSource *source);

/* import_mapping.c */
extern BmImportMapping *bm_import_map(const BmImportSource *source, Jsonb *mapping);

#endif
