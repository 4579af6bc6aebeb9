/* Names of time zones. */
#ifndef BM_BASE_TIMEZONE_H
#define BM_BASE_TIMEZONE_H

#include "pgtime.h"

#define BM_TIMEZONE_HINT "Use a name of pg_timezone_names, such as Europe/Berlin."

extern pg_tz *bm_timezone_find(const char *name);
extern pg_tz *bm_timezone_require(const char *name);

#endif
