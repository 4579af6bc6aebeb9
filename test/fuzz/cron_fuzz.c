/*
 * cron_fuzz.c
 *	  Fuzz target for schedules: any text is parsed or refused properly, and
 *	  what is accepted fires as promised, in a zone made from the input.
 *
 * With -DSTANDALONE the program has a main() of its own, for a compiler
 * without libFuzzer: it runs the files of a corpus and mutations of them.
 */
#include <stdlib.h>
#include <string.h>

#include "cron/cron.h"

#define DAY INT64_C(86400)
#define HEADER 16					   /* bytes of the input before the text */
#define END_OF_TIME (INT64_C(1) << 45) /* for bm_cron_next() */

#define REQUIRE(condition) \
	do                     \
	{                      \
		if (!(condition))  \
			abort();       \
	} while (0)

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A zone with one change of its offset. */
typedef struct FuzzZone
{
	int64_t change;
	int32_t before;
	int32_t after;
} FuzzZone;

static int32_t
fuzz_offset(int64_t instant, void *zone)
{
	const FuzzZone *z = zone;

	return instant < z->change ? z->before : z->after;
}

static bool
is_printable(const char *text)
{
	for (; *text != '\0'; text++)
	{
		if (*text < ' ' || *text > '~')
			return false;
	}
	return true;
}

static void
check_error(const BmCronError *error, size_t length)
{
	size_t hint = strlen(error->hint);

	REQUIRE(error->field != NULL);
	REQUIRE(error->column >= 1 && (size_t) error->column <= length + 1);
	REQUIRE(error->message[0] != '\0' && is_printable(error->message));
	REQUIRE(hint > 0 && error->hint[hint - 1] == '.' && is_printable(error->hint));
}

/* A fire at this instant must show a matching minute and hour on the clock. */
static void
check_wall(const BmCron *cron, int64_t instant, int32_t offset)
{
	int64_t wall = (instant + offset) % DAY;

	if (wall < 0)
		wall += DAY;
	REQUIRE(wall % 60 == 0);
	REQUIRE(cron->minutes & (UINT64_C(1) << wall / 60 % 60));
	REQUIRE(cron->hours & (UINT32_C(1) << wall / 3600));
}

/* Fires ascend, are not passed over, and match the clock unless in a gap. */
static void
check_fires(const BmCron *cron, int64_t after, FuzzZone *zone)
{
	for (int i = 0; i < 20; i++)
	{
		int64_t next;
		int64_t again;

		if (!bm_cron_next(cron, after, fuzz_offset, zone, &next))
		{
			REQUIRE(cron->wildcard || after >= END_OF_TIME);
			return;
		}
		REQUIRE(next > after);
		if (next > END_OF_TIME)
			return;
		REQUIRE(bm_cron_next(cron, next - 1, fuzz_offset, zone, &again));
		REQUIRE(again == next);
		if (next - 1 > after)
		{
			/* Halves, as the distance may not fit. */
			int64_t middle = after / 2 + next / 2;

			REQUIRE(bm_cron_next(cron, middle, fuzz_offset, zone, &again));
			REQUIRE(middle < next ? again == next : again > next);
		}
		if (cron->interval > 0)
			REQUIRE(next % cron->interval == 0);
		else if (cron->wildcard || next != zone->change)
			check_wall(cron, next, fuzz_offset(next, zone));
		after = next;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BmCron cron;
	BmCronError error;
	FuzzZone zone;
	int64_t after;
	size_t length;
	char *text;

	if (size < HEADER)
		return 0;
	memcpy(&after, data, 8);
	memcpy(&zone.before, data + 8, 4);
	memcpy(&zone.after, data + 12, 4);
	zone.before %= (int32_t) (2 * DAY);
	zone.after %= (int32_t) (2 * DAY);

	/* The change is in the near future; the extremes of "after" remain. */
	zone.change = after;
	if (after < END_OF_TIME && after > -END_OF_TIME)
		zone.change += data[0] * INT64_C(977);

	/* On the heap and no longer than needed, to find reads beyond the end. */
	text = malloc(size - HEADER + 1);
	REQUIRE(text != NULL);
	memcpy(text, data + HEADER, size - HEADER);
	text[size - HEADER] = '\0';
	length = strlen(text);

	if (bm_cron_parse(text, &cron, &error))
	{
		REQUIRE(length <= BM_CRON_MAX_TEXT);
		REQUIRE(!bm_cron_never_fires(&cron));
		check_fires(&cron, after, &zone);
	}
	else
		check_error(&error, length);
	free(text);
	return 0;
}

#ifdef STANDALONE
#define ALPHABET " \t*/-,#$L?W@0123456789monjanfrisecondhu\n\377"
#include "standalone.h"
#endif
