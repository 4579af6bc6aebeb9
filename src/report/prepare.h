/* What creating or altering a report does as its owner. */
#ifndef BM_REPORT_PREPARE_H
#define BM_REPORT_PREPARE_H

#include "utils/array.h"
#include "utils/jsonb.h"

#include "report/registry.h"

typedef struct BmPrepare
{
	bool is_new;
	bool decides;	  /* the strategy, where the query is a SELECT with a key */
	bool alters_rows; /* they mean something else from now on */
	char *description;
	Jsonb *columns;
	bool target_is_empty; /* what was found */
	bool target_was_made; /* it was not there */
	ArrayType *events;	  /* names of those that change something; NULL: all */
} BmPrepare;

extern void bm_prepare_as_owner(BmReport *report, Oid owner, BmPrepare *prepare);

#endif
