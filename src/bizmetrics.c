/* bizmetrics: the module's entry point. */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "base/guc.h"
#include "event/buffer.h"
#include "event/new_events.h"
#include "worker/worker.h"

PG_MODULE_MAGIC;

void _PG_init(void);

void
_PG_init(void)
{
	bm_guc_init();
	bm_new_scan_init();
	/* Loaded by a session, all but the worker works. */
	if (!process_shared_preload_libraries_in_progress)
		return;
	bm_buffer_init();
	bm_shmem_init();
	bm_launcher_register();
}
