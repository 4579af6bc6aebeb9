/* When a report's schedule fires, in its time zone: the bridge from src/cron to the server. */
#include "postgres.h"

#include "miscadmin.h"
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

static const char *const match_days_names[] = {"any", "all"};

const char *
bm_match_days_name(BmMatchDays match_days)
{
	return match_days_names[match_days];
}

bool
bm_match_days_find(const char *name, BmMatchDays *match_days)
{
	for (int i = 0; i < lengthof(match_days_names); i++)
		if (strcmp(match_days_names[i], name) == 0)
		{
			*match_days = (BmMatchDays) i;
			return true;
		}
	return false;
}

/* False where the schedule does not parse or never fires. */
static bool
parse(const char *schedule, BmMatchDays match_days, BmCron *cron, BmCronError *error)
{
	if (error != NULL)
		error->field = NULL;
	if (!bm_cron_parse(schedule, cron, error))
		return false;
	if (match_days == BM_MATCH_ANY)
		return true;
	bm_cron_match_all_days(cron);
	return !bm_cron_never_fires(cron);
}

/* Refuses a schedule that does not parse or never fires. */
void
bm_schedule_check(const char *schedule, BmMatchDays match_days)
{
	BmCron cron;
	BmCronError error;

	if (parse(schedule, match_days, &cron, &error))
		return;
	if (error.field == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("schedule \"%s\" never fires with match_days \"%s\"", schedule,
						bm_match_days_name(match_days)),
				 errhint("No day of month that it names is ever a day of week that "
						 "it names.")));
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

static bool
next_of(const BmCron *cron, pg_tz *zone, TimestampTz after, TimestampTz *next)
{
	int64 seconds = after / USECS_PER_SEC - (after % USECS_PER_SEC < 0 ? 1 : 0);
	int64_t found;

	if (!bm_cron_next(cron, seconds + EPOCH_SHIFT, utc_offset, zone, &found))
		return false;
	*next = (found - EPOCH_SHIFT) * USECS_PER_SEC;
	return true;
}

/* The first slot after a time; false where schedule or zone is not valid or there is none. */
bool
bm_schedule_next(const char *schedule, const char *timezone, BmMatchDays match_days,
				 TimestampTz after, TimestampTz *next)
{
	BmCron cron;
	pg_tz *zone = pg_tzset(timezone);

	return zone != NULL && parse(schedule, match_days, &cron, NULL) &&
		   next_of(&cron, zone, after, next);
}

/* Walks the slots from a first one to a time, no more than limit: how many there are, and the last of them. */
void
bm_schedule_fired(const char *schedule, const char *timezone, BmMatchDays match_days,
				  TimestampTz first, TimestampTz until, int64 limit, BmFired *fired)
{
	BmCron cron;
	pg_tz *zone = pg_tzset(timezone);
	bool valid = zone != NULL && parse(schedule, match_days, &cron, NULL);

	fired->count = 0;
	fired->last = fired->last_but_one = DT_NOBEGIN;
	fired->next = first;
	while (fired->next != DT_NOBEGIN && fired->next <= until && fired->count < limit)
	{
		fired->count++;
		fired->last_but_one = fired->last;
		fired->last = fired->next;
		if (!valid || !next_of(&cron, zone, fired->last, &fired->next))
			fired->next = DT_NOBEGIN;
		CHECK_FOR_INTERRUPTS();
	}
}
