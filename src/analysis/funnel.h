/* Funnels over the event log. */
#ifndef BM_ANALYSIS_FUNNEL_H
#define BM_ANALYSIS_FUNNEL_H

#include "analysis/scan.h"

extern const BmAnalysis bm_funnel_analysis;

#endif
