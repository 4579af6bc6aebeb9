/* What the result of a query depends on beside the rows that it reads. */
#ifndef BM_REPORT_DEPENDS_H
#define BM_REPORT_DEPENDS_H

#include "nodes/parsenodes.h"

extern bool bm_depends_on_clock(Query *query, const char *text);
extern bool bm_depends_on_others(Query *query);
extern bool bm_depends_on_window(const Query *query);

#endif
