/* SQL of ours with parameters, through SPI, as the current role. */
#include "postgres.h"

#include "executor/spi.h"

#include "base/spi.h"

void
bm_parameter_add(BmParameters *parameters, Oid type, Datum value)
{
	Assert(parameters->count < BM_PARAMETERS);
	parameters->types[parameters->count] = type;
	parameters->values[parameters->count] = value;
	parameters->nulls[parameters->count] = false;
	parameters->count++;
}

void
bm_parameter_add_null(BmParameters *parameters, Oid type)
{
	bm_parameter_add(parameters, type, (Datum) 0);
	parameters->nulls[parameters->count - 1] = true;
}

static ParamListInfo
make_list(const BmParameters *parameters)
{
	ParamListInfo list;

	if (parameters == NULL || parameters->count == 0)
		return NULL;
	list = makeParamList(parameters->count);
	for (int i = 0; i < parameters->count; i++)
	{
		list->params[i].value = parameters->values[i];
		list->params[i].isnull = parameters->nulls[i];
		list->params[i].pflags = PARAM_FLAG_CONST;
		list->params[i].ptype = parameters->types[i];
	}
	return list;
}

/* Runs a command and says what SPI says; its rows go to dest, or where that is NULL to SPI_tuptable. */
int
bm_spi_execute_into(const char *sql, const BmParameters *parameters, DestReceiver *dest)
{
	SPIExecuteOptions options = {.params = make_list(parameters), .dest = dest};

	return SPI_execute_extended(sql, &options);
}

/* Runs a command of ours; says how many rows it gave or wrote. */
uint64
bm_spi_execute(const char *sql, const BmParameters *parameters)
{
	int result = bm_spi_execute_into(sql, parameters, NULL);

	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", sql, SPI_result_code_string(result));
	return SPI_processed;
}

void
bm_spi_command(const char *sql)
{
	(void) bm_spi_execute(sql, NULL);
}

/* A value of the rows that were given last; columns count from 1. */
Datum
bm_spi_value(uint64 row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}
