/* The triggers that keep business_events append-only and its xact_id our own. */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "event/event.h"

PG_FUNCTION_INFO_V1(bizmetrics_reject_change);
PG_FUNCTION_INFO_V1(bizmetrics_stamp_event);

static const char *
command_name(TriggerEvent event)
{
	if (TRIGGER_FIRED_BY_UPDATE(event))
		return "UPDATE";
	if (TRIGGER_FIRED_BY_DELETE(event))
		return "DELETE";
	return "TRUNCATE";
}

/* BEFORE UPDATE, DELETE or TRUNCATE on the parent and on each partition. */
Datum
bizmetrics_reject_change(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		elog(ERROR, "bizmetrics_reject_change is a trigger function");
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot execute %s on table \"%s\"", command_name(trigger->tg_event),
					RelationGetRelationName(trigger->tg_relation)),
			 errdetail("Business events are append-only."),
			 errhint("Log another event that corrects the first one.")));
}

/*
 * BEFORE INSERT, for events of another server, whose transaction ids mean nothing here: those that a
 * subscriber applies are new to its reports, by the transaction that applies them. Those that a restore brings
 * are history; where their number is yet to come here, they would be new once it has come. They get that of a
 * transaction which every snapshot has seen, and a report that has not read anything yet reads them.
 */
Datum
bizmetrics_stamp_event(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc desc;
	int column;
	bool is_applied = SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA;
	Datum xact_id = Int64GetDatum(is_applied ? bm_current_xact() : FrozenTransactionId);
	bool isnull = false;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		elog(ERROR, "bizmetrics_stamp_event is a trigger function");
	desc = RelationGetDescr(trigger->tg_relation);
	(void) bm_event_attribute(trigger->tg_trigtuple, desc, BM_EVENT_XACT_ID);
	column = SPI_fnumber(desc, bm_event_column_names[BM_EVENT_XACT_ID]);
	return PointerGetDatum(heap_modify_tuple_by_cols(trigger->tg_trigtuple, desc, 1,
													 &column, &xact_id, &isnull));
}
