/*
 * scan.c
 *	  Reading the event log subject by subject, by one process or several.
 *
 * Two phases, with a barrier between them. First the processes share the tables' blocks and put the
 * events that are wanted into their own stores, in parts by the subject's hash. Then they take one
 * part after the other, each from all the stores, and visit its subjects. A worker that starts late
 * finds less to do, or nothing; the caller's process could do all of it alone. What workers find out goes
 * into files of their own, which the caller's process reads when they have ended: so no process ever
 * waits for another to read.
 *
 * Memory: a process may keep its share of the hash memory, beside one open chunk of each part, and
 * spills what is more. The shared area goes with the caller's resource owner, also after an error.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/table.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/barrier.h"
#include "storage/sharedfileset.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "analysis/collect.h"
#include "analysis/record.h"
#include "analysis/scan.h"
#include "analysis/scan_query.h"
#include "analysis/source.h"
#include "analysis/store.h"

#define RESULT_PIECE (64 * 1024)

/* What an event takes in a store, about, for the number of parts. */
#define RECORD_BYTES 40

enum
{
	KEY_SHARED = 1,
	KEY_QUERY,
	KEY_PARAMETERS,
	KEY_TABLE /* and the numbers behind it */
};

/* What the others must know of a process's store; written before the barrier. */
typedef struct Published
{
	BmStorePlace directory; /* 0: did not take part */
	bool has_file;
	bool has_results;
} Published;

typedef struct SharedScan
{
	BmAnalysisKind kind;
	int parts;
	Size budget;
	int processes;
	uint32 columns;
	int tables;
	dsa_handle area;
	Barrier barrier;
	pg_atomic_uint32 next_part;
	SharedFileSet fileset;
	Published published[FLEXIBLE_ARRAY_MEMBER]; /* the caller's process is the last */
} SharedScan;

typedef struct SharedTable
{
	Oid relid;
	uint64 unused; /* aligns what follows: a ParallelTableScanDesc */
} SharedTable;

/* One process of a scan. */
typedef struct Process
{
	const BmScanQuery *query;
	const BmAnalysis *analysis;
	const void *parameters;
	SharedScan *shared;
	shm_toc *toc;	/* NULL: the only process, or one that reads a plan */
	dsa_area *area; /* NULL: the only process */
	int number;
	MemoryContext context; /* for as long as the scan takes */
	BmStore *store;
	BufFile **file; /* of each process, opened when needed */
	StringInfoData result;
	BmScanTake take; /* NULL: a worker */
	void *receiver;
	BufFile *result_file;
} Process;

PGDLLEXPORT void bm_scan_worker_main(dsm_segment *segment, shm_toc *toc);

static void
result_file_name(char *name, Size size, int number)
{
	snprintf(name, size, "results.%d", number);
}

/* Hands over what has been found out. */
static void
hand_over(Process *process)
{
	StringInfo result = &process->result;

	if (result->len == 0)
		return;
	if (process->take != NULL)
		process->take(process->receiver, result->data, result->len);
	else
	{
		if (process->result_file == NULL)
		{
			MemoryContext old = MemoryContextSwitchTo(process->context);
			char name[32];

			result_file_name(name, sizeof(name), process->number);
			process->result_file =
				BufFileCreateFileSet(&process->shared->fileset.fs, name);
			MemoryContextSwitchTo(old);
		}
		BufFileWrite(process->result_file, &result->len, sizeof(result->len));
		BufFileWrite(process->result_file, result->data, result->len);
	}
	resetStringInfo(result);
}

static void
visited(void *arg)
{
	Process *process = arg;

	if (process->result.len >= RESULT_PIECE)
		hand_over(process);
}

/* The records of another process, or one's own, that were spilled. */
static BufFile *
open_file(Process *process, int number)
{
	char name[32];

	if (process->area == NULL)
		return process->store->file;
	if (!process->shared->published[number].has_file)
		return NULL;
	if (process->file[number] == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(process->context);

		bm_store_file_name(name, sizeof(name), number);
		process->file[number] =
			BufFileOpenFileSet(&process->shared->fileset.fs, name, O_RDONLY, false);
		MemoryContextSwitchTo(old);
	}
	return process->file[number];
}

static void
visit_part(Process *process, void *state, int part)
{
	BmPieces pieces = {0};

	for (int i = 0; i < process->shared->processes; i++)
	{
		BmStorePlace directory = process->shared->published[i].directory;
		const BmStorePart *parts;

		if (directory == 0)
			continue;
		parts = process->area == NULL ? process->store->part
									  : dsa_get_address(process->area, directory);
		bm_store_pieces(&pieces, &parts[part], process->area, open_file(process, i));
	}
	if (pieces.count > 0)
		bm_subjects_visit(&pieces, process->query->value != NULL, process->analysis,
						  state, visited, process, &process->result);
}

