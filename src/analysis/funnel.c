#include "postgres.h"
#include "agg/chain.h"
#include "analysis/funnel.h"
typedef struct State
{
	int64 n[33];
} State;
static void *
begin(const void *p)
{
	return palloc0(sizeof(State));
}
static void
visit(void *st, const BmSubject *s, StringInfo r)
{
	State *state = st;
	BmChainQuery q = {
		.steps = 3, .modes = BM_CHAIN_ONCE, .window = INT64CONST(604800000000)};
	int64 times[32];
	state->n[bm_chain_longest(&q, s->moments, s->count, times)]++;
}
static void
end(void *st, StringInfo r)
{
	appendBinaryStringInfo(r, st, sizeof(State));
}
const BmAnalysis bm_funnel_analysis = {begin, visit, end};
