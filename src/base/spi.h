/* SQL of ours with parameters, through SPI, as the current role. */
#ifndef BM_BASE_SPI_H
#define BM_BASE_SPI_H

#include "nodes/params.h"
#include "tcop/dest.h"

#define BM_PARAMETERS 4

typedef struct BmParameters
{
	int count;
	Oid types[BM_PARAMETERS];
	Datum values[BM_PARAMETERS];
	bool nulls[BM_PARAMETERS];
} BmParameters;

extern void bm_parameter_add(BmParameters *parameters, Oid type, Datum value);
extern void bm_parameter_add_null(BmParameters *parameters, Oid type);
extern int bm_spi_execute_into(const char *sql, const BmParameters *parameters,
							   DestReceiver *dest);
extern uint64 bm_spi_execute(const char *sql, const BmParameters *parameters);
extern void bm_spi_command(const char *sql);
extern Datum bm_spi_value(uint64 row, int column, bool *isnull);

#endif
