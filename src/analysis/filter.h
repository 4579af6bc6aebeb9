/* Conditions on the columns and properties of an event, written as JSON. */
#ifndef BM_ANALYSIS_FILTER_H
#define BM_ANALYSIS_FILTER_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "event/event.h"

typedef struct BmField BmField;
typedef struct BmFilter BmFilter;

/*
 * A column of type text ("company_id"), or what is at a path in the properties
 * ("properties.address.city"; a key may be in quotes). Raises 22023. In the current memory context, as the result of
 * bm_filter_parse() is.
 */
extern BmField *bm_field_parse(const char *name);

/* What bm_field_parse() takes for a property of any name. */
extern char *bm_field_of_property(const char *key);

/* The column, and behind properties the keys in them: strings. */
extern List *bm_field_path(const BmField *field);

/* The same field, whose text has the event's id, 16 bytes, before it. */
extern BmField *bm_field_with_id(BmField *field);

/* A bit for each BmEventColumn that is needed. */
extern uint32 bm_field_columns(const BmField *field);

/* The field as text, ->> of a property; false where it is NULL. May allocate. */
extern bool bm_field_text(const BmField *field, const BmEvent *event, char **text,
						  uint32 *length);

/*
 * An object: each key a field, its value what the field must be (a scalar), one of what it must be
 * (an array), null for a field that is missing or null, or an object of operators and operands. All
 * must hold. Raises 22023.
 */
extern BmFilter *bm_filter_parse(const Jsonb *filter);
extern uint32 bm_filter_columns(const BmFilter *filter);

/* What the planner can look for in an index: holds of each event that the filter holds of. */
typedef struct BmFilterHint
{
	BmEventColumn column;
	const char *op;
	Oid type; /* text or jsonb */
	Datum value;
} BmFilterHint;

/* At most "room" of them; how many. In the current context. */
extern int bm_filter_hints(const BmFilter *filter, BmFilterHint *hint, int room);

/* Unknown is false: a comparison with what is missing. May allocate. */
extern bool bm_filter_holds(const BmFilter *filter, const BmEvent *event);

#endif
