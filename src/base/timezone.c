/* Names of time zones: those of the time zone database alone. */
#include "postgres.h"

#include <ctype.h>

#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "base/timezone.h"

/*
 * Is the name in the time zone database, and not a POSIX rule such as FOO+3? That reads all of its
 * files, so the session remembers; what pg_tzset() returns stays.
 */
static bool
is_listed(pg_tz *zone)
{
	static List *known = NIL;
	const char *name = pg_get_timezone_name(zone);
	pg_tzenum *all;
	pg_tz *listed;
	bool found = false;

	if (list_member_ptr(known, zone))
		return true;
	all = pg_tzenumerate_start();
	while (!found && (listed = pg_tzenumerate_next(all)) != NULL)
		found = strcmp(pg_get_timezone_name(listed), name) == 0;
	pg_tzenumerate_end(all);
	if (found)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		known = lappend(known, zone);
		MemoryContextSwitchTo(old);
	}
	return found;
}

/* The time zone of an IANA name in any case, or NULL. */
pg_tz *
bm_timezone_find(const char *name)
{
	pg_tz *zone = pg_tzset(name);
	bool plain = true;

	if (zone == NULL || !pg_tz_acceptable(zone))
		return NULL;
	if (strcmp(pg_get_timezone_name(zone), "UTC") == 0)
		return zone;
	/* Only a name like Europe/Berlin is sure to be no POSIX rule. */
	for (const char *c = name; *c != '\0'; c++)
		plain = plain && (isalpha((unsigned char) *c) || *c == '/' || *c == '_');
	if (plain && strchr(name, '/') != NULL)
		return zone;
	return is_listed(zone) ? zone : NULL;
}

/* The same; refuses a name that is not known. */
pg_tz *
bm_timezone_require(const char *name)
{
	pg_tz *zone = bm_timezone_find(name);

	if (zone == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("timezone \"%s\" is not known", name),
						errhint(BM_TIMEZONE_HINT)));
	return zone;
}
