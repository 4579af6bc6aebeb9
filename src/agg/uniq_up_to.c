/*
 * uniq_up_to.c
 *	  uniq_up_to(): how many different values a group has, as long as they are few.
 *
 * Values are kept with their hash, so that a comparison that can only fail is not made; a type that
 * cannot be hashed is compared with each value kept. One value more than asked for ends the work.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "agg/argument.h"

#define MAX_LIMIT 100

typedef struct Uniq
{
	Oid type;
	int16 length;
	bool by_value;
	uint8 limit;
	uint8 count; /* limit + 1: more than that, and no value is looked at */
	uint8 room;
	uint32 *hashes;
	Datum *values;
	MemoryContext context;
} Uniq;

PG_FUNCTION_INFO_V1(bizmetrics_uniq_up_to_add);
PG_FUNCTION_INFO_V1(bizmetrics_uniq_up_to_combine);
PG_FUNCTION_INFO_V1(bizmetrics_uniq_up_to_serialize);
PG_FUNCTION_INFO_V1(bizmetrics_uniq_up_to_deserialize);
PG_FUNCTION_INFO_V1(bizmetrics_uniq_up_to_result);

/* What is compared by, kept for the query. */
static TypeCacheEntry *
comparison_of(FunctionCallInfo fcinfo, Oid type)
{
	TypeCacheEntry *entry = fcinfo->flinfo->fn_extra;

	if (entry != NULL && entry->type_id == type)
		return entry;
	entry = lookup_type_cache(type, TYPECACHE_EQ_OPR_FINFO | TYPECACHE_HASH_PROC_FINFO);
	if (!OidIsValid(entry->eq_opr_finfo.fn_oid))
		ereport(
			ERROR, errcode(ERRCODE_UNDEFINED_FUNCTION),
			errmsg("could not identify an equality operator for type \"%s\"",
				   format_type_be(type)),
			errhint("Cast the values to a type that has one, such as text or jsonb."));
	fcinfo->flinfo->fn_extra = entry;
	return entry;
}

static uint32
hash_of(const TypeCacheEntry *entry, Oid collation, Datum value)
{
	if (!OidIsValid(entry->hash_proc))
		return 0;
	return DatumGetUInt32(FunctionCall1Coll(
		unconstify(FmgrInfo *, &entry->hash_proc_finfo), collation, value));
}

static Uniq *
create(MemoryContext context, Oid type, uint8 limit)
{
	Uniq *uniq = MemoryContextAllocZero(context, sizeof(Uniq));

	uniq->type = type;
	uniq->limit = limit;
	uniq->context = context;
	get_typlenbyval(type, &uniq->length, &uniq->by_value);
	return uniq;
}

static void
make_room(Uniq *uniq)
{
	int room = Min(uniq->limit, uniq->room == 0 ? 4 : uniq->room * 2);

	if (uniq->count < uniq->room)
		return;
	if (uniq->room == 0)
	{
		uniq->hashes = MemoryContextAlloc(uniq->context, room * sizeof(uint32));
		uniq->values = MemoryContextAlloc(uniq->context, room * sizeof(Datum));
	}
	else
	{
		uniq->hashes = repalloc(uniq->hashes, room * sizeof(uint32));
		uniq->values = repalloc(uniq->values, room * sizeof(Datum));
	}
	uniq->room = (uint8) room;
}

static void
add(Uniq *uniq, TypeCacheEntry *entry, Oid collation, uint32 hash, Datum value)
{
	MemoryContext outside;

	if (uniq->count > uniq->limit)
		return;
	for (int i = 0; i < uniq->count; i++)
	{
		if (uniq->hashes[i] == hash &&
			DatumGetBool(FunctionCall2Coll(&entry->eq_opr_finfo, collation,
										   uniq->values[i], value)))
			return;
	}
	if (uniq->count == uniq->limit)
	{
		uniq->count++;
		return;
	}
	make_room(uniq);
	outside = MemoryContextSwitchTo(uniq->context);
	uniq->values[uniq->count] = datumCopy(value, uniq->by_value, uniq->length);
	MemoryContextSwitchTo(outside);
	uniq->hashes[uniq->count] = hash;
	uniq->count++;
}

static uint8
read_limit(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(1))
		ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("limit must not be NULL"),
				errhint("Give a number from 1 to %d.", MAX_LIMIT));
	if (PG_GETARG_INT32(1) < 1 || PG_GETARG_INT32(1) > MAX_LIMIT)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("limit %d is not from 1 to %d", PG_GETARG_INT32(1), MAX_LIMIT),
				errhint("Beyond that, count(DISTINCT value) is the function to use."));
	return (uint8) PG_GETARG_INT32(1);
}

