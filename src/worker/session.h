/* What a runner's session is checked for and cleared of between two reports. */
#ifndef BM_WORKER_SESSION_H
#define BM_WORKER_SESSION_H

extern void bm_session_begin(void);
extern bool bm_session_is_current(void);
extern void bm_session_set_role(void);
extern bool bm_session_clear(void);

#endif
