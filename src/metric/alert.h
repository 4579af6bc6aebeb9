/* The registered alerts, and the states that they are in. */
#ifndef BM_METRIC_ALERT_H
#define BM_METRIC_ALERT_H

#include "access/htup.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "metric/step.h"

typedef struct BmAlert
{
	char *name;
	char *owner;
	char *metric;  /* the sample that it looks at, or NULL */
	Jsonb *labels; /* which of its series, or NULL: all */
	char *query;   /* what it asks instead, or NULL */
	BmAlertOperator op;
	double threshold;
	double clear_threshold;
	Interval *hold;
	Interval *every;
	char *severity;
	char *description; /* may be NULL */
	Interval *timeout;
	char *search_path;
	TimestampTz created_at;
} BmAlert;

/* When an alert was looked at: a row of bizmetrics.alert_checks. */
typedef struct BmAlertCheck
{
	TimestampTz checked_at;	   /* DT_NOBEGIN: never */
	TimestampTz failing_since; /* DT_NOBEGIN: it is not */
	const char *sqlstate;
	const char *message;
} BmAlertCheck;

/* One set of labels of an alert that is not inactive: a row of bizmetrics.alert_states. */
typedef struct BmAlertInstance
{
	Jsonb *labels;
	BmAlertState state;
	double value; /* NaN: there is none */
	TimestampTz since;
	bool is_seen;
	HeapTuple row; /* NULL: new */
} BmAlertInstance;

/* alert.c */
extern List *bm_alerts_of(const char *owner);
extern const char *bm_alert_operator_name(BmAlertOperator op);
extern void bm_alert_check_get(const BmAlert *alert, BmAlertCheck *check);
extern void bm_alert_check_put(const BmAlert *alert, const BmAlertCheck *check);

/* alert_state.c */
extern List *bm_alert_instances(const BmAlert *alert);
extern void bm_alert_go(const BmAlert *alert, BmAlertInstance *instance,
						BmAlertState state, TimestampTz now);
extern void bm_alert_forget(const char *name);

#endif
