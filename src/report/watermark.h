/* How far an incremental report has read, and what it has still to compute. */
#ifndef BM_REPORT_WATERMARK_H
#define BM_REPORT_WATERMARK_H

#include "report/bucket.h"
#include "report/registry.h"

/* A window that changed; values: those of the report's grain that did, NULL for no grain or all. */
typedef struct BmPiece
{
	BmWindow window;
	ArrayType *values;
	int64 id; /* of its row, or 0 */
} BmPiece;

typedef struct BmWatermark
{
	int64 report_id;
	bool
		is_void; /* of another database or definition: the table may hold rows nevertheless */
	bool
		is_redefined; /* void, for the report was given another meaning in this database */
	Datum snapshot;	  /* pg_snapshot; 0: nothing has been read */
	TimestampTz read_to; /* BM_NO_TIME: as above, of another table */
	int64 source_change; /* BM_NO_ID: as above, of another report's table */
	ArrayType *events;	 /* names of those that change something; NULL: all */
} BmWatermark;

extern BmWatermark *bm_watermark_get(const BmReport *report);
extern void bm_watermark_put(const BmReport *report, const BmWatermark *watermark);
extern void bm_watermark_begin(const BmReport *report, ArrayType *events);
extern void bm_watermark_delete(int64 report_id);
extern Datum bm_watermark_shared(const BmReport *report, Datum now);
extern BmPiece *bm_piece(BmWindow window, ArrayType *values);
extern void bm_pieces_sort(List *pieces);
extern List *bm_pending_list(int64 report_id);
extern void bm_pending_insert(int64 report_id, const List *pieces);
extern void bm_pending_delete(int64 report_id, int64 piece_id);
extern void bm_change_insert(int64 report_id, BmWindow window);
extern List *bm_change_list(int64 report_id, int64 after, int64 *last);
extern void bm_change_delete(int64 report_id, int64 up_to);

#endif
