/* The extension's settings, in alphabetical order. */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "base/timezone.h"

#define DAY_IN_MINUTES (HOURS_PER_DAY * MINS_PER_HOUR)

/* Who acts in this session or transaction: an application sets it once for all its events. */
char *bm_guc_actor_user_id = NULL;

/*
 * A superuser's report would run whatever somebody else's view or function in it says, as
 * superuser, on every schedule. Only a cluster where every author is trusted wants this on.
 */
bool bm_guc_allow_superuser_reports = false;

/* Shared memory for events that log_event_async() was called for, until they are stored. */
int bm_guc_buffer_size = 16 * 1024; /* kB */

/* The tenant of this session or transaction. */
char *bm_guc_company_id = NULL;

/* Databases the worker serves: a comma-separated list, or * for all that have the extension. */
char *bm_guc_databases = NULL;

/*
 * How long a dedupe key keeps a second event away. Queues and other services repeat themselves
 * within days; without an end the ledger would grow for ever.
 */
int bm_guc_dedupe_retention = 90 * DAY_IN_MINUTES;

/* How old partitions may become before the worker drops them; 0: as old as they like. */
int bm_guc_event_retention = 0;

/* How long events of log_event_async() wait for others, to be stored together. */
int bm_guc_flush_interval = 200; /* ms */

/* Minutes that the history of runs is kept; -1: whatever its age. */
int bm_guc_history_retention = 90 * DAY_IN_MINUTES;

/* Successes of a report, and as many failures, that the history keeps at most. */
int bm_guc_history_runs = 1000;

/* Which runs that ended stay in the history, beside the last ones. */
int bm_guc_log_runs = BM_LOG_RUNS_ALL;

/* Any writer can name any time: without a limit one could make thousands of tables. */
int bm_guc_max_partitions = 1000;

/* Reports that may run at the same time, whatever their databases and owners. */
int bm_guc_max_runners = 4;

/* Which runs that ended are told to listeners of channel bizmetrics_runs. */
int bm_guc_notify_runs = BM_NOTIFY_FAILURES;

/* The width of partitions made from now on. */
int bm_guc_partition_interval = BM_PARTITION_MONTH;

/* The request that this session or transaction serves. */
char *bm_guc_request_id = NULL;

/* A zone that is not known is refused here, not at the next report. */
char *bm_guc_timezone = NULL;

/*
 * What becomes of an event whose type nobody registered. A team that keeps a catalog of its events
 * rejects them, for a name misspelt once is missing from every report afterwards.
 */
int bm_guc_unknown_events = BM_UNKNOWN_EVENTS_ACCEPT;

/* What runs: set by the extension while a report's SQL runs, for that SQL to read. */
static char *run_attempt = NULL;
static char *run_id = NULL;
static char *run_scheduled_for = NULL;
static char *run_trigger = NULL;

static const struct config_enum_entry log_runs[] = {
	{"none", BM_LOG_RUNS_NONE, false},
	{"errors", BM_LOG_RUNS_ERRORS, false},
	{"all", BM_LOG_RUNS_ALL, false},
	{NULL, 0, false},
};

static const struct config_enum_entry notify_runs[] = {
	{"none", BM_NOTIFY_NONE, false},
	{"failures", BM_NOTIFY_FAILURES, false},
	{"all", BM_NOTIFY_ALL, false},
	{NULL, 0, false},
};

static const struct config_enum_entry partition_intervals[] = {
	{"day", BM_PARTITION_DAY, false},
	{"week", BM_PARTITION_WEEK, false},
	{"month", BM_PARTITION_MONTH, false},
	{NULL, 0, false},
};

static const struct config_enum_entry unknown_events[] = {
	{"accept", BM_UNKNOWN_EVENTS_ACCEPT, false},
	{"warn", BM_UNKNOWN_EVENTS_WARN, false},
	{"reject", BM_UNKNOWN_EVENTS_REJECT, false},
	{NULL, 0, false},
};

static void
define_context(const char *name, const char *description, char **variable)
{
	DefineCustomStringVariable(name, description, "An empty value fills nothing.",
							   variable, "", PGC_USERSET, 0, NULL, NULL, NULL);
}

/* Superusers could set it, parallel workers get it, and nobody else forges it. */
static void
define_run(const char *name, const char *description, char **variable)
{
	DefineCustomStringVariable(
		name, description, "Empty where no report is running.", variable, "", PGC_SUSET,
		GUC_NO_RESET_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE, NULL, NULL, NULL);
}

static void
define_enum(const char *name, const char *description, const char *more, int *variable,
			const struct config_enum_entry *options, GucContext context)
{
	DefineCustomEnumVariable(name, description, more, variable, *variable, options,
							 context, 0, NULL, NULL, NULL);
}

