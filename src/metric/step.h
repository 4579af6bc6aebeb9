/* How the state of an alert, and a counter, go on from one look to the next. Plain C. */
#ifndef BM_METRIC_STEP_H
#define BM_METRIC_STEP_H

#include <stdbool.h>
#include <stdint.h>

typedef enum BmAlertState
{
	BM_ALERT_INACTIVE, /* the condition does not hold */
	BM_ALERT_PENDING,  /* it holds, but not for long enough */
	BM_ALERT_FIRING,
	BM_ALERT_RESOLVED /* it fired, and what clears it holds */
} BmAlertState;

typedef enum BmAlertOperator
{
	BM_ALERT_GREATER,
	BM_ALERT_GREATER_EQUAL,
	BM_ALERT_LESS,
	BM_ALERT_LESS_EQUAL,
	BM_ALERT_EQUAL,
	BM_ALERT_NOT_EQUAL
} BmAlertOperator;

extern bool bm_alert_state_find(const char *name, BmAlertState *state);
extern const char *bm_alert_state_name(BmAlertState state);
extern bool bm_alert_operator_find(const char *name, BmAlertOperator *op);
extern bool bm_alert_holds(BmAlertOperator op, double value, double threshold);
extern bool bm_alert_clears_later(BmAlertOperator op, double threshold, double clear);
extern BmAlertState bm_alert_step(BmAlertState state, bool breached, bool cleared,
								  int64_t since, int64_t now, int64_t hold);

extern double bm_counter_step(double stored, double last, double seen);

#endif
