/* The registered reports. */
#ifndef BM_REPORT_REGISTRY_H
#define BM_REPORT_REGISTRY_H

#include "access/htup.h"
#include "datatype/timestamp.h"
#include "utils/array.h"
#include "utils/relcache.h"

#define BM_REPORT_NAME_MAX 100
#define BM_ANALYTICS "analytics"

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
	Interval *lookback; /* NULL: one bucket */
	int32 max_attempts;
	int64 *backoff; /* microseconds; the last item repeats */
	int backoff_length;
	ArrayType *backoff_array; /* as stored */
	Interval *timeout;		  /* NULL: none */
	char *search_path;
	bool target_has_key;
	TimestampTz created_at;
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
extern void bm_report_delete(const BmReport *report);
extern void bm_registry_notify(void);

extern Oid bm_report_owner(const BmReport *report);
extern Oid bm_report_target(const BmReport *report, bool missing_ok);
extern bool bm_target_has_key(Oid target);
extern const char *bm_report_problem(const BmReport *report);
extern const char *bm_owner_problem(const char *owner);

#endif
