/*
 * cron_test.c
 *	  Schedules: what is accepted and refused, and when chosen ones fire.
 *
 * cron_model_test.c compares fires with a brute-force search.
 */
#include <stdlib.h>
#include <time.h>

#include "cron/cron.h"
#include "tap.h"

#define N_ELEMENTS(array) ((int) (sizeof(array) / sizeof((array)[0])))

/* Unix seconds of "2026-03-29 01:00" or "2026-03-29 01:00:00", in UTC. */
static int64_t
utc(const char *text)
{
	struct tm tm = {0};

	if (sscanf(text, "%d-%d-%d %d:%d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
			   &tm.tm_hour, &tm.tm_min, &tm.tm_sec) < 5)
	{
		printf("Bail out! bad time in a test: %s\n", text);
		exit(1);
	}
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return timegm(&tm);
}

/* Offset of the zone in the environment variable TZ. */
static int32_t
libc_offset(int64_t instant, void *zone)
{
	time_t t = instant;
	struct tm tm;

	(void) zone;
	localtime_r(&t, &tm);
	return (int32_t) tm.tm_gmtoff;
}

static void
set_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static bool
parse(const char *text, BmCron *cron)
{
	BmCronError error;

	if (bm_cron_parse(text, cron, &error))
		return true;
	return ok(false, "\"%s\" is accepted, not: %s: %s", text, error.field, error.message);
}

static int64_t
next_fire(const BmCron *cron, int64_t after)
{
	int64_t next;

	return bm_cron_next(cron, after, libc_offset, NULL, &next) ? next : INT64_MAX;
}

/* Parsing */

static void
test_accepted(void)
{
	static const char *const texts[] = {"*/15 9-17 * * MON-FRI",
										"* * * jan,FEB *",
										"* * * * mon,WED",
										"0-59/7 * * * *",
										"00 08 * * *",
										"000 0 01 1 7",
										"* * * * 7",
										"* * * * 6-7",
										"* * * * 0-7",
										"* * * * FRI-MON",
										"* * * * sat-sun",
										"0 22-2 * * *",
										"10-5 * * * *",
										"0 22-2/2 * * *",
										"0 0 * nov-feb *",
										"@hourly",
										"@daily",
										"@midnight",
										"@weekly",
										"@monthly",
										"@yearly",
										"@annually",
										"@DAILY",
										" @Yearly\t",
										"5 seconds",
										"1 minute",
										"1 MINUTES",
										"1 hour",
										"24 Hours",
										"86400 second",
										" 007\tseconds ",
										"0 0 $ * *",
										"0 0 L * *",
										"0 0 l,15 * *",
										"0 0 1,$ * 1",
										"0 0 * * 5#2",
										"0 0 * * 5L",
										"0 0 * * fri#2",
										"0 0 * * friL",
										"0 0 * * FRIl,mon#1,3,7#5",
										"0 0 29 2 *",
										"0 0 29 2 */7",
										"0 0 * 2 mon#5",
										"0 0 31 2 mon",
										"  0\t0 \t* * *\t ",
										"*/60 * * * *",
										"1,*/10 * * * *",
										"*,5 * * * *",
										"5-5 * * * *",
										"* * */31 * *"};

	for (int i = 0; i < N_ELEMENTS(texts); i++)
	{
		BmCron cron;
		BmCronError error;

		ok(bm_cron_parse(texts[i], &cron, &error) && !bm_cron_never_fires(&cron),
		   "\"%s\" is accepted", texts[i]);
	}
}

typedef struct Refusal
{
	const char *text;
	const char *field;
	int column;
	const char *message;
} Refusal;