static bool
check_timezone(char **name, void **extra, GucSource source)
{
	if (bm_timezone_find(*name) != NULL)
		return true;
	GUC_check_errhint(BM_TIMEZONE_HINT);
	return false;
}

void
bm_guc_init(void)
{
	define_context("bizmetrics.actor_user_id",
				   "Sets the actor of events whose call states none.",
				   &bm_guc_actor_user_id);
	DefineCustomBoolVariable(
		"bizmetrics.allow_superuser_reports", "Allows reports that run as a superuser.",
		NULL, &bm_guc_allow_superuser_reports, false, PGC_SUSET, 0, NULL, NULL, NULL);
	define_run("bizmetrics.attempt", "Shows which attempt of its run a report is.",
			   &run_attempt);
	DefineCustomIntVariable(
		"bizmetrics.buffer_size",
		"Sets the shared memory for events of log_event_async() that wait to be stored.",
		"With 0 they are stored at once.", &bm_guc_buffer_size, 16 * 1024, 0, 1024 * 1024,
		/* Nobody uses it in a session that loads the library. */
		process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP,
		GUC_UNIT_KB, NULL, NULL, NULL);
	define_context("bizmetrics.company_id",
				   "Sets the company of events whose call states none.",
				   &bm_guc_company_id);
	DefineCustomStringVariable("bizmetrics.databases",
							   "Sets the databases whose reports the worker runs.",
							   "A comma-separated list, or * for every database.",
							   &bm_guc_databases, "*", PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"bizmetrics.dedupe_retention", "Sets how long a dedupe_key is remembered.",
		"0 remembers them for ever.", &bm_guc_dedupe_retention, 90 * DAY_IN_MINUTES, 0,
		INT_MAX, PGC_SIGHUP, GUC_UNIT_MIN, NULL, NULL, NULL);
	DefineCustomIntVariable("bizmetrics.event_retention",
							"Sets how long events are kept.", "0 keeps them for ever.",
							&bm_guc_event_retention, 0, 0, INT_MAX, PGC_SIGHUP,
							GUC_UNIT_MIN, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"bizmetrics.flush_interval",
		"Sets how long events of log_event_async() wait to be stored.", NULL,
		&bm_guc_flush_interval, 200, 1, 60 * 1000, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL,
		NULL);
	DefineCustomIntVariable(
		"bizmetrics.history_retention", "Sets how long the history of runs is kept.",
		"-1 keeps it whatever its age.", &bm_guc_history_retention, 90 * DAY_IN_MINUTES,
		-1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MIN, NULL, NULL, NULL);
	DefineCustomIntVariable("bizmetrics.history_runs",
							"Sets how many successes and failures of a report are kept.",
							NULL, &bm_guc_history_runs, 1000, 1, 1000000, PGC_SIGHUP, 0,
							NULL, NULL, NULL);
	define_enum("bizmetrics.log_runs", "Sets which runs stay in the history.",
				"The last success and the last failure of each report always do.",
				&bm_guc_log_runs, log_runs, PGC_SIGHUP);
	DefineCustomIntVariable(
		"bizmetrics.max_partitions", "Sets how many partitions business_events may have.",
		NULL, &bm_guc_max_partitions, 1000, 1, 100000, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"bizmetrics.max_runners", "Sets how many reports may run at a time.", NULL,
		&bm_guc_max_runners, 4, 1, 64, PGC_SIGHUP, 0, NULL, NULL, NULL);
	define_enum("bizmetrics.notify_runs",
				"Sets which runs are told on channel bizmetrics_runs.", NULL,
				&bm_guc_notify_runs, notify_runs, PGC_SUSET);
	define_enum("bizmetrics.partition_interval",
				"Sets the time range of new partitions of business_events.", NULL,
				&bm_guc_partition_interval, partition_intervals, PGC_SIGHUP);
	define_context("bizmetrics.request_id",
				   "Sets the request of events whose call states none.",
				   &bm_guc_request_id);
	define_run("bizmetrics.run_id", "Shows the number of the run that a report is.",
			   &run_id);
	define_run("bizmetrics.scheduled_for", "Shows the slot that a report runs for.",
			   &run_scheduled_for);
	DefineCustomStringVariable("bizmetrics.timezone",
							   "Sets the time zone of reports for which none is given.",
							   "A name of pg_timezone_names.", &bm_guc_timezone, "UTC",
							   PGC_USERSET, 0, check_timezone, NULL, NULL);
	define_run("bizmetrics.trigger", "Shows what made a report run.", &run_trigger);
	define_enum("bizmetrics.unknown_events",
				"Sets what log_event() does with events of no registered type.", NULL,
				&bm_guc_unknown_events, unknown_events, PGC_SUSET);
	MarkGUCPrefixReserved("bizmetrics");
}

/* Sets one of PostgreSQL's settings until the level of settings that the caller made ends. */
void
bm_guc_set_locally(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
}
