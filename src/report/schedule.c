/* When a report's schedule fires, in its time zone: the bridge from src/cron to the server. */
#include "postgres.h"

#include <ctype.h>

#include "utils/timestamp.h"

#include "cron/cron.h"
#include "report/schedule.h"

#define EPOCH_SHIFT ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

static int32_t
utc_offset(int64_t utc_seconds, void *zone)
{
	pg_time_t t = (pg_time_t) utc_seconds;
	struct pg_tm *tm = pg_localtime(&t, (pg_tz *) zone);

	return tm != NULL ? (int32_t) tm->tm_gmtoff : 0;
}

/* Is the name in the time zone database, and not a POSIX rule such as FOO+3? */
static bool
is_listed(pg_tz *zone)
{
	const char *name = pg_get_timezone_name(zone);
	pg_tzenum *all = pg_tzenumerate_start();
	pg_tz *listed;
	bool found = false;

	while (!found && (listed = pg_tzenumerate_next(all)) != NULL)
		found = strcmp(pg_get_timezone_name(listed), name) == 0;
	pg_tzenumerate_end(all);
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
	/* Only a name like Europe/Berlin is sure to be no POSIX rule. */
	for (const char *c = name; *c != '\0'; c++)
		plain = plain && (isalpha((unsigned char) *c) || *c == '/' || *c == '_');
	if (plain && strchr(name, '/') != NULL)
		return zone;
	return is_listed(zone) ? zone : NULL;
}

/* Refuses a schedule that does not parse or never fires. */
void
bm_schedule_check(const char *schedule)
{
	BmCron cron;
	BmCronError error;

	if (bm_cron_parse(schedule, &cron, &error))
		return;
	ereport(
		ERROR,
		(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		 errmsg("invalid schedule \"%s\": %s", schedule, error.message),
		 errdetail("The %s is wrong at column %d.",
				   strcmp(error.field, "schedule") == 0
					   ? "schedule"
					   : psprintf("%s field", error.field),
				   error.column),
		 errhint("%s",
				 error.hint[0] != '\0'
					 ? error.hint
					 : "A schedule is: minute hour day-of-month month day-of-week.")));
}

/* The first slot after a time; false where schedule or zone is not valid or there is none. */
bool
bm_schedule_next(const char *schedule, const char *timezone, TimestampTz after,
				 TimestampTz *next)
{
	BmCron cron;
	pg_tz *zone = pg_tzset(timezone);
	int64 seconds = after / USECS_PER_SEC - (after % USECS_PER_SEC < 0 ? 1 : 0);
	int64_t found;

	if (zone == NULL || !bm_cron_parse(schedule, &cron, NULL) ||
		!bm_cron_next(&cron, seconds + EPOCH_SHIFT, utc_offset, zone, &found))
		return false;
	*next = (found - EPOCH_SHIFT) * USECS_PER_SEC;
	return true;
}

/* The latest slot in (from, now], or from. */
static TimestampTz
walk_slots(const char *schedule, const char *timezone, TimestampTz from, TimestampTz now)
{
	TimestampTz slot = from;
	TimestampTz next;

	while (bm_schedule_next(schedule, timezone, slot, &next) && next <= now)
		slot = next;
	return slot;
}

/*
 * The latest slot that is not after now, given one that is not. A report that was down for long
 * missed many: look back a little first, so that there are never many to walk.
 */
TimestampTz
bm_schedule_latest(const char *schedule, const char *timezone, TimestampTz slot,
				   TimestampTz now)
{
	static const int64 look_back[] = {USECS_PER_HOUR, USECS_PER_DAY, 31 * USECS_PER_DAY};

	for (int i = 0; i < lengthof(look_back); i++)
	{
		TimestampTz from = now - look_back[i];
		TimestampTz latest;

		if (from <= slot)
			break;
		latest = walk_slots(schedule, timezone, from, now);
		if (latest != from)
			return latest;
	}
	return walk_slots(schedule, timezone, slot, now);
}
