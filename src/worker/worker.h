/* The worker's processes and what they share. */
#ifndef BM_WORKER_WORKER_H
#define BM_WORKER_WORKER_H

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "nodes/pg_list.h"
#include "postmaster/bgworker.h"

#include "report/state.h"
#include "worker/pool.h"

/* Databases that the launcher can keep in mind. */
#define BM_MAX_DATABASES 1024

/* So much before a slot its processes start, or they would be what is waited for. */
#define BM_LEAD (USECS_PER_SEC / 2)

/* How long an idle process stays: less than DROP DATABASE waits for others to leave. */
#define BM_LINGER USECS_PER_SEC

/* What can be said of the launcher or a scheduler. */
typedef struct BmProcessInfo
{
	int pid;			  /* 0: there is none */
	Oid database;		  /* InvalidOid: the launcher */
	TimestampTz since;	  /* when it started, by the real clock */
	TimestampTz wakes_at; /* of a scheduler that is away, by our clock */
	int64 wake_ups; /* how often it, and those before it, looked for something to do */
	int64 memory;	/* bytes allocated when it last did */
} BmProcessInfo;

/* shmem.c */
extern void bm_shmem_init(void);
extern void bm_launcher_attach(void);
extern bool bm_database_add(Oid database, TimestampTz wake_at);
extern void bm_database_keep(const List *databases);
extern List *bm_database_due(TimestampTz now, TimestampTz *next);
extern void bm_database_started(Oid database);
extern void bm_database_ended(Oid database, TimestampTz wake_at);
extern bool bm_database_take_change(Oid database);
extern bool bm_database_set_trouble(Oid database, bool in_trouble);
extern bool bm_database_is_changed(Oid database);
extern bool bm_scheduler_leave(Oid database, TimestampTz wake_at);
extern void bm_scheduler_looked(Oid database);
extern bool bm_scheduler_left(Oid database);
extern void bm_scheduler_attach(Oid database);
extern bool bm_take_rescan(void);
extern void bm_scheduler_wake(Oid database);
extern bool bm_scheduler_is_there(Oid database);
extern void bm_process_woke(Oid database);
extern List *bm_process_list(void);

/* launcher.c */
extern void bm_launcher_register(void);
extern bool bm_database_is_served(const char *database);
extern PGDLLEXPORT void bm_launcher_main(Datum arg);

/* scheduler.c */
extern BackgroundWorkerHandle *bm_scheduler_start(Oid database);
extern BmReportState *bm_tend_report(const BmReport *report);
extern PGDLLEXPORT void bm_scheduler_main(Datum arg);

/* runner.c */
extern BackgroundWorkerHandle *bm_runner_start(BmRunnerId id, const char *owner);
extern PGDLLEXPORT void bm_runner_main(Datum arg);

/* maintenance.c */
extern void bm_maintenance_reap(void);
extern bool bm_maintenance_is_running(void);
extern TimestampTz bm_maintenance_serve(void);
extern PGDLLEXPORT void bm_maintenance_main(Datum arg);

/* flusher.c */
extern TimestampTz bm_flushers_tend(void);
extern PGDLLEXPORT void bm_flusher_main(Datum arg);

/* process.c */
extern BackgroundWorkerHandle *bm_process_start(const char *kind, Oid database);
extern BackgroundWorkerHandle *bm_process_start_for(const char *kind, const char *whom,
													Datum arg, const void *extra,
													Size extra_size);
extern void bm_worker_set_limits(void);
extern void bm_worker_setup(void);
extern bool bm_wait_until(TimestampTz wake_at);

#endif
