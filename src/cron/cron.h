/*
 * cron.h
 *	  Schedules: parsing their text and computing when they fire.
 *
 * Pure C: no clock, no time zone library, no allocation, no PostgreSQL header.
 * The caller supplies the time zone as a function from an instant to an
 * offset, so that the same code runs in the server, in unit tests and under
 * the fuzzer.
 *
 * Days.  If the day of month field or the day of week field starts with "*",
 * a day must match both; otherwise it is enough to match one.  This is the
 * rule of Vixie cron.  A field that is just "*" leaves the choice to the
 * other one, while a step of it restricts: every second day from the 1st, and
 * 1 in the day of week field, is the Mondays with an odd date.  Who wants both
 * to match whatever they begin with says so: bm_cron_match_all_days().
 *
 * Daylight saving.  A schedule is "wildcard" if its minute or hour field
 * starts with "*", and "fixed-time" otherwise.  A wildcard schedule fires at
 * every instant whose local time matches: twice in an hour that is repeated,
 * never in one that is skipped.  A fixed-time schedule fires once for each
 * matching local time: at the first of two occurrences, and at the first
 * instant after the gap for a local time that is skipped.
 */
#ifndef BM_CRON_CRON_H
#define BM_CRON_CRON_H

#include <stdbool.h>
#include <stdint.h>

/* Longest text of a schedule, in bytes. */
#define BM_CRON_MAX_TEXT 1000

/* In dates and weekdays: the last such day of the month. */
#define BM_CRON_LAST 0

/*
 * A parsed schedule.  Plain data, may be copied; the fields are private to
 * the module.  Bit n of a set stands for the value n.
 */
typedef struct BmCron
{
	int64_t interval;	 /* seconds between fires; 0: use the sets */
	uint64_t minutes;	 /* bits 0 to 59 */
	uint32_t hours;		 /* bits 0 to 23 */
	uint32_t dates;		 /* bits 1 to 31, and BM_CRON_LAST */
	uint32_t months;	 /* bits 1 to 12 */
	uint8_t weekdays[7]; /* from Sunday; which of that weekday in the
								 * month: bits 1 to 5, and BM_CRON_LAST */
	bool match_both;	 /* dates and weekdays, rather than either */
	bool wildcard;		 /* minute or hour starts with "*" */
} BmCron;

/* Why a text was refused.  All text is ASCII. */
typedef struct BmCronError
{
	const char *field; /* name of the field, or "schedule" */
	int column;		   /* of the offending character, from 1 */
	char message[160]; /* lower case, no period */
	char hint[160];	   /* a full sentence, or empty */
} BmCronError;

/* Seconds east of UTC in force at an instant given in Unix seconds. */
typedef int32_t (*BmCronUtcOffset)(int64_t utc_seconds, void *zone);

/* parse.c */

/*
 * Parse a schedule.  On failure *error says why (it may be NULL) and *cron is
 * not usable.  An accepted schedule matches at least one day in 40 years.
 */
extern bool bm_cron_parse(const char *text, BmCron *cron, BmCronError *error);

/* next.c */

/*
 * First fire strictly later than "after", in Unix seconds.  False if there is
 * none, which for an accepted schedule means that the zone skips every match,
 * or that "after" is more than a million years away.
 */
extern bool bm_cron_next(const BmCron *cron, int64_t after, BmCronUtcOffset offset,
						 void *zone, int64_t *next);

/*
 * From now on a day must match both day fields.  It may be that none does: see
 * bm_cron_never_fires().
 */
extern void bm_cron_match_all_days(BmCron *cron);

/* Does no day of any year match? */
extern bool bm_cron_never_fires(const BmCron *cron);

#endif /* BM_CRON_CRON_H */
