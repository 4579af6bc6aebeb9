/*
 * bizmetrics.identifier: an id of any type, kept as text.
 *
 * A parameter of type text takes no integer, one of type "any" no untyped parameter of a
 * driver, and overloads for both are ambiguous. A type that bigint, uuid, numeric and strings
 * cast to takes all of them with a single function.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(bizmetrics_identifier_from_int2);
PG_FUNCTION_INFO_V1(bizmetrics_identifier_from_int4);
PG_FUNCTION_INFO_V1(bizmetrics_identifier_from_int8);
PG_FUNCTION_INFO_V1(bizmetrics_identifier_from_uuid);
PG_FUNCTION_INFO_V1(bizmetrics_identifier_from_numeric);

static Datum
from_integer(int64 id)
{
	char buffer[MAXINT8LEN + 1];
	int length = pg_lltoa(id, buffer);

	return PointerGetDatum(cstring_to_text_with_len(buffer, length));
}

static Datum
from_output(PGFunction output, Datum id)
{
	return CStringGetTextDatum(DatumGetCString(DirectFunctionCall1(output, id)));
}

Datum
bizmetrics_identifier_from_int2(PG_FUNCTION_ARGS)
{
	return from_integer(PG_GETARG_INT16(0));
}

Datum
bizmetrics_identifier_from_int4(PG_FUNCTION_ARGS)
{
	return from_integer(PG_GETARG_INT32(0));
}

Datum
bizmetrics_identifier_from_int8(PG_FUNCTION_ARGS)
{
	return from_integer(PG_GETARG_INT64(0));
}

Datum
bizmetrics_identifier_from_uuid(PG_FUNCTION_ARGS)
{
	return from_output(uuid_out, PG_GETARG_DATUM(0));
}

Datum
bizmetrics_identifier_from_numeric(PG_FUNCTION_ARGS)
{
	return from_output(numeric_out, PG_GETARG_DATUM(0));
}
