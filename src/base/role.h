/* Acting as another role for a moment. */
#ifndef BM_BASE_ROLE_H
#define BM_BASE_ROLE_H

typedef struct BmRoleSwitch
{
	Oid caller;
	int context;
	int nest_level;
} BmRoleSwitch;

extern BmRoleSwitch bm_role_enter(Oid role);
extern void bm_role_leave(const BmRoleSwitch *saved);

#endif
