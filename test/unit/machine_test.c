/*
 * The states of a report: the table is whole, each state can be left and reached, and the drawing in
 * docs/architecture.md shows exactly what the table says.
 */
#include <stdlib.h>

#include "report/machine.h"
#include "tap.h"

#ifndef ARCHITECTURE
#define ARCHITECTURE "docs/architecture.md"
#endif

/* A transition as the document draws it: Mermaid, which code hosts render. */
static void
draw(const BmTransition *t, char *out, size_t size)
{
	int n = snprintf(out, size, "    %s --> %s: %s", bm_phase_name(t->from),
					 bm_phase_name(t->to), bm_cause_name(t->cause));

	for (int bit = 0, items = 0; bit < BM_ACTIONS; bit++)
		if (t->actions & (1u << bit))
			n += snprintf(out + n, size - n, "%s%s", items++ == 0 ? " / " : ", ",
						  bm_action_name(bit));
}

/* Compares each line of the drawing with the table's. */
static void
test_drawing(void)
{
	FILE *file = fopen(ARCHITECTURE, "r");
	char line[1000];
	char expected[1000];
	int count;
	int drawn = 0;
	const BmTransition *table = bm_machine_table(&count);
	bool inside = false;

	if (!ok(file != NULL, "%s can be read", ARCHITECTURE))
		return;
	while (fgets(line, sizeof(line), file) != NULL)
	{
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, "```") == 0)
			inside = false;
		if (inside && strstr(line, "[*]") == NULL)
		{
			if (drawn < count)
				draw(&table[drawn], expected, sizeof(expected));
			is_str(line, drawn < count ? expected : "", "transition %d of the drawing",
				   drawn + 1);
			drawn++;
		}
		if (strcmp(line, "stateDiagram-v2") == 0)
			inside = true;
	}
	fclose(file);
	is_int(drawn, count, "the drawing has every transition");
}

static void
test_table(void)
{
	int count;
	const BmTransition *table = bm_machine_table(&count);
	bool entered[BM_PHASE_COUNT] = {false};
	bool left[BM_PHASE_COUNT] = {false};
	bool happens[BM_CAUSE_COUNT] = {false};
	int found = 0;

	for (int i = 0; i < count; i++)
	{
		const BmTransition *t = &table[i];

		ok(bm_machine_find(t->from, t->cause) == t, "%s and %s stand once",
		   bm_phase_name(t->from), bm_cause_name(t->cause));
		entered[t->to] = left[t->from] = happens[t->cause] = true;
		if (t->to == BM_PHASE_RUNNING)
			ok(t->actions & BM_COUNT_ATTEMPT, "%s counts an attempt",
			   bm_cause_name(t->cause));
		if (t->from == BM_PHASE_RUNNING)
			ok((t->to == BM_PHASE_RETRYING) == !(t->actions & BM_CLOSE_RUN),
			   "%s closes the run or tries again", bm_cause_name(t->cause));
		if (t->to == BM_PHASE_RETRYING && t->from == BM_PHASE_RUNNING)
			ok(t->actions & BM_BACK_OFF, "%s backs off", bm_cause_name(t->cause));
	}
	for (int phase = 0; phase < BM_PHASE_COUNT; phase++)
	{
		ok(entered[phase] || phase == BM_PHASE_RESTORED, "%s can be reached",
		   bm_phase_name((BmPhase) phase));
		ok(left[phase], "%s can be left", bm_phase_name((BmPhase) phase));
	}
	for (int cause = 0; cause < BM_CAUSE_COUNT; cause++)
		ok(happens[cause], "%s happens somewhere", bm_cause_name((BmCause) cause));

	for (int phase = 0; phase < BM_PHASE_COUNT; phase++)
		for (int cause = 0; cause < BM_CAUSE_COUNT; cause++)
			if (bm_machine_find((BmPhase) phase, (BmCause) cause) != NULL)
				found++;
	is_int(found, count, "what is not in the table is not found");
	ok(bm_machine_find(BM_PHASE_RUNNING, BM_CAUSE_SLOT) == NULL,
	   "a report runs once at a time");
	ok(bm_machine_find(BM_PHASE_QUARANTINED, BM_CAUSE_SLOT) == NULL &&
		   bm_machine_find(BM_PHASE_QUARANTINED, BM_CAUSE_REQUEST) == NULL,
	   "nothing runs in quarantine");
}

int
main(void)
{
	test_table();
	test_drawing();
	return done_testing();
}
