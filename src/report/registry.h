/* The registered reports. */
#ifndef BM_REPORT_REGISTRY_H
#define BM_REPORT_REGISTRY_H

#include "access/htup.h"
#include "datatype/timestamp.h"
#include "utils/array.h"
#include "utils/relcache.h"

#include "report/schedule.h"

#define BM_REPORT_NAME_MAX 100
#define BM_ANALYTICS "analytics"

/* Which errors another attempt is made after. */
typedef enum BmRetryOn
{
	BM_RETRY_ON_ALL,
	BM_RETRY_ON_TRANSIENT
} BmRetryOn;

/* How a query's result becomes the report's table. */
typedef enum BmStrategy
{
	BM_CUSTOM,		   /* the query writes itself */
	BM_MERGE,		   /* rows are put in place of those of the same key */
	BM_REPLACE_WINDOW, /* likewise, and rows of the window that the query does not give go */
	BM_DELTA,		   /* what new events add up to is added to the rows */
	BM_APPEND,		   /* rows are added, of new events where the query reads events */
	BM_FULL			   /* as replace_window, for the whole table */
} BmStrategy;

typedef struct BmReport
{
	int64 id;
	char *name;
	char *owner;
	char *target; /* analytics.table, quoted where it has to be */
	char *ddl;	  /* may be NULL */
	char *query;
	char *schedule;
	char *timezone;
	Interval *bucket;	/* NULL: the query has no parameters */
	Interval *lookback; /* what is computed anew whatever changed; NULL: nothing */
	int32 max_attempts;
	int64 *backoff; /* microseconds; the last item repeats */
	int backoff_length;
	ArrayType *backoff_array; /* as stored */
	Interval *timeout;		  /* NULL: none */
	char *search_path;
	bool target_has_key;
	TimestampTz created_at;
	BmMisfire misfire;
	Interval *misfire_grace; /* NULL: no limit */
	int32 max_catchup;
	BmOverlap overlap;
	BmRetryOn retry_on;
	BmMatchDays match_days;
	ArrayType *after; /* names of reports that must have succeeded first, or NULL */
	bool paused;
	int32 revision; /* counts changes of schedule and timezone */
	BmStrategy strategy;
	ArrayType *key;		  /* the target's key, or NULL; so are the rest: */
	ArrayType *events;	  /* names of events that change something */
	ArrayType *companies; /* whose events change something */
	char *grain;		  /* the column of events whose changed values the query gets */
	Interval *reach;	  /* how far back an event changes buckets */
	char *source;		  /* schema.table that is read in place of events, quoted */
	char *source_time;	  /* its column */
	Interval *retention;
	char *retention_column; /* of the target */
	int32 definition;		/* counts changes of what the target's rows mean */
} BmReport;

/*
 * Set by the worker, which this folder knows nothing of: to be told of changes that a scheduler has
 * to know, once the transaction commits; and why nobody would run a report here, or NULL.
 */
extern void (*bm_registry_changed)(void);
extern const char *(*bm_worker_problem)(void);

extern int64 bm_interval_usecs(const Interval *interval);
extern BmReport *bm_report_find(const char *name);
extern BmReport *bm_report_get(int64 id);
extern BmReport *bm_report_require(const char *name);
extern List *bm_report_list(void);
extern void bm_report_insert(const BmReport *report);
extern void bm_report_update(const BmReport *report);
extern void bm_report_delete(const BmReport *report);
extern void bm_registry_lock(void);
extern void bm_registry_notify(void);

extern List *bm_text_list(ArrayType *array);
extern bool bm_strategy_find(const char *name, BmStrategy *strategy);
extern const char *bm_strategy_name(BmStrategy strategy);
extern bool bm_misfire_find(const char *name, BmMisfire *misfire);
extern bool bm_overlap_find(const char *name, BmOverlap *overlap);
extern bool bm_retry_on_find(const char *name, BmRetryOn *retry_on);

extern Oid bm_report_owner(const BmReport *report);
extern Oid bm_report_target(const BmReport *report, bool missing_ok);
extern Oid bm_report_source(const BmReport *report);
extern BmReport *bm_report_of_target(Oid target);
extern bool bm_target_has_key(Oid target);
extern const char *bm_report_problem(const BmReport *report);
extern const char *bm_owner_problem(const char *owner);

#endif