static const Refusal refusals[] = {
	/* Characters and length */
	{"", "schedule", 1, "schedule is empty"},
	{" \t ", "schedule", 4, "schedule is empty"},
	{"0 0 * * *\n", "schedule", 10, "invalid character \"\\x0a\""},
	{"0 0 * * *\302\240", "schedule", 10, "invalid character \"\\xc2\""},
	{"\377", "schedule", 1, "invalid character \"\\xff\""},

	/* Number of fields */
	{"*", "hour", 2, "missing field \"hour\""},
	{"0 0 * * ", "day of week", 9, "missing field \"day of week\""},
	{"0 0 * * * 2026", "schedule", 11, "unexpected \"2026\" after the schedule"},
	{"0 0 * * * # daily", "schedule", 11, "unexpected \"#\" after the schedule"},
	{"@daily x", "schedule", 8, "unexpected \"x\" after the schedule"},

	/* Junk that pg_cron accepts */
	{"*5 * * * *", "minute", 2, "unexpected \"5\" in \"*5\""},
	{"5.5 * * * *", "minute", 2, "unexpected \".\" in \"5.5\""},
	{"0;x * * * *", "minute", 2, "unexpected \";\" in \"0;x\""},
	{"0 0 * * 5x", "day of week", 10, "unexpected \"x\" in \"5x\""},

	/* Values */
	{"60 * * * *", "minute", 1, "value \"60\" is out of range"},
	{"* 24 * * *", "hour", 3, "value \"24\" is out of range"},
	{"* * 0 * *", "day of month", 5, "value \"0\" is out of range"},
	{"* * 1-32 * *", "day of month", 7, "value \"32\" is out of range"},
	{"* * * 13 *", "month", 7, "value \"13\" is out of range"},
	{"* * * 0 *", "month", 7, "value \"0\" is out of range"},
	{"* * * * 8", "day of week", 9, "value \"8\" is out of range"},
	{"1,99999999999999999999 * * * *", "minute", 3,
	 "value \"99999999999999999999\" is out of range"},
	{"-5 * * * *", "minute", 1, "unexpected \"-\" in \"-5\""},
	{"* mon * * *", "hour", 3, "unknown name \"mon\""},
	{"* * * mon *", "month", 7, "unknown name \"mon\""},
	{"* * * * jan", "day of week", 9, "unknown name \"jan\""},
	{"* * * * monday", "day of week", 9, "unknown name \"monday\""},
	{"* * * * mo", "day of week", 9, "unknown name \"mo\""},
	{"* * * * monx", "day of week", 9, "unknown name \"monx\""},

	/* Ranges, lists and steps */
	{"5- * * * *", "minute", 3, "missing value in \"5-\""},
	{"1-2-3 * * * *", "minute", 4, "unexpected \"-\" in \"1-2-3\""},
	{"*-5 * * * *", "minute", 2, "unexpected \"-\" in \"*-5\""},
	{"1-* * * * *", "minute", 3, "unexpected \"*\" in \"1-*\""},
	{"0 0 * * fri-8", "day of week", 13, "value \"8\" is out of range"},
	{"1,,2 * * * *", "minute", 3, "empty item in list \"1,,2\""},
	{",1 * * * *", "minute", 1, "empty item in list \",1\""},
	{"* * 1, * *", "day of month", 7, "empty item in list \"1,\""},
	{"* * * * 1,", "day of week", 11, "empty item in list \"1,\""},
	{"*/0 * * * *", "minute", 3, "step \"0\" is out of range"},
	{"*/61 * * * *", "minute", 3, "step \"61\" is out of range"},
	{"*/ * * * *", "minute", 3, "missing step in \"*/\""},
	{"*/-1 * * * *", "minute", 3, "unexpected \"-\" in \"*/-1\""},
	{"*/2/2 * * * *", "minute", 4, "unexpected \"/\" in \"*/2/2\""},
	{"/5 * * * *", "minute", 1, "unexpected \"/\" in \"/5\""},
	{"1/20 * * * *", "minute", 2, "step without a range in \"1/20\""},
	{"* * * 1,jan/3 *", "month", 12, "step without a range in \"jan/3\""},

	/* Last days, n-th weekdays, and what other crons have beyond */
	{"* * 1W * *", "day of month", 6, "unexpected \"W\" in \"1W\""},
	{"* * LW * *", "day of month", 6, "unexpected \"W\" in \"LW\""},
	{"* * W * *", "day of month", 5, "unknown name \"W\""},
	{"* * ? * *", "day of month", 5, "unexpected \"?\" in \"?\""},
	{"* * L-3 * *", "day of month", 6, "unexpected \"-\" in \"L-3\""},
	{"* * 1-$ * *", "day of month", 7, "unexpected \"$\" in \"1-$\""},
	{"* * 5L * *", "day of month", 6, "unexpected \"L\" in \"5L\""},
	{"* * 5#2 * *", "day of month", 6, "unexpected \"#\" in \"5#2\""},
	{"$ * * * *", "minute", 1, "unexpected \"$\" in \"$\""},
	{"* L * * *", "hour", 3, "unknown name \"L\""},
	{"* * * * L", "day of week", 9, "unknown name \"L\""},
	{"* * * * $", "day of week", 9, "unexpected \"$\" in \"$\""},
	{"* * * * 5#0", "day of week", 11, "occurrence \"0\" is out of range"},
	{"* * * * 5#6", "day of week", 11, "occurrence \"6\" is out of range"},
	{"* * * * 5#", "day of week", 11, "missing number in \"5#\""},
	{"* * * * 5#x", "day of week", 11, "unexpected \"x\" in \"5#x\""},
	{"* * * * 5#2/2", "day of week", 12, "unexpected \"/\" in \"5#2/2\""},
	{"* * * * 1-5#2", "day of week", 12, "unexpected \"#\" in \"1-5#2\""},
	{"* * * * 1-5L", "day of week", 12, "unexpected \"L\" in \"1-5L\""},
	{"* * * * friL-sat", "day of week", 13, "unexpected \"-\" in \"friL-sat\""},
	{"* * * * #2", "day of week", 9, "unexpected \"#\" in \"#2\""},
	{"* * * * *#2", "day of week", 10, "unexpected \"#\" in \"*#2\""},

	/* Names for whole schedules, and intervals */
	{"@reboot", "schedule", 1, "schedule \"@reboot\" is not supported"},
	{" @every 5 minutes", "schedule", 2, "unknown schedule \"@every\""},
	{"@", "schedule", 1, "unknown schedule \"@\""},
	{"4 seconds", "schedule", 1, "interval \"4 seconds\" is out of range"},
	{"0\tminutes", "schedule", 1, "interval \"0 minutes\" is out of range"},
	{"25 hours", "schedule", 1, "interval \"25 hours\" is out of range"},
	{"99999999999999999999 hours", "schedule", 1,
	 "interval \"99999999999999999999 hours\" is out of range"},
	{"86401 seconds", "schedule", 1, "interval \"86401 seconds\" is out of range"},
	{"1 day", "schedule", 3, "unknown unit \"day\""},
	{"1.5 hours", "schedule", 2, "invalid number \"1.5\""},
	{"-5 minutes", "schedule", 1, "invalid number \"-5\""},
	{"* minutes", "schedule", 1, "invalid number \"*\""},
	{"5 minutes x", "schedule", 11, "unexpected \"x\" after the schedule"},
	{"30seconds", "minute", 3, "unexpected \"s\" in \"30seconds\""},

	/* Days that do not exist */
	{"0 0 31 2 *", "schedule", 1, "schedule never fires: \"0 0 31 2 *\""},
	{" 0 0 30 feb *", "schedule", 2, "schedule never fires: \"0 0 30 feb *\""},
	{"0 0 31 4,6,9,11 *", "schedule", 1, "schedule never fires: \"0 0 31 4,6,9,11 *\""},
	{"0 0 */31 * mon#2", "schedule", 1, "schedule never fires: \"0 0 */31 * mon#2\""}};

