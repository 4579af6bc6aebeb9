/* Row security on a report's table, for readers of some companies. */
#ifndef BM_REPORT_POLICY_H
#define BM_REPORT_POLICY_H

#include "nodes/pg_list.h"
#include "utils/array.h"

/* Has the table a column that says whose its rows are, and can it have policies? */
extern bool bm_policy_possible(Oid target);

/* Has the table row security because of such readers? */
extern bool bm_policy_was_begun(Oid target);

/* The roles that are kept to rows of their companies. */
extern List *bm_policy_roles(Oid target);

/* Both as the table's owner, who must be the current role. Outside of SPI. */
extern void bm_policy_put(Oid target, Oid role, ArrayType *companies);
extern void bm_policy_drop(Oid target, Oid role);

#endif
