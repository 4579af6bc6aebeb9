/*
 * The two generated columns of an event: a time-ordered id (RFC 9562, version 7) and the
 * transaction that stored it.
 */
#include "postgres.h"

#include <time.h>

#include "access/transam.h"
#include "access/xact.h"
#include "common/pg_prng.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/uuid.h"

#include "event/event.h"

#define NANOSECONDS_PER_MS 1000000

PG_FUNCTION_INFO_V1(bizmetrics_uuid_v7);
PG_FUNCTION_INFO_V1(bizmetrics_current_xact);

/* Random bits of this process. Ids are unique, not secret: no system call for each. */
static uint64
random_bits(void)
{
	static pg_prng_state state;
	static int seeded_by = 0; /* a library loaded by the postmaster is copied by fork */

	if (seeded_by != MyProcPid)
	{
		if (!pg_prng_strong_seed(&state))
			ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
							errmsg("could not generate random values")));
		seeded_by = MyProcPid;
	}
	return pg_prng_uint64(&state);
}

/* Nanoseconds since the epoch, later than the last answer in this process. */
static uint64
increasing_time(void)
{
	static uint64 last = 0;
	struct timespec now;
	uint64 ns;

	clock_gettime(CLOCK_REALTIME, &now);
	ns = (uint64) now.tv_sec * 1000000000 + now.tv_nsec;
	/* Twelve bits hold a part of a millisecond: steps below 245 ns would be lost. */
	if (ns < last + NANOSECONDS_PER_MS / 4096 + 1)
		ns = last + NANOSECONDS_PER_MS / 4096 + 1;
	return last = ns;
}

void
bm_uuid_v7(pg_uuid_t *uuid)
{
	uint64 ns = increasing_time();
	uint64 ms = ns / NANOSECONDS_PER_MS;
	uint32 fraction = (uint32) ((ns % NANOSECONDS_PER_MS) * 4096 / NANOSECONDS_PER_MS);
	uint64 random = random_bits();

	for (int i = 0; i < 6; i++)
		uuid->data[i] = (uint8) (ms >> (40 - 8 * i));
	uuid->data[6] = 0x70 | (uint8) (fraction >> 8);
	uuid->data[7] = (uint8) fraction;
	memcpy(&uuid->data[8], &random, 8);
	uuid->data[8] = 0x80 | (uuid->data[8] & 0x3f);
}

/* The top-level transaction, 64 bits wide; assigns one where there is none. */
int64
bm_current_xact(void)
{
	return (int64) U64FromFullTransactionId(GetTopFullTransactionId());
}

Datum
bizmetrics_uuid_v7(PG_FUNCTION_ARGS)
{
	pg_uuid_t *uuid = palloc(sizeof(pg_uuid_t));

	bm_uuid_v7(uuid);
	PG_RETURN_UUID_P(uuid);
}

Datum
bizmetrics_current_xact(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(bm_current_xact());
}
