/*
 * The id of an event that an import makes of a row: the same each time, so that the row is stored
 * once. A UUID of version 5 (RFC 9562) in steps, source, event name and key, so that no part of one
 * can pass for a part of another.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/sha1.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(bizmetrics_import_id);

/* The namespace of sources: 6d1cfa2e-8f3d-4b0e-9c57-2b1f0a8e4d63. */
static const pg_uuid_t sources = {{0x6d, 0x1c, 0xfa, 0x2e, 0x8f, 0x3d, 0x4b, 0x0e, 0x9c,
								   0x57, 0x2b, 0x1f, 0x0a, 0x8e, 0x4d, 0x63}};

/* The name's UUID of version 5 in a namespace, which it replaces. */
static void
descend(pg_cryptohash_ctx *hash, pg_uuid_t *uuid, const char *name)
{
	uint8 digest[SHA1_DIGEST_LENGTH];

	if (pg_cryptohash_init(hash) < 0 ||
		pg_cryptohash_update(hash, uuid->data, UUID_LEN) < 0 ||
		pg_cryptohash_update(hash, (const uint8 *) name, strlen(name)) < 0 ||
		pg_cryptohash_final(hash, digest, sizeof(digest)) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute an id: %s", pg_cryptohash_error(hash))));
	memcpy(uuid->data, digest, UUID_LEN);
	uuid->data[6] = 0x50 | (uuid->data[6] & 0x0f);
	uuid->data[8] = 0x80 | (uuid->data[8] & 0x3f);
}

Datum
bizmetrics_import_id(PG_FUNCTION_ARGS)
{
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA1);
	pg_uuid_t *uuid = palloc(sizeof(pg_uuid_t));

	if (hash == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	*uuid = sources;
	for (int i = 0; i < PG_NARGS(); i++)
		descend(hash, uuid, text_to_cstring(PG_GETARG_TEXT_PP(i)));
	pg_cryptohash_free(hash);
	PG_RETURN_UUID_P(uuid);
}
