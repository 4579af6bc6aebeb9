/* bizmetrics: the module's entry point. */
#include "postgres.h"

#include "fmgr.h"

#include "base/guc.h"

PG_MODULE_MAGIC;

void _PG_init(void);

void
_PG_init(void)
{
	bm_guc_init();
}
