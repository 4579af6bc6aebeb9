/* What the functions that SQL wraps for activity and retention read of their arguments. */
#ifndef BM_ANALYSIS_ARGUMENTS_H
#define BM_ANALYSIS_ARGUMENTS_H

#include "fmgr.h"
#include "utils/array.h"
#include "utils/jsonb.h"

#include "event/event.h"

/* Raises 22004 where the argument is NULL. */
extern void bm_argument_require(FunctionCallInfo fcinfo, int number, const char *name,
								const char *hint);

/* NULL where the argument is. */
extern char *bm_argument_text(FunctionCallInfo fcinfo, int number);
extern Jsonb *bm_argument_json(FunctionCallInfo fcinfo, int number);

/* Which of the words an argument is, from 0; "name" is what the error calls it (22023). */
extern int bm_argument_choice(FunctionCallInfo fcinfo, int number, const char *name,
							  const char *const *words, int count);

#define BM_CHOICE(number, name, ...)                                             \
	bm_argument_choice(fcinfo, number, name, (const char *const[]){__VA_ARGS__}, \
					   lengthof(((const char *const[]){__VA_ARGS__})))

/* "actor" or "company". */
extern BmEventColumn bm_argument_subject(FunctionCallInfo fcinfo, int number);

/*
 * As bm_filter_parse() takes it: one of which names events must have, what their properties must
 * contain, and whose they must be. Each may be NULL; NULL where all are.
 */
extern Jsonb *bm_filter_of(ArrayType *names, const Jsonb *contained, const char *company);

#endif