/* Arguments: state, limit, value. */
Datum
bizmetrics_uniq_up_to_add(PG_FUNCTION_ARGS)
{
	Uniq *uniq = PG_ARGISNULL(0) ? NULL : (Uniq *) PG_GETARG_POINTER(0);
	uint8 limit = read_limit(fcinfo);
	TypeCacheEntry *entry;
	Datum value;

	if (uniq == NULL)
		uniq = create(bm_aggregate_context(fcinfo),
					  get_fn_expr_argtype(fcinfo->flinfo, 2), limit);
	else if (uniq->limit != limit)
		bm_not_constant("limit");
	if (PG_ARGISNULL(2) || uniq->count > limit)
		PG_RETURN_POINTER(uniq);

	entry = comparison_of(fcinfo, uniq->type);
	value = PG_GETARG_DATUM(2);
	if (uniq->length == -1)
		value = PointerGetDatum(PG_DETOAST_DATUM_PACKED(value));
	add(uniq, entry, PG_GET_COLLATION(), hash_of(entry, PG_GET_COLLATION(), value),
		value);
	PG_RETURN_POINTER(uniq);
}

Datum
bizmetrics_uniq_up_to_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = bm_aggregate_context(fcinfo);
	Uniq *into = PG_ARGISNULL(0) ? NULL : (Uniq *) PG_GETARG_POINTER(0);
	const Uniq *from = PG_ARGISNULL(1) ? NULL : (Uniq *) PG_GETARG_POINTER(1);

	if (from != NULL)
	{
		if (into == NULL)
			into = create(context, from->type, from->limit);
		else if (into->limit != from->limit)
			bm_not_constant("limit");
		if (from->count > from->limit)
			into->count = from->count;
		else
		{
			for (int i = 0; i < from->count; i++)
				add(into, comparison_of(fcinfo, from->type), PG_GET_COLLATION(),
					from->hashes[i], from->values[i]);
		}
	}
	if (into == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(into);
}

/* The type, the numbers, then each hash and value. The values of more than the limit are not needed. */
Datum
bizmetrics_uniq_up_to_serialize(PG_FUNCTION_ARGS)
{
	const Uniq *uniq = (Uniq *) PG_GETARG_POINTER(0);
	int kept = uniq->count > uniq->limit ? 0 : uniq->count;
	Size size = sizeof(Oid) + 2 + kept * sizeof(uint32);
	bytea *serial;
	char *at;

	for (int i = 0; i < kept; i++)
		size += datumEstimateSpace(uniq->values[i], false, uniq->by_value, uniq->length);
	serial = bm_serial_alloc(size);
	at = VARDATA(serial);
	memcpy(at, &uniq->type, sizeof(Oid));
	at += sizeof(Oid);
	*at++ = (char) uniq->limit;
	*at++ = (char) uniq->count;
	memcpy(at, uniq->hashes, kept * sizeof(uint32));
	at += kept * sizeof(uint32);
	for (int i = 0; i < kept; i++)
		datumSerialize(uniq->values[i], false, uniq->by_value, uniq->length, &at);
	PG_RETURN_BYTEA_P(serial);
}

Datum
bizmetrics_uniq_up_to_deserialize(PG_FUNCTION_ARGS)
{
	bytea *serial = PG_GETARG_BYTEA_PP(0);
	char *at = VARDATA_ANY(serial);
	Uniq *uniq;
	Oid type;

	memcpy(&type, at, sizeof(Oid));
	at += sizeof(Oid);
	uniq = create(CurrentMemoryContext, type, (uint8) *at++);
	uniq->count = (uint8) *at++;
	if (uniq->count > 0 && uniq->count <= uniq->limit)
	{
		uniq->hashes = palloc(uniq->count * sizeof(uint32));
		uniq->values = palloc(uniq->count * sizeof(Datum));
		memcpy(uniq->hashes, at, uniq->count * sizeof(uint32));
		at += uniq->count * sizeof(uint32);
		for (int i = 0; i < uniq->count; i++)
		{
			bool isnull;

			uniq->values[i] = datumRestore(&at, &isnull);
		}
	}
	PG_RETURN_POINTER(uniq);
}

Datum
bizmetrics_uniq_up_to_result(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(PG_ARGISNULL(0) ? 0 : ((Uniq *) PG_GETARG_POINTER(0))->count);
}