static void
visit_parts(Process *process)
{
	SharedScan *shared = process->shared;
	void *state = process->analysis->begin(process->parameters);
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "subjects of a part", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	uint32 part;

	process->file = palloc0(shared->processes * sizeof(BufFile *));
	initStringInfo(&process->result);
	while ((part = pg_atomic_fetch_add_u32(&shared->next_part, 1)) < shared->parts)
	{
		old = MemoryContextSwitchTo(context);
		visit_part(process, state, (int) part);
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
	if (process->analysis->end != NULL)
		process->analysis->end(state, &process->result);
	hand_over(process);
}

/* Reads blocks of the tables together with the other processes. */
static void
read_tables(Process *process, BmCollector *collector)
{
	for (int i = 0; i < process->shared->tables; i++)
	{
		SharedTable *entry = shm_toc_lookup(process->toc, KEY_TABLE + i, false);
		Relation table = table_open(entry->relid, AccessShareLock);
		TableScanDesc scan =
			table_beginscan_parallel(table, (ParallelTableScanDesc) (entry + 1));

		bm_source_read(table, scan, process->shared->columns, collector);
		table_endscan(scan);
		table_close(table, AccessShareLock);
	}
}

static void
read_tables_alone(Process *process, BmSource *source, BmCollector *collector)
{
	ListCell *cell;

	foreach(cell, source->tables)
	{
		Relation table = table_open(lfirst_oid(cell), AccessShareLock);
		TableScanDesc scan = table_beginscan(table, GetActiveSnapshot(), 0, NULL);

		bm_source_read(table, scan, process->shared->columns, collector);
		table_endscan(scan);
		table_close(table, AccessShareLock);
	}
}

/* Without this they would be closed too, with a warning. */
static void
close_files(Process *process)
{
	for (int i = 0; i < process->shared->processes; i++)
		if (process->file[i] != NULL)
			BufFileClose(process->file[i]);
	if (process->store != NULL && process->store->file != NULL)
		BufFileClose(process->store->file);
}

/* Both phases. The source is known to the caller's process alone. */
static void
run_process(Process *process, BmSource *source)
{
	SharedScan *shared = process->shared;
	Published *published = &shared->published[process->number];
	BmCollector *collector;

	process->store = bm_store_create(shared->parts, shared->budget, process->area,
									 process->area == NULL ? NULL : &shared->fileset.fs,
									 process->number);
	collector = bm_collector_create(process->query, process->store);
	if (process->toc != NULL)
		read_tables(process, collector);
	else if (source->is_direct)
		read_tables_alone(process, source, collector);
	else
		bm_source_execute(source, collector);
	bm_store_finish(process->store);
	published->has_file = process->store->file != NULL;
	published->directory = process->store->directory;
	if (process->area != NULL)
		BarrierArriveAndWait(&shared->barrier, PG_WAIT_EXTENSION);
	visit_parts(process);
}

static void
init_shared(SharedScan *shared, BmAnalysisKind kind, const BmSource *source,
			uint32 columns, int processes)
{
	memset(shared, 0, offsetof(SharedScan, published) + processes * sizeof(Published));
	shared->kind = kind;
	shared->parts = bm_store_parts(
		Max(source->rows * RECORD_BYTES, (double) source->pages * BLCKSZ / 16));
	shared->budget = get_hash_memory_limit() / processes;
	shared->processes = processes;
	shared->columns = columns;
	shared->tables = list_length(source->tables);
	BarrierInit(&shared->barrier, 0);
	pg_atomic_init_u32(&shared->next_part, 0);
}

static void
scan_alone(Process *process, BmAnalysisKind kind, BmSource *source, uint32 columns)
{
	process->shared = palloc(offsetof(SharedScan, published) + sizeof(Published));
	init_shared(process->shared, kind, source, columns, 1);
	run_process(process, source);
	close_files(process);
}

/* Tells the workers of a new context what there is to do. */
static void
share(ParallelContext *context, Process *process, BmAnalysisKind kind, BmSource *source,
	  uint32 columns, StringInfo query, Size parameters)
{
	int processes = context->nworkers + 1;
	SharedScan *shared = shm_toc_allocate(
		context->toc, offsetof(SharedScan, published) + processes * sizeof(Published));
	char *copy;

	init_shared(shared, kind, source, columns, processes);
	process->area = dsa_create(LWTRANCHE_PARALLEL_QUERY_DSA);
	shared->area = dsa_get_handle(process->area);
	SharedFileSetInit(&shared->fileset, context->seg);
	shm_toc_insert(context->toc, KEY_SHARED, shared);
	copy = shm_toc_allocate(context->toc, query->len);
	memcpy(copy, query->data, query->len);
	shm_toc_insert(context->toc, KEY_QUERY, copy);
	copy = shm_toc_allocate(context->toc, Max(parameters, 1));
	memcpy(copy, process->parameters, parameters);
	shm_toc_insert(context->toc, KEY_PARAMETERS, copy);
	for (int i = 0; i < shared->tables; i++)
	{
		Oid relid = list_nth_oid(source->tables, i);
		Relation table = table_open(relid, NoLock);
		SharedTable *entry = shm_toc_allocate(
			context->toc, sizeof(SharedTable) +
							  table_parallelscan_estimate(table, GetActiveSnapshot()));

		entry->relid = relid;
		table_parallelscan_initialize(table, (ParallelTableScanDesc) (entry + 1),
									  GetActiveSnapshot());
		shm_toc_insert(context->toc, KEY_TABLE + i, entry);
		table_close(table, NoLock);
	}
	process->shared = shared;
	process->toc = context->toc;
	process->number = context->nworkers;
}

static void
estimate(ParallelContext *context, BmSource *source, StringInfo query, Size parameters)
{
	ListCell *cell;

	shm_toc_estimate_chunk(&context->estimator,
						   offsetof(SharedScan, published) +
							   (context->nworkers + 1) * sizeof(Published));
	shm_toc_estimate_chunk(&context->estimator, query->len);
	shm_toc_estimate_chunk(&context->estimator, Max(parameters, 1));
	shm_toc_estimate_keys(&context->estimator, 3 + list_length(source->tables));
	foreach(cell, source->tables)
	{
		Relation table = table_open(lfirst_oid(cell), NoLock);

		shm_toc_estimate_chunk(&context->estimator,
							   sizeof(SharedTable) + table_parallelscan_estimate(
														 table, GetActiveSnapshot()));
		table_close(table, NoLock);
	}
}

/* What a worker that has ended found out. */
static void
take_results(Process *process, int number)
{
	char name[32];
	BufFile *file;
	int length;
	StringInfoData piece;

	if (!process->shared->published[number].has_results)
		return;
	result_file_name(name, sizeof(name), number);
	file = BufFileOpenFileSet(&process->shared->fileset.fs, name, O_RDONLY, false);
	initStringInfo(&piece);
	while (BufFileRead(file, &length, sizeof(length)) == sizeof(length))
	{
		resetStringInfo(&piece);
		enlargeStringInfo(&piece, length);
		if (BufFileRead(file, piece.data, length) != length)
			ereport(
				ERROR, errcode_for_file_access(),
				errmsg("could not read %d bytes of a temporary file", length),
				errhint("See whether the disk of temp_tablespaces is full or failing."));
		process->take(process->receiver, piece.data, length);
	}
	BufFileClose(file);
	pfree(piece.data);
}

static void
scan_with_workers(Process *process, BmAnalysisKind kind, BmSource *source, uint32 columns,
				  int workers, Size parameters)
{
	ParallelContext *context;
	StringInfoData query;

	initStringInfo(&query);
	bm_scan_query_write(process->query, &query);
	EnterParallelMode();
	context = CreateParallelContext("bizmetrics", "bm_scan_worker_main", workers);
	estimate(context, source, &query, parameters);
	InitializeParallelDSM(context);
	if (context->seg == NULL || context->nworkers == 0)
		scan_alone(process, kind, source, columns);
	else
	{
		share(context, process, kind, source, columns, &query, parameters);
		BarrierAttach(&process->shared->barrier);
		LaunchParallelWorkers(context);
		run_process(process, source);
		WaitForParallelWorkersToFinish(context);
		for (int i = 0; i < context->nworkers; i++)
			take_results(process, i);
		close_files(process);
		dsa_detach(process->area);
	}
	DestroyParallelContext(context);
	ExitParallelMode();
}

void
bm_scan_worker_main(dsm_segment *segment, shm_toc *toc)
{
	Process process = {
		.toc = toc, .number = ParallelWorkerNumber, .context = CurrentMemoryContext};
	SharedScan *shared = shm_toc_lookup(toc, KEY_SHARED, false);

	process.shared = shared;
	SharedFileSetAttach(&shared->fileset, segment);
	process.area = dsa_attach(shared->area);
	process.query = bm_scan_query_read(shm_toc_lookup(toc, KEY_QUERY, false));
	process.parameters = shm_toc_lookup(toc, KEY_PARAMETERS, false);
	process.analysis = bm_analysis(shared->kind);
	/* Who comes after the barrier has nothing to read: the tables' blocks are all given out. */
	if (BarrierAttach(&shared->barrier) == 0)
		run_process(&process, NULL);
	else
		visit_parts(&process);
	if (process.result_file != NULL)
	{
		BufFileExportFileSet(process.result_file);
		BufFileClose(process.result_file);
		shared->published[process.number].has_results = true;
	}
	close_files(&process);
	BarrierDetach(&shared->barrier);
	dsa_detach(process.area);
}

void
bm_scan(const BmScanQuery *query, BmAnalysisKind kind, const void *parameters, Size size,
		BmScanTake take, void *receiver)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "scan of events",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	uint32 columns = bm_collector_columns(query);
	BmSource *source = bm_source_plan(query, columns);
	Process process = {.query = query,
					   .context = context,
					   .analysis = bm_analysis(kind),
					   .parameters = parameters,
					   .take = take,
					   .receiver = receiver};
	int workers = IsInParallelMode() ? 0 : bm_source_workers(source);

	if (workers > 0)
		scan_with_workers(&process, kind, source, columns, workers, size);
	else
		scan_alone(&process, kind, source, columns);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
