/* What a report's SELECT is executed with in place of what it says. */
#ifndef BM_REPORT_SUBSTITUTE_H
#define BM_REPORT_SUBSTITUTE_H

#include "nodes/parsenodes.h"

extern Query *bm_substitute(const Query *query);

#endif
