/* What is new to a report, and which windows that changed. */
#ifndef BM_REPORT_INCREMENT_H
#define BM_REPORT_INCREMENT_H

#include "event/new_events.h"
#include "report/history.h"
#include "report/watermark.h"

/* How a report goes about it. */
typedef enum BmMode
{
	BM_MODE_WHOLE,	 /* everything anew, each time */
	BM_MODE_WINDOWS, /* the windows that changed */
	BM_MODE_NEW		 /* the events that are new */
} BmMode;

/* How much of a piece that changed is computed at a time. */
typedef enum BmTake
{
	BM_TAKE_PIECE, /* all of it */
	BM_TAKE_STEP,
	BM_TAKE_BUCKET
} BmTake;

/* What bizmetrics.new_events() and its like go by while a report's SQL runs. */
typedef struct BmIncrement
{
	const BmReport *report;
	Datum before;		/* pg_snapshot that was read; 0: none */
	Datum now;			/* pg_snapshot to read */
	BmNewEvents events; /* where new ones are; set by bm_increment_enter() */
	int nest_level;		/* likewise, of settings */
	int64 last_xact;	/* that was asked for, and the answer */
	bool last_is_new;
	bool found; /* an event was new */
	struct BmIncrement *outer;
	const BmNewEvents *outer_events;
} BmIncrement;

extern BmMode bm_increment_mode(const BmReport *report);
extern bool bm_increment_is_incremental(const BmReport *report);
extern Datum bm_increment_snapshot(void);
extern void bm_increment_enter(BmIncrement *increment);
extern void bm_increment_leave(const BmIncrement *increment);
extern int64 bm_increment_xmin(void);
extern BmWindow bm_increment_written(void);
extern int bm_increment_plan_for_few(void);
extern List *bm_increment_look(const BmReport *report, BmWatermark *mark,
							   const BmRun *run);
extern List *bm_increment_new_windows(const BmReport *report);
extern List *bm_increment_merge(const BmReport *report, List *pieces);
extern TimestampTz bm_increment_step_back(const BmReport *report, TimestampTz from);
extern BmPiece *bm_increment_take(const BmReport *report, List **pieces, BmTake how);
extern TimestampTz bm_increment_kept_from(const BmReport *report);
extern void bm_increment_require_kept(const BmReport *report, BmWindow window);
extern int64 bm_increment_count_new(const BmReport *report, const BmWatermark *mark);
extern void bm_increment_lag(const BmReport *report, const BmWatermark *mark,
							 Datum *values, bool *nulls);

#endif