static void
test_refused(void)
{
	for (int i = 0; i < N_ELEMENTS(refusals); i++)
	{
		const Refusal *r = &refusals[i];
		BmCron cron;
		BmCronError error;
		size_t length;

		if (!ok(!bm_cron_parse(r->text, &cron, &error), "\"%s\" is refused", r->text))
			continue;
		length = strlen(error.hint);
		is_str(error.field, r->field, "  field");
		is_int(error.column, r->column, "  column");
		is_str(error.message, r->message, "  message");
		ok(length > 0 && error.hint[length - 1] == '.', "  hint: %s", error.hint);
		ok(!bm_cron_parse(r->text, &cron, NULL), "  also without an error");
	}
}

static void
test_hints(void)
{
	static const struct
	{
		const char *text;
		const char *hint;
	} hints[] = {
		{"1/20 * * * *", "Use \"1-59/20\"."},
		{"* * * jan/3 *", "Use \"jan-12/3\"."},
		{"60 * * * *", "Use a number from 0 to 59."},
		{"* * * x *", "Use a number from 1 to 12 or a name from \"jan\" to \"dec\"."},
		{"* * * * x", "Use a number from 0 to 7 or a name from \"sun\" to \"sat\"."},
		{"* */25 * * *", "Use a step from 1 to 24."},
		{"* * ? * *", "Use \"*\" for any value."},
		{"* * 15W * *",
		 "The nearest weekday \"W\" is not supported; give the day itself."},
		{"@reboot", "Use a recurring schedule such as \"@daily\" or \"1 hour\"."},
		{"3 days", "Use seconds, minutes or hours."}};

	for (int i = 0; i < N_ELEMENTS(hints); i++)
	{
		BmCron cron;
		BmCronError error;

		bm_cron_parse(hints[i].text, &cron, &error);
		is_str(error.hint, hints[i].hint, "hint for \"%s\"", hints[i].text);
	}
}

/* Long text is refused, and a long token is cut to fit the message. */
static void
test_long_text(void)
{
	char text[BM_CRON_MAX_TEXT + 2];
	BmCron cron;
	BmCronError error;

	memset(text, ' ', sizeof(text));
	memcpy(text, "@daily", 6);
	text[BM_CRON_MAX_TEXT] = '\0';
	ok(bm_cron_parse(text, &cron, &error), "text of the greatest length");
	text[BM_CRON_MAX_TEXT] = ' ';
	text[BM_CRON_MAX_TEXT + 1] = '\0';
	ok(!bm_cron_parse(text, &cron, &error), "longer text");
	is_str(error.message, "schedule is longer than 1000 characters", "  message");
	is_int(error.column, BM_CRON_MAX_TEXT + 1, "  column");

	memset(text, 'x', BM_CRON_MAX_TEXT);
	text[BM_CRON_MAX_TEXT] = '\0';
	ok(!bm_cron_parse(text, &cron, &error), "long token");
	is_str(error.message, "unknown name \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\"",
		   "  message");
}

/* Different texts with one meaning. */
static void
test_equivalent(void)
{
	static const char *const pairs[][2] = {{"0 0 * * FRI-MON", "0 0 * * 0,1,5,6"},
										   {"0 0 * * sat-sun", "0 0 * * 6,0"},
										   {"0 0 * * 6-7", "0 0 * * 6,0"},
										   {"0 0 * * 7-2", "0 0 * * 0,1,2"},
										   {"0 0 * * 0-7", "0 0 * * *"},
										   {"0 0 * * 5-1", "0 0 * * 5,6,0,1"},
										   {"0 0 * * 7#1", "0 0 * * sun#1"},
										   {"0 0 * * 7L", "0 0 * * SUNl"},
										   {"0 22-2 * * *", "0 22,23,0,1,2 * * *"},
										   {"0 22-2/2 * * *", "0 22,0,2 * * *"},
										   {"0 23-4/3 * * *", "0 23,2 * * *"},
										   {"10-5 * * * *", "0-5,10-59 * * * *"},
										   {"0 0 30-2 * *", "0 0 30,31,1,2 * *"},
										   {"0 0 1 nov-feb *", "0 0 1 11,12,1,2 *"},
										   {"0-59/7 * * * *", "*/7 * * * *"},
										   {"0 0 L * *", "0 0 $ * *"},
										   {"0 0 L 4 *", "0 0 30 4 *"},
										   {"0 0 L,15 2 *", "0 0 15,$ feb *"},
										   {"0 0 * * 1#1,1#2,1#3,1#4,1#5", "0 0 * * 1"},
										   {"@hourly", "0 * * * *"},
										   {"@midnight", "@daily"},
										   {"@weekly", "0 0 * * sun"},
										   {"@yearly", "@annually"},
										   {"@ANNUALLY", "0 0 1 1 *"},
										   {"1 hour", "60 minutes"},
										   {"1 minute", "60 seconds"}};

	set_zone("UTC");
	for (int i = 0; i < N_ELEMENTS(pairs); i++)
	{
		int64_t start = utc("2026-01-01 00:00");
		int64_t a = start;
		int64_t b = start;
		BmCron first;
		BmCron second;

		if (!parse(pairs[i][0], &first) || !parse(pairs[i][1], &second))
			continue;
		for (int n = 0; n < 200 && a == b && a < start + 20000 * INT64_C(86400); n++)
		{
			a = next_fire(&first, a);
			b = next_fire(&second, b);
		}
		is_int(a, b, "\"%s\" is \"%s\"", pairs[i][0], pairs[i][1]);
	}
}

/* Fires */

typedef struct Fires
{
	const char *zone;
	const char *text;
	const char *after;
	const char *fires[4]; /* in UTC */
} Fires;

static const Fires fires[] = {
	/* Strictly later, also in the middle of a minute, and across borders */
	{"UTC", "* * * * *", "2026-01-01 00:00", {"2026-01-01 00:01", "2026-01-01 00:02"}},
	{"UTC", "* * * * *", "2026-01-01 00:00:59", {"2026-01-01 00:01"}},
	{"UTC", "0 0 1 1 *", "2025-12-31 23:59:59", {"2026-01-01 00:00", "2027-01-01 00:00"}},
	{"UTC", "@yearly", "2026-06-01 00:00", {"2027-01-01 00:00", "2028-01-01 00:00"}},
	{"UTC", "59 23 31 12 *", "2026-12-31 23:59", {"2027-12-31 23:59"}},
	{"UTC", "30 6 * * *", "1969-12-31 12:00", {"1970-01-01 06:30"}},
	{"UTC",
	 "*/15 9-17 * * MON-FRI",
	 "2026-01-02 17:30",
	 {"2026-01-02 17:45", "2026-01-05 09:00", "2026-01-05 09:15"}},

	/* Days */
	{"UTC", "0 0 29 2 *", "2096-03-01 00:00", {"2104-02-29 00:00", "2108-02-29 00:00"}},
	{"UTC", "0 0 29 2 */7", "2088-02-29 00:00", {"2128-02-29 00:00"}},
	{"UTC", "0 0 L * *", "2028-01-31 00:00", {"2028-02-29 00:00", "2028-03-31 00:00"}},
	{"UTC",
	 "0 0 1,$ * *",
	 "2026-02-01 00:00",
	 {"2026-02-28 00:00", "2026-03-01 00:00", "2026-03-31 00:00"}},
	{"UTC", "0 0 * * 5#2", "2026-01-01 00:00", {"2026-01-09 00:00", "2026-02-13 00:00"}},
	{"UTC", "0 0 * * friL", "2026-01-01 00:00", {"2026-01-30 00:00", "2026-02-27 00:00"}},
	{"UTC",
	 "0 0 * * thu#5",
	 "2026-01-01 00:00",
	 {"2026-01-29 00:00", "2026-04-30 00:00"}},
	{"UTC",
	 "0 0 * * mon#1,5L,3",
	 "2026-01-29 00:00",
	 {"2026-01-30 00:00", "2026-02-02 00:00", "2026-02-04 00:00"}},

	/* Either day field; both if one starts with a star */
	{"UTC", "0 0 13 * 5", "2026-02-07 00:00", {"2026-02-13 00:00", "2026-02-20 00:00"}},
	{"UTC", "0 0 $ * 1", "2026-01-27 00:00", {"2026-01-31 00:00", "2026-02-02 00:00"}},
	{"UTC", "0 0 31 2 mon", "2026-01-01 00:00", {"2026-02-02 00:00"}},
	{"UTC", "0 0 */2 * 1", "2026-01-01 00:00", {"2026-01-05 00:00", "2026-01-19 00:00"}},
	{"UTC",
	 "0 0 1 * */2",
	 "2026-01-01 00:00",
	 {"2026-02-01 00:00", "2026-03-01 00:00", "2026-08-01 00:00"}},

	/* Intervals, on multiples of themselves whatever the zone */
	{"UTC",
	 "5 seconds",
	 "2026-01-01 00:00:03",
	 {"2026-01-01 00:00:05", "2026-01-01 00:00:10"}},
	{"UTC",
	 "7 seconds",
	 "1969-12-31 23:59:52",
	 {"1969-12-31 23:59:53", "1970-01-01 00:00:00", "1970-01-01 00:00:07"}},
	{"Asia/Kolkata",
	 "1 hour",
	 "2026-01-01 00:59:59",
	 {"2026-01-01 01:00", "2026-01-01 02:00"}},
	{"Asia/Kolkata", "24 hours", "2026-01-01 00:00", {"2026-01-02 00:00"}},

	/* Gap: once, at its end, together with what is due there */
	{"Europe/Berlin",
	 "30 2 * * *",
	 "2026-03-28 00:00",
	 {"2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"}},
	{"Europe/Berlin",
	 "0,15,30 2,3 * * *",
	 "2026-03-29 00:00",
	 {"2026-03-29 01:00", "2026-03-29 01:15", "2026-03-29 01:30", "2026-03-30 00:00"}},
	{"America/New_York",
	 "30 2 * * *",
	 "2026-03-07 12:00",
	 {"2026-03-08 07:00", "2026-03-09 06:30"}},
	{"America/Santiago",
	 "@daily",
	 "2026-09-05 04:00",
	 {"2026-09-06 04:00", "2026-09-07 03:00"}},
	{"Australia/Lord_Howe",
	 "15 2 * * *",
	 "2026-10-03 00:00",
	 {"2026-10-03 15:30", "2026-10-04 15:15"}},
	{"Pacific/Apia",
	 "0 12 * * *",
	 "2011-12-29 00:00",
	 {"2011-12-29 22:00", "2011-12-30 10:00", "2011-12-30 22:00"}},
	{"Pacific/Apia",
	 "0 12 30 12 *",
	 "2011-01-01 00:00",
	 {"2011-12-30 10:00", "2012-12-29 22:00"}},

	/* Gap: not at all */
	{"Europe/Berlin",
	 "*/30 2 * * *",
	 "2026-03-28 01:00",
	 {"2026-03-28 01:30", "2026-03-30 00:00", "2026-03-30 00:30"}},
	{"America/Santiago", "0 */24 * * *", "2026-09-05 04:00", {"2026-09-07 03:00"}},
	{"Europe/Berlin",
	 "@hourly",
	 "2026-03-29 00:00",
	 {"2026-03-29 01:00", "2026-03-29 02:00"}},

	/* Overlap: the first time only */
	{"Europe/Berlin",
	 "30 2 * * *",
	 "2026-10-24 12:00",
	 {"2026-10-25 00:30", "2026-10-26 01:30"}},
	{"Europe/Berlin",
	 "0 3 * * *",
	 "2026-10-24 12:00",
	 {"2026-10-25 02:00", "2026-10-26 02:00"}},
	{"America/New_York",
	 "30 1 * * *",
	 "2026-10-31 12:00",
	 {"2026-11-01 05:30", "2026-11-02 06:30"}},
	{"America/Santiago",
	 "30 23 * * *",
	 "2026-04-04 12:00",
	 {"2026-04-05 02:30", "2026-04-06 03:30"}},
	{"Africa/Casablanca",
	 "30 2 * * *",
	 "2026-02-14 12:00",
	 {"2026-02-15 01:30", "2026-02-16 02:30"}},

	/* Overlap: both times */
	{"Europe/Berlin",
	 "*/30 2 * * *",
	 "2026-10-24 12:00",
	 {"2026-10-25 00:00", "2026-10-25 00:30", "2026-10-25 01:00", "2026-10-25 01:30"}},
	{"Europe/Berlin",
	 "30 * * * *",
	 "2026-10-25 00:00",
	 {"2026-10-25 00:30", "2026-10-25 01:30", "2026-10-25 02:30"}}};

static void
test_fires(void)
{
	for (int i = 0; i < N_ELEMENTS(fires); i++)
	{
		const Fires *f = &fires[i];
		int64_t instant = utc(f->after);
		BmCron cron;

		set_zone(f->zone);
		if (!parse(f->text, &cron))
			continue;
		for (int n = 0; n < N_ELEMENTS(f->fires) && f->fires[n] != NULL; n++)
		{
			instant = next_fire(&cron, instant);
			is_int(instant, utc(f->fires[n]), "\"%s\" in %s fires at %s", f->text,
				   f->zone, f->fires[n]);
		}
	}
}

/* A fixed time runs once on every local day of a year. */
static void
test_once_a_day(const char *zone, const char *text, int year)
{
	int days = 0;
	int wrong = 0;
	int last = -1;
	struct tm tm = {.tm_year = year - 1900, .tm_mday = 1, .tm_isdst = -1};
	int64_t instant;
	BmCron cron;

	set_zone(zone);
	instant = mktime(&tm) - 1;
	if (!parse(text, &cron))
		return;
	for (;;)
	{
		time_t t = instant = next_fire(&cron, instant);

		localtime_r(&t, &tm);
		if (tm.tm_year != year - 1900)
			break;
		if (tm.tm_yday != last + 1)
			wrong++;
		last = tm.tm_yday;
		days++;
	}
	is_int(days, 365, "\"%s\" in %s runs on each day of %d", text, zone, year);
	is_int(wrong, 0, "  once");
}

/* Far from the present, and where every match is skipped. */
static void
test_extremes(void)
{
	static const int64_t instants[] = {
		INT64_MIN, INT64_MIN + 1, -(INT64_C(1) << 45), -62135596801,		  -1,
		0,		   4102444800,	  INT64_C(1) << 44,	   (INT64_C(1) << 45) - 1};
	static const char *const texts[] = {"0 0 29 2 *", "* * 29 2 */7", "5 seconds"};
	int64_t next;
	BmCron cron;

	set_zone("UTC");
	for (int i = 0; i < N_ELEMENTS(texts); i++)
	{
		if (!parse(texts[i], &cron))
			continue;
		for (int n = 0; n < N_ELEMENTS(instants); n++)
			ok(bm_cron_next(&cron, instants[n], libc_offset, NULL, &next) &&
				   next > instants[n],
			   "\"%s\" fires after %lld", texts[i], (long long) instants[n]);
		ok(!bm_cron_next(&cron, INT64_MAX, libc_offset, NULL, &next) &&
			   !bm_cron_next(&cron, INT64_C(1) << 45, libc_offset, NULL, &next),
		   "\"%s\" does not fire at the end of time", texts[i]);
	}

	/* This is the hour that daylight saving skips. */
	set_zone("Europe/Berlin");
	if (parse("*/5 2 * 3 sunL", &cron))
		ok(!bm_cron_next(&cron, utc("2026-01-01 00:00"), libc_offset, NULL, &next),
		   "a wildcard schedule in the gap of each year does not fire");
}

/* A zone that breaks every rule: a different offset at each instant. */
static int32_t
chaotic_offset(int64_t instant, void *zone)
{
	uint64_t x = (uint64_t) instant * UINT64_C(0x9E3779B97F4A7C15);

	(void) zone;
	return (int32_t) (x >> 32);
}

static void
test_chaotic_zone(void)
{
	static const char *const texts[] = {"30 2 * * *", "*/5 2 * * *", "* * * * *",
										"@monthly"};

	for (int i = 0; i < N_ELEMENTS(texts); i++)
	{
		int64_t last = INT64_MIN;
		bool good = true;
		BmCron cron;

		if (!parse(texts[i], &cron))
			continue;
		for (int64_t after = 0; after < 100 * INT64_C(86400); after += 12345)
		{
			int64_t next;

			if (!bm_cron_next(&cron, after, chaotic_offset, NULL, &next))
				continue;
			good = good && next > after && next >= last;
			last = next;
		}
		ok(good, "\"%s\" fires later and in order in a chaotic zone", texts[i]);
	}
}

int
main(void)
{
	test_accepted();
	test_refused();
	test_hints();
	test_long_text();
	test_equivalent();
	test_fires();
	test_once_a_day("Europe/Berlin", "30 2 * * *", 2026);
	test_once_a_day("America/New_York", "30 1 * * *", 2026);
	test_once_a_day("America/Santiago", "@daily", 2026);
	test_once_a_day("Australia/Lord_Howe", "45 1 * * *", 2026);
	test_once_a_day("Africa/Casablanca", "30 2 * * *", 2026);
	test_extremes();
	test_chaotic_zone();
	return done_testing();
}
