src/cron/next.bc: src/cron/next.c src/cron/cron.h

src/cron/cron.h:
