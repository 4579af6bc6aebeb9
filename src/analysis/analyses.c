/* The analyses, by their numbers: a worker knows no address of another process's code. */
#include "postgres.h"

#include "analysis/activity.h"
#include "analysis/cohort.h"
#include "analysis/funnel.h"
#include "analysis/path.h"
#include "analysis/scan.h"

static const BmAnalysis *const analyses[] = {
	[BM_ANALYSIS_FUNNEL] = &bm_funnel_analysis,
	[BM_ANALYSIS_COHORTS] = &bm_cohort_analysis,
	[BM_ANALYSIS_ACTIVITY] = &bm_activity_analysis,
	[BM_ANALYSIS_PATHS] = &bm_path_analysis,
};

const BmAnalysis *
bm_analysis(BmAnalysisKind kind)
{
	return analyses[kind];
}
