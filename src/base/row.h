/* Reading a row of a table where it lies. */
#ifndef BM_BASE_ROW_H
#define BM_BASE_ROW_H

#include "access/htup_details.h"
#include "access/tupmacs.h"

/* A value of eight bytes that is never NULL; where its column is the last, the row ends with it. */
static inline Datum
bm_row_value(HeapTuple row, AttrNumber column, TupleDesc desc)
{
	bool isnull;

	if (column == desc->natts && HeapTupleHeaderGetNatts(row->t_data) == column)
		return fetch_att((char *) row->t_data + row->t_len - sizeof(int64),
						 FLOAT8PASSBYVAL, sizeof(int64));
	return heap_getattr(row, column, desc, &isnull);
}

#endif
