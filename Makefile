# bizmetrics: an ordinary PGXS makefile. The version is written in the control file alone.
EXTENSION    = bizmetrics
EXTVERSION  := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(EXTENSION).control)
MODULE_big   = $(EXTENSION)
OBJS         = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c)))
PG_CPPFLAGS  = -I$(srcdir)/src -DBIZMETRICS_VERSION='"$(EXTVERSION)"'

DATA         = $(wildcard sql/released/*.sql sql/$(EXTENSION)--*--*.sql)
SQL_TOPICS   = $(sort $(wildcard sql/topics/*.sql))
DATA_built   = sql/$(EXTENSION)--$(EXTVERSION).sql

REGRESS        = $(sort $(patsubst test/sql/%.sql,%,$(wildcard test/sql/*.sql)))
REGRESS_OPTS   = --inputdir=test --load-extension=$(EXTENSION)
ISOLATION      = $(sort $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=$(EXTENSION)
TAP_TESTS      = 1
PROVE_TESTS    = test/t/*.pl

# create_report() says when a report will run, which is another time in each run of a test.
installcheck: export PGOPTIONS += -c client_min_messages=warning

EXTRA_CLEAN  = sql/$(EXTENSION)--$(EXTVERSION).sql $(OBJS:=.d) $(OBJS:.o=.bc.d)

PG_CONFIG   ?= pg_config
PGXS        := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# A header that changes rebuilds what includes it: the object, and the bitcode for JIT, which has a list of its own.
PGXS_CPPFLAGS := $(CPPFLAGS)
override CPPFLAGS = $(PGXS_CPPFLAGS) -MMD -MP -MF $@.d
-include $(OBJS:=.d) $(OBJS:.o=.bc.d)

# What another makefile built may have no such list.
$(OBJS) $(OBJS:.o=.bc): Makefile $(EXTENSION).control

$(DATA_built): $(SQL_TOPICS) $(EXTENSION).control
	cat $(SQL_TOPICS) > $@

.PHONY: bench
bench: ; bench/run
