src/cron/parse.bc: src/cron/parse.c src/cron/cron.h

src/cron/cron.h:
