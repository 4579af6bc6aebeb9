/*
 * cron_model_test.c
 *	  Fires of schedules, compared with a brute-force search.
 *
 * The model shares nothing with the code under test.  It takes a stretch of
 * time in a zone, writes down the local time of every minute as libc sees it,
 * and picks those that match by asking of each value "does this field allow
 * it?".  The rules for gaps and overlaps are applied to this list.  The same
 * is done by the second for made-up zones with odd offsets.
 */
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "cron/cron.h"
#include "tap.h"

#define N_ELEMENTS(array) ((int) (sizeof(array) / sizeof((array)[0])))
#define DAY 86400
#define MARGIN (3 * DAY) /* not compared, at both ends of a timeline */

/* A stretch of time in a zone, sampled at every "step" seconds. */
typedef struct Timeline
{
	const char *name;
	int64_t start;
	int step;
	int n_samples;
	int64_t *walls;		  /* local time of each sample */
	int64_t first_minute; /* earliest local minute */
	int n_minutes;		  /* local minutes from there to the latest */
	int64_t *fixed;		  /* the instant that stands for each of them */
	int *minutes;		  /* the one that starts at a sample, or -1 */
	int64_t changes[16];  /* instants at which the offset changes */
	int n_changes;
} Timeline;

/* Ascending instants. */
typedef struct Instants
{
	int64_t *values;
	int n;
} Instants;

static void *
allocate(size_t n, size_t size)
{
	void *memory = calloc(n, size);

	if (memory == NULL)
	{
		printf("Bail out! out of memory\n");
		exit(1);
	}
	return memory;
}

/* The same numbers on every run. */
static uint32_t
random_below(uint32_t limit)
{
	static uint64_t state = 20260329;

	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t) (state >> 33) % limit;
}

static int64_t
floor_div(int64_t a, int64_t b)
{
	return (a - ((a % b) + b) % b) / b;
}

/* Does a field allow a value? */

static const struct
{
	int min;
	int max;
	const char *names[13];
} fields[5] = {{0, 59, {NULL}},
			   {0, 23, {NULL}},
			   {1, 31, {NULL}},
			   {1,
				12,
				{"", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct",
				 "nov", "dec"}},
			   {0, 6, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}}};

/* Read a number or a name at the start of a text. */
static int
read_value(const char **text, int field)
{
	char *end;
	int value = (int) strtol(*text, &end, 10);

	if (end != *text)
	{
		*text = end;
		return value;
	}
	for (value = fields[field].min; value <= fields[field].max; value++)
	{
		if (strncasecmp(*text, fields[field].names[value], 3) == 0)
			break;
	}
	*text += 3;
	return value;
}

/* A value of a field, and for a day also where it is in its month. */
typedef struct Value
{
	int field;
	int value;
	int date;
	int month_length;
} Value;

static bool
item_allows(const char *item, Value v)
{
	int min = fields[v.field].min;
	int max = fields[v.field].max;
	int from = min;
	int to = max;
	int step = 1;

	if (strcasecmp(item, "L") == 0 || strcmp(item, "$") == 0)
		return v.date == v.month_length;
	if (*item == '*')
		item++;
	else
	{
		from = to = read_value(&item, v.field);
		if (*item == '#')
			return v.value == from % 7 && (v.date - 1) / 7 + 1 == atoi(item + 1);
		if (*item == 'L' || *item == 'l')
			return v.value == from % 7 && v.date + 7 > v.month_length;
		if (*item == '-')
		{
			item++;
			to = read_value(&item, v.field);
		}
	}
	if (*item == '/')
		step = atoi(item + 1);

	/* Walk the range, over the end of the field if it wraps around. */
	if (v.field == 4 && from == 7 && to < 7)
		from = 0;
	for (int i = 0, value = from;; i++)
	{
		bool is_value = value == v.value || (v.field == 4 && value == 7 && v.value == 0);

		if (is_value && i % step == 0)
			return true;
		if (value == to)
			return false;
		value = value >= max && to < value ? min : value + 1;
	}
}

static bool
field_allows(const char *list, int field, int value, int date, int month_length)
{
	Value v = {field, value, date, month_length};
	char copy[200];
	char *rest = copy;
	char *item;

	snprintf(copy, sizeof(copy), "%s", list);
	while ((item = strsep(&rest, ",")) != NULL)
	{
		if (item_allows(item, v))
			return true;
	}
	return false;
}

/* A schedule as five texts. */
typedef struct Schedule
{
	char text[200];
	char fields[5][200];
	bool minutes[60]; /* what the first two fields allow */
	bool hours[24];
} Schedule;

static void
read_schedule(const char *text, Schedule *s)
{
	snprintf(s->text, sizeof(s->text), "%s", text);
	sscanf(text, "%199s %199s %199s %199s %199s", s->fields[0], s->fields[1],
		   s->fields[2], s->fields[3], s->fields[4]);
	for (int i = 0; i < 60; i++)
		s->minutes[i] = field_allows(s->fields[0], 0, i, 0, -1);
	for (int i = 0; i < 24; i++)
		s->hours[i] = field_allows(s->fields[1], 1, i, 0, -1);
}

static bool
day_matches(const Schedule *s, int64_t day)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	time_t t = day * DAY;
	struct tm tm;
	int length;
	bool date;
	bool weekday;

	gmtime_r(&t, &tm);
	length = lengths[tm.tm_mon];
	if (tm.tm_mon == 1 && tm.tm_year % 4 == 0 &&
		(tm.tm_year % 100 != 0 || (tm.tm_year + 1900) % 400 == 0))
		length++;
	if (!field_allows(s->fields[3], 3, tm.tm_mon + 1, 0, -1))
		return false;
	date = field_allows(s->fields[2], 2, tm.tm_mday, tm.tm_mday, length);
	weekday = field_allows(s->fields[4], 4, tm.tm_wday, tm.tm_mday, length);
	if (s->fields[2][0] == '*' || s->fields[4][0] == '*')
		return date && weekday;
	return date || weekday;
}

/* The local minutes of a timeline that match, one flag for each. */
static bool *
matching_minutes(const Schedule *s, const Timeline *line)
{
	bool *matches = allocate((size_t) line->n_minutes, sizeof(bool));
	int64_t first_day = floor_div(line->first_minute, 1440);
	int n_days = line->n_minutes / 1440 + 2;

	for (int day = 0; day < n_days; day++)
	{
		int64_t midnight = (first_day + day) * 1440 - line->first_minute;

		if (!day_matches(s, first_day + day))
			continue;
		for (int minute = 0; minute < 1440; minute++)
		{
			int64_t i = midnight + minute;

			if (s->hours[minute / 60] && s->minutes[minute % 60] && i >= 0 &&
				i < line->n_minutes)
				matches[i] = true;
		}
	}
	return matches;
}

/* Timelines */

/*
 * Fill in what follows from the local times.  The instant of a local minute
 * is the first sample that shows it, or else the first one beyond it.
 */
static void
finish_timeline(Timeline *line)
{
	int64_t min = INT64_MAX;
	int64_t max = INT64_MIN;

	for (int i = 0; i < line->n_samples; i++)
	{
		min = line->walls[i] < min ? line->walls[i] : min;
		max = line->walls[i] > max ? line->walls[i] : max;
	}
	line->first_minute = floor_div(min, 60) + 1;
	line->n_minutes = (int) (floor_div(max, 60) - line->first_minute + 1);
	line->fixed = allocate((size_t) line->n_minutes, sizeof(int64_t));
	for (int i = 0; i < line->n_minutes; i++)
		line->fixed[i] = INT64_MAX;

	line->minutes = allocate((size_t) line->n_samples, sizeof(int));
	line->minutes[0] = -1;
	for (int i = 1; i < line->n_samples; i++)
	{
		int64_t wall = line->walls[i];
		int64_t instant = line->start + (int64_t) i * line->step;
		int64_t shown = floor_div(wall, 60) - line->first_minute;
		int64_t skipped = floor_div(line->walls[i - 1], 60) + 1 - line->first_minute;

		line->minutes[i] = shown >= 0 && wall % 60 == 0 ? (int) shown : -1;
		if (wall - line->walls[i - 1] != line->step &&
			line->n_changes < N_ELEMENTS(line->changes))
			line->changes[line->n_changes++] = instant;
		for (int64_t m = skipped < 0 ? 0 : skipped; m < shown; m++)
		{
			if (line->fixed[m] == INT64_MAX)
				line->fixed[m] = instant;
		}
		/* A minute that is entered behind its first second is skipped, too. */
		if (shown >= 0 && line->fixed[shown] == INT64_MAX)
			line->fixed[shown] = instant;
	}
}

static Timeline
libc_timeline(const char *zone, int year, int years)
{
	struct tm tm = {.tm_year = year - 1900, .tm_mday = 1};
	Timeline line = {.name = zone, .step = 60};

	line.start = timegm(&tm);
	line.n_samples = years * 366 * 1440;
	line.walls = allocate((size_t) line.n_samples, sizeof(int64_t));
	setenv("TZ", zone, 1);
	tzset();
	for (int i = 0; i < line.n_samples; i++)
	{
		time_t t = line.start + i * 60;

		localtime_r(&t, &tm);
		line.walls[i] = timegm(&tm);
	}
	finish_timeline(&line);
	return line;
}

/* 24 days with a change of the offset by up to two days after 8 and 16. */
static Timeline
synthetic_timeline(void)
{
	Timeline line = {.name = "a made-up zone", .step = 1};
	int64_t offsets[3];
	int changes[2];

	line.start = (int64_t) random_below(2000000000) - 500000000;
	line.n_samples = 24 * DAY;
	line.walls = allocate((size_t) line.n_samples, sizeof(int64_t));
	for (int i = 0; i < 3; i++)
		offsets[i] = (int64_t) random_below(2 * DAY + 1) - DAY;
	for (int i = 0; i < 2; i++)
		changes[i] = (8 * (i + 1) - 1) * DAY + (int) random_below(2 * DAY);
	for (int i = 0; i < line.n_samples; i++)
		line.walls[i] = line.start + i +
						offsets[i < changes[0]	 ? 0
								: i < changes[1] ? 1
												 : 2];
	finish_timeline(&line);
	return line;
}

static void
free_timeline(Timeline *line)
{
	free(line->walls);
	free(line->fixed);
	free(line->minutes);
}

static int32_t
timeline_offset(int64_t instant, void *zone)
{
	const Timeline *line = zone;
	int64_t i = floor_div(instant - line->start, line->step);

	if (i < 0)
		i = 0;
	if (i >= line->n_samples)
		i = line->n_samples - 1;
	return (int32_t) (line->walls[i] - (line->start + i * line->step));
}

/* Comparison */

static Instants
expected_fires(const Schedule *s, const Timeline *line)
{
	bool *matches = matching_minutes(s, line);
	Instants fires = {0};

	fires.values = allocate((size_t) line->n_samples, sizeof(int64_t));
	if (s->fields[0][0] == '*' || s->fields[1][0] == '*')
	{
		for (int i = 0; i < line->n_samples; i++)
		{
			if (line->minutes[i] >= 0 && matches[line->minutes[i]])
				fires.values[fires.n++] = line->start + (int64_t) i * line->step;
		}
	}
	else
	{
		const bool *end = matches + line->n_minutes;
		const bool *m = matches;

		for (; (m = memchr(m, true, (size_t) (end - m))) != NULL; m++)
		{
			int64_t instant = line->fixed[m - matches];

			if (fires.n == 0 || fires.values[fires.n - 1] != instant)
				fires.values[fires.n++] = instant;
		}
	}
	free(matches);
	return fires;
}

/* The first expected fire after an instant, or "to" if that is earlier. */
static int64_t
expected_next(const Instants *fires, int64_t after, int64_t to)
{
	int low = 0;
	int high = fires->n;

	while (low < high)
	{
		int middle = (low + high) / 2;

		if (fires->values[middle] > after)
			high = middle;
		else
			low = middle + 1;
	}
	return low < fires->n && fires->values[low] < to ? fires->values[low] : to;
}

static bool
near_change(const Timeline *line, int64_t instant)
{
	for (int i = 0; i < line->n_changes; i++)
	{
		if (llabs(line->changes[i] - instant) < MARGIN)
			return true;
	}
	return false;
}

/* From one fire to the next, and in large steps away from any change. */
static void
compare(const char *text, Timeline *line)
{
	Schedule s;
	BmCron cron;
	BmCronError error;
	Instants fires;
	int64_t to = line->start + (int64_t) line->n_samples * line->step - MARGIN;
	int64_t after = line->start + MARGIN;
	int64_t next = to;
	int64_t expected = to;

	if (!bm_cron_parse(text, &cron, &error))
	{
		ok(false, "\"%s\" is accepted, not: %s", text, error.message);
		return;
	}
	read_schedule(text, &s);
	fires = expected_fires(&s, line);
	while (after < to)
	{
		expected = expected_next(&fires, after, to);
		if (!bm_cron_next(&cron, after, timeline_offset, line, &next) || next > to)
			next = to;
		if (next != expected)
			break;
		after = random_below(4) == 0 ? after + 1 + (next - after) / 2 : next;
		if (!near_change(line, after) && after < to)
			after += random_below(DAY);
	}
	if (!ok(after >= to, "\"%s\" in %s", text, line->name))
		printf("# after %lld: got %lld, expected %lld\n", (long long) after,
			   (long long) next, (long long) expected);
	free(fires.values);
}

/* Random schedules */

static void
random_value(char *out, size_t size, int field)
{
	int min = fields[field].min;
	int value = min + (int) random_below((uint32_t) (fields[field].max - min + 1));

	if (field >= 3 && random_below(3) == 0)
		snprintf(out, size, "%s", fields[field].names[value]);
	else if (field == 4 && value == 0 && random_below(2) == 0)
		snprintf(out, size, "7");
	else
		snprintf(out, size, random_below(4) == 0 ? "%02d" : "%d", value);
}

static void
random_item(char *out, size_t size, int field)
{
	char from[8];
	char to[8];
	unsigned int step = 1 + random_below((uint32_t) (fields[field].max / 2));

	random_value(from, sizeof(from), field);
	random_value(to, sizeof(to), field);
	switch (random_below(7))
	{
		case 0:
			snprintf(out, size, "*/%u", step);
			break;
		case 1:
			snprintf(out, size, "%s-%s", from, to);
			break;
		case 2:
			snprintf(out, size, "%s-%s/%u", from, to, step);
			break;
		case 3:
			if (field == 2)
				snprintf(out, size, "%s", random_below(2) ? "L" : "$");
			else if (field == 4 && random_below(2) == 0)
				snprintf(out, size, "%s#%u", from, 1 + random_below(5));
			else if (field == 4)
				snprintf(out, size, "%sL", from);
			else
				snprintf(out, size, "%s", from);
			break;
		default:
			snprintf(out, size, "%s", from);
			break;
	}
}

/* A schedule that is valid, but may never fire. */
static void
random_schedule(char *out, size_t size)
{
	size_t length = 0;

	for (int field = 0; field < 5; field++)
	{
		int items = random_below(3) > 0 ? 1 : 1 + (int) random_below(3);
		bool star = random_below(field < 2 ? 6 : 2) == 0;

		for (int i = 0; i < items && !(star && i > 0); i++)
		{
			char item[32] = "*";

			if (!star)
				random_item(item, sizeof(item), field);
			length += (size_t) snprintf(out + length, size - length, "%s%s",
										i > 0		? ","
										: field > 0 ? " "
													: "",
										item);
		}
	}
}

static void
compare_random(Timeline *line, int n)
{
	while (n > 0)
	{
		char text[200];
		BmCron cron;
		BmCronError error;

		random_schedule(text, sizeof(text));
		if (!bm_cron_parse(text, &cron, &error) &&
			strncmp(error.message, "schedule never fires", 20) == 0)
			continue;
		compare(text, line);
		n--;
	}
}

/* A year of slots, one after the other and none left out, of random schedules. */
static void
walk_year(const char *text, Timeline *line)
{
	Schedule s;
	BmCron cron;
	Instants fires;
	int64_t from = line->start + MARGIN;
	int64_t to = from + (int64_t) 365 * DAY;
	int64_t next = from;
	int slots = 0;
	int i = 0;

	if (!bm_cron_parse(text, &cron, NULL))
		return;
	read_schedule(text, &s);
	fires = expected_fires(&s, line);
	while (i < fires.n && fires.values[i] <= from)
		i++;
	while (bm_cron_next(&cron, next, timeline_offset, line, &next) && next <= to &&
		   i < fires.n && fires.values[i] == next)
	{
		i++;
		slots++;
	}
	ok(i == fires.n ? next > to || next == fires.values[fires.n - 1]
					: fires.values[i] > to && next > to,
	   "a year of \"%s\" in %s: %d slots", text, line->name, slots);
	free(fires.values);
}

static void
walk_years(void)
{
	static const char *const zones[] = {"UTC",
										"Europe/Berlin",
										"Europe/London",
										"Europe/Dublin",
										"Atlantic/Azores",
										"America/New_York",
										"America/Chicago",
										"America/Sao_Paulo",
										"America/Santiago",
										"America/St_Johns",
										"Pacific/Auckland",
										"Pacific/Chatham",
										"Australia/Sydney",
										"Asia/Kolkata",
										"Asia/Kathmandu",
										"Asia/Tehran",
										"Asia/Tokyo",
										"Africa/Cairo",
										"Australia/Lord_Howe",
										"Pacific/Kiritimati"};

	for (int z = 0; z < N_ELEMENTS(zones); z++)
	{
		Timeline line = libc_timeline(zones[z], 2026, 2);

		for (int n = 0; n < 200 / N_ELEMENTS(zones);)
		{
			char text[200];
			BmCron cron;

			random_schedule(text, sizeof(text));
			if (!bm_cron_parse(text, &cron, NULL))
				continue;
			walk_year(text, &line);
			n++;
		}
		free_timeline(&line);
	}
}

int
main(void)
{
	static const struct
	{
		const char *name;
		int year;
	} zones[] = {{"UTC", 2026},
				 {"Europe/Berlin", 2026},
				 {"America/New_York", 2025},
				 {"America/Santiago", 2025},
				 {"Australia/Lord_Howe", 2026},
				 {"Asia/Kolkata", 2027},
				 {"Pacific/Apia", 2011},
				 {"Africa/Casablanca", 2025}};
	static const char *const texts[] = {"*/7 * * * *",
										"0 * * * *",
										"30 * * * *",
										"59 * * * *",
										"*/15 9-17 * * MON-FRI",
										"*/5 0-3 * * *",
										"*/10 22-4 * * *",
										"* 2 * * *",
										"17 */3 * * *",
										"0 */24 * * *",
										"*/30 1 * * sun",
										"0-59 2 * * *",
										"0-59/7 1-3 * * *",
										"0,15,30,45 0-23 * * *",
										"0 0 * * *",
										"30 0 * * *",
										"30 1 * * *",
										"30 2 * * *",
										"0 2 * * *",
										"0 3 * * *",
										"15 1,2,3 * * *",
										"59 1 * * *",
										"59 23 * * *",
										"30 23 * * *",
										"0 12 * * *",
										"0 0 1 * *",
										"0 0 L * *",
										"0 2 1,$ * *",
										"0 0 29-2 * *",
										"0 0 */2 * 1",
										"0 0 13 * 5",
										"0 0 $ * 1",
										"0 2 * * sun",
										"30 2 * 3 sunL",
										"30 2 * 10 sunL",
										"0 0 * * fri#2",
										"0 0 * * 5L,mon#1,3",
										"0 0 * * FRI-MON",
										"0 0 * * sat-sun/2",
										"0 0 31 * *",
										"0 0 30 12 *",
										"0 0 1 1 *",
										"0 0 29 2 *",
										"0 4 * nov-feb 1-5",
										"10-5 22-2/2 * * *",
										"*,5 0 1 * *",
										"1,*/20 1 * * *"};

	for (int i = 0; i < N_ELEMENTS(zones); i++)
	{
		Timeline line = libc_timeline(zones[i].name, zones[i].year, 2);

		for (int n = 0; n < N_ELEMENTS(texts); n++)
			compare(texts[n], &line);
		compare_random(&line, 12);
		free_timeline(&line);
	}
	for (int i = 0; i < 8; i++)
	{
		Timeline line = synthetic_timeline();

		compare_random(&line, 8);
		free_timeline(&line);
	}
	walk_years();
	return done_testing();
}
