/* The extension's settings: see docs/configuration.md. */
#ifndef BM_BASE_GUC_H
#define BM_BASE_GUC_H

typedef enum BmPartitionInterval
{
	BM_PARTITION_DAY,
	BM_PARTITION_WEEK,
	BM_PARTITION_MONTH
} BmPartitionInterval;

typedef enum BmUnknownEvents
{
	BM_UNKNOWN_EVENTS_ACCEPT,
	BM_UNKNOWN_EVENTS_WARN,
	BM_UNKNOWN_EVENTS_REJECT
} BmUnknownEvents;

/* Of which kinds of endings the history keeps no more than the last one, whatever else it may keep. */
typedef enum BmLogRuns
{
	BM_LOG_RUNS_NONE,
	BM_LOG_RUNS_ERRORS,
	BM_LOG_RUNS_ALL
} BmLogRuns;

/* Each includes what stands before it. */
typedef enum BmNotifyRuns
{
	BM_NOTIFY_NONE,
	BM_NOTIFY_FAILURES,
	BM_NOTIFY_ALL
} BmNotifyRuns;

extern char *bm_guc_actor_user_id;
extern bool bm_guc_allow_superuser_reports;
extern int bm_guc_buffer_size;
extern char *bm_guc_company_id;
extern char *bm_guc_databases;
extern int bm_guc_dedupe_retention;
extern int bm_guc_event_retention;
extern int bm_guc_flush_interval;
extern int bm_guc_history_retention;
extern int bm_guc_history_runs;
extern int bm_guc_log_runs;
extern int bm_guc_max_partitions;
extern int bm_guc_max_runners;
extern int bm_guc_notify_runs;
extern int bm_guc_partition_interval;
extern char *bm_guc_request_id;
extern char *bm_guc_timezone;
extern int bm_guc_unknown_events;

extern void bm_guc_init(void);
extern void bm_guc_set_locally(const char *name, const char *value);

#endif
