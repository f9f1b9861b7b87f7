# SPDX-License-Identifier: GPL-2.0-only
#
#   make             portwatch, portwatchd and its portwatch-fetch, in $(O)/
#   make run         install what is missing, build, watch this host (root)
#   make test        install what is missing, build, every test that this host can run
#   make demo        a conflict, a dead owner and a failed bind, as they happen (root)
#   make bench       what it costs, beside its peers (root)
#   make install     into $(DESTDIR)$(PREFIX), with the library and the Python module
#   make clean
#
#   The pieces of test: lint check-arrows check-core check-tools check-unit
#   check-fuzz check-kernel check-system check-web demo matrix sanitize
#   While working: make objects, make $(O)/tests/unit/test_NAME, make format
#
#   V=1 shows commands; O=dir builds elsewhere; SANITIZE=address,undefined

O        ?= build
CC       ?= cc
AR       ?= ar
OBJCOPY  ?= objcopy
CLANG    ?= clang
# Ubuntu's bpftool is a wrapper that refuses when the kernel has no package of its own.
BPFTOOL  ?= $(firstword $(shell bpftool version >/dev/null 2>&1 && echo bpftool) \
              $(wildcard /usr/lib/linux-tools*/bpftool /usr/lib/linux-tools/*/bpftool) bpftool)
PKGCONF  ?= pkg-config
BTF      ?= /sys/kernel/btf/vmlinux
PREFIX   ?= /usr/local
LIBDIR   ?= $(PREFIX)/lib
# Where the python3 of this machine looks, below $(PREFIX).
PYTHONDIR ?= $(or $(shell $(firstword $(wildcard /usr/bin/python3) python3) -c 'import sys; print(*[p for p in sys.path \
             if p.startswith("$(PREFIX)/lib") and p.endswith("-packages")][:1])' 2>/dev/null),\
             $(PREFIX)/lib/python3/dist-packages)
VERSION  ?= 0.1.0

Q        := $(if $(filter 1,$(V)),,@)
say       = $(if $(Q),@printf '  %-5s %s\n' '$(1)' '$(@:$(O)/%=%)')

CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
CPPFLAGS += -D_GNU_SOURCE -Iinclude -Iuser -I$(O) -DPORTWATCH_VERSION='"$(VERSION)"'
SANFLAGS  = $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
ALL_CFLAGS = -std=gnu17 $(WARNINGS) $(CFLAGS) $(SANFLAGS)

ARCH     := $(shell uname -m | sed -e s/x86_64/x86/ -e s/aarch64/arm64/ -e s/ppc64le/powerpc/ -e s/riscv64/riscv/)
# Debian keeps <asm/*.h> under a triplet that clang's bpf target does not search.
MULTIARCH := $(wildcard /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null))
BPF_FLAGS := -std=gnu17 -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror \
             -D__TARGET_ARCH_$(ARCH) -Ivmlinux -Iinclude -Ibpf $(MULTIARCH:%=-idirafter %)

# gcc lists section entries backwards without this; clang keeps file order.
KEEP_ORDER := $(shell $(CC) -fno-toplevel-reorder -E -x c /dev/null >/dev/null 2>&1 && echo -fno-toplevel-reorder)

# Optional at build time.
ifeq ($(shell $(PKGCONF) --exists libsystemd 2>/dev/null && echo yes),yes)
CPPFLAGS += -DHAVE_SYSTEMD
SYSTEMD  := libsystemd
endif

# Folders, highest first: one archive each, and the arrows of DESIGN 2 point right.
CLI      := cli client json core base
DAEMON   := daemon http sinks service engine probe store json core child base
FETCH    := fetch base
ALL      := cli client fetch $(DAEMON)
CLI_MODULES    := libcjson smartcols
DAEMON_MODULES := libbpf libcjson libuv libmicrohttpd libcap-ng $(SYSTEMD)
FETCH_MODULES  := libcurl libuv libcap-ng nettle
CLI_LIBS        = $$($(PKGCONF) --libs $(CLI_MODULES)) -lhttp_parser
DAEMON_LIBS     = $$($(PKGCONF) --libs $(DAEMON_MODULES))
FETCH_LIBS      = $$($(PKGCONF) --libs $(FETCH_MODULES))
MODULE_CFLAGS  := $(shell $(PKGCONF) --cflags $(CLI_MODULES) $(DAEMON_MODULES) $(FETCH_MODULES) 2>/dev/null)
CPPFLAGS       += $(MODULE_CFLAGS)

objects_of   = $(patsubst %.c,$(O)/%.o,$(wildcard $(1)))
archives     = $(patsubst %,$(O)/user/%.a,$(1))
link         = $(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $(filter-out %.h,$^) -Wl,--as-needed $(LIBS) -o $@

BPF_OBJ  := $(patsubst %.c,$(O)/%.o,$(wildcard bpf/*.bpf.c))
# A watching daemon loads all programs as one object: the kernel's types are read once.  To
# list sockets, the iterators alone, which the kernel relocates; and where it does not, libbpf.
BPF_SKEL := $(O)/bpf/events.skel.h $(O)/bpf/alone.skel.h
BPF_LSKEL := $(O)/bpf/alone.lskel.h
USER_OBJ := $(call objects_of,user/*/*.c)
TEST_OBJ := $(call objects_of,tests/*.c tests/*/*.c tests/kernel/*/*.c)
MAIN_OBJ := $(call objects_of,user/*/main.c)

programs  = $(patsubst %.c,$(O)/%,$(wildcard $(1)))
BIN      := $(patsubst $(O)/user/%/main.o,$(O)/%,$(MAIN_OBJ))
BIN      := $(patsubst $(O)/cli,$(O)/portwatch,$(BIN:$(O)/daemon=$(O)/portwatchd))
BIN      := $(BIN:$(O)/fetch=$(O)/portwatch-fetch)
UNIT     := $(call programs,tests/unit/test_*.c)
KERNEL   := $(call programs,tests/kernel/test_*.c)
ACTOR    := $(O)/tests/kernel/helpers/actor
FUZZ     := $(call programs,tests/fuzz/fuzz_*.c)
BENCH    := $(call programs,tests/bench/*.c)
# What a unit test includes, "probe/x.h" or "probe_stage.h", says what must be built
# before it links.
including = $(call programs,$(shell grep -lE '^.include ["<]($(1))[/_]' tests/unit/*.c 2>/dev/null))
WIDE     := $(call including,cli|http|sinks|service|child|fetch|engine|probe|daemon)
MIDDLE   := $(filter-out $(WIDE),$(call including,client|store|json|portwatch)) $(FUZZ)

# Skips that are no failure where CI is set: reasons, as a regular expression.  What the
# kernel lacks, and what a container may forbid.
CI_SKIPS := no io_uring bind in this kernel|only cgroup v2 or fexit see binds by this path|$\
            Linux before 6.8 does not list them|takes 30 s; .*|$\
            needs root|no ptrace to be had|no mount namespace to be had
PIECES   := programs lint check-arrows check-core check-tools check-unit check-fuzz check-kernel \
            check-system check-web demo matrix sanitize

.PHONY: all lib objects $(PIECES) fuzz-programs test format run bench install clean help
all: $(BIN) lib

programs: $(BIN) $(UNIT) $(KERNEL)

objects: $(USER_OBJ) $(BPF_SKEL) $(BPF_LSKEL)

help:
	@sed -n '/^#/!q; 3,$$s/^# *//p' Makefile

$(O)/portwatch: LIBS = $(CLI_LIBS)
$(O)/portwatch: $(call objects_of,user/cli/*.c) $(call archives,$(filter-out cli,$(CLI)))
	$(call say,LINK)
	$(link)

$(O)/portwatchd: LIBS = $(DAEMON_LIBS)
$(O)/portwatchd: $(call objects_of,user/daemon/*.c) $(call archives,$(filter-out daemon,$(DAEMON)))
	$(call say,LINK)
	$(link)

# What health checks and sinks need of the network, apart from the daemon: libcurl costs 3 MB.
$(O)/portwatch-fetch: LIBS = $(FETCH_LIBS)
$(O)/portwatch-fetch: $(call objects_of,user/fetch/*.c) $(call archives,$(filter-out fetch,$(FETCH)))
	$(call say,LINK)
	$(link)

# libportwatch: the client and what it uses of base, not sanitized.  The version script is
# the one list of what it exports; in the static library all else is made local, too.
SONAME   := libportwatch.so.0
LIB_OBJ  := $(patsubst %.c,$(O)/pic/%.o,$(filter-out %/log.c,$(wildcard user/base/*.c user/client/*.c)))
LIBRARY  := $(O)/lib/libportwatch.a $(O)/lib/libportwatch.so.$(VERSION)
lib: $(LIBRARY)

$(LIB_OBJ): $(O)/pic/%.o: %.c
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu17 $(WARNINGS) $(CFLAGS) -fPIC -fno-lto -MMD -MP -c $< -o $@

$(O)/lib/libportwatch.so.$(VERSION): user/client/libportwatch.map $(LIB_OBJ)
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=$< \
		-Wl,-z,defs -Wl,-z,relro -Wl,-z,now $(LIB_OBJ) -lhttp_parser -o $@
	$(Q)ln -sf $(@F) $(@D)/$(SONAME)
	$(Q)ln -sf $(SONAME) $(@D)/libportwatch.so

$(O)/lib/libportwatch.a: user/client/libportwatch.map $(LIB_OBJ)
	$(call say,AR)
	$(Q)mkdir -p $(@D)
	$(Q)sed -n 's/^\t\(pw_.*\);/\1/p' $< > $(@:.a=.exports)
	$(Q)$(CC) -r -nostdlib $(LIB_OBJ) -o $(@:.a=.o)
	$(Q)$(OBJCOPY) --keep-global-symbols=$(@:.a=.exports) $(@:.a=.o)
	$(Q)rm -f $@; $(AR) rcs $@ $(@:.a=.o)

# Linking through bpftool drops DWARF and keeps BTF.  These are static pattern
# rules so that %.c -> %.o can never claim a BPF object.
define bpf_object
	$(call say,BPF)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_FLAGS) -MMD -MP -MT $@ -MF $(@:.o=.d) -c $< -o $@.tmp
	$(Q)$(BPFTOOL) gen object $@ $@.tmp
endef

$(BPF_OBJ): $(O)/bpf/%.bpf.o: bpf/%.bpf.c
	$(bpf_object)

$(O)/bpf/alone.bpf.o: BPF_FLAGS += -DPW_ALONE
$(O)/bpf/alone.bpf.o: bpf/snapshot.bpf.c
	$(bpf_object)

$(O)/bpf/events.bpf.o: $(BPF_OBJ) Makefile
	$(call say,BPF)
	$(Q)$(BPFTOOL) gen object $@ $(BPF_OBJ)

$(BPF_SKEL): %.skel.h: %.bpf.o
	$(call say,SKEL)
	$(Q)$(BPFTOOL) gen skeleton $< name $(notdir $*)_bpf > $@

$(BPF_LSKEL): %.lskel.h: %.bpf.o
	$(call say,SKEL)
	$(Q)$(BPFTOOL) gen skeleton -L $< name $(notdir $*)_light > $@

$(USER_OBJ) $(TEST_OBJ): $(O)/%.o: %.c
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# The skeletons must be there once; from then on the .d files know who includes them.
$(call objects_of,user/probe/*.c): | $(BPF_SKEL) $(BPF_LSKEL)

# The dashboard as data of the daemon; the order is that of the table.
WEB      := $(wildcard user/web/*.html user/web/*.css user/web/*.js user/web/*.svg)
$(O)/user/web/files.c: user/web/embed $(WEB)
	$(call say,EMBED)
	$(Q)mkdir -p $(@D)
	$(Q)user/web/embed $(WEB) > $@

$(O)/user/web/files.o: $(O)/user/web/files.c user/http/page.h
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c $< -o $@

$(O)/user/http.a: $(O)/user/web/files.o

define archive_rule
$(O)/user/$(1).a: $(filter-out $(MAIN_OBJ),$(call objects_of,user/$(1)/*.c))
	$$(call say,AR)
	$$(Q)mkdir -p $$(@D); rm -f $$@; $$(AR) rcs $$@ $$^
endef
$(foreach folder,$(ALL),$(eval $(call archive_rule,$(folder))))

$(O)/tests/%: CPPFLAGS += -Itests
$(O)/tests/%: CFLAGS += $(KEEP_ORDER)

$(filter-out $(WIDE) $(MIDDLE),$(UNIT)): $(call archives,core base)
$(MIDDLE): LIBS = $(CLI_LIBS)
$(MIDDLE): $(call archives,client store json core base)
$(WIDE) $(KERNEL) $(BENCH): LIBS = $(CLI_LIBS) $(DAEMON_LIBS) $(FETCH_LIBS)
$(WIDE): $(call archives,$(ALL))
$(KERNEL): $(filter-out $(KERNEL:%=%.o),$(call objects_of,tests/kernel/*.c))
$(O)/tests/kernel/test_rows: $(call objects_of,tests/kernel/rows/*.c)
$(KERNEL): $(call archives,engine probe core base)
$(BENCH): $(call archives,$(ALL))
$(UNIT) $(KERNEL): $(O)/%: $(O)/%.o $(O)/tests/harness.o
	$(call say,LINK)
	$(link)

$(BENCH): $(O)/%: $(O)/%.o
	$(call say,LINK)
	$(link)

$(FUZZ): SANFLAGS += -fsanitize=fuzzer
$(FUZZ): $(O)/%: $(O)/%.o
	$(call say,LINK)
	$(link)

# The program that the kernel tests watch: plain, and all of its folder.
$(ACTOR) $(call objects_of,tests/kernel/helpers/*.c): SANITIZE :=
$(ACTOR): $(call objects_of,tests/kernel/helpers/*.c)
	$(call say,LINK)
	$(link)
$(KERNEL): | $(ACTOR)

test:
	$(Q)tools/setup test
	$(Q)O='$(O)' MAKE='$(MAKE)' CI_SKIPS='$(CI_SKIPS)' tests/run $(PIECES)

check-unit: $(UNIT)
	$(Q)tests/each $^

check-kernel: $(KERNEL)
	$(Q)tests/each --root $^

check-system: all
	$(Q)tests/each --root 'env O=$(abspath $(O)) bats --tap tests/system'

check-web: all
	$(Q)tests/each --root 'env O=$(abspath $(O)) tests/web/run'

check-tools:
	$(Q)bats --tap tests/tools

# Clang's fuzzer wants everything that it looks into built for it.
check-fuzz:
	$(Q)$(MAKE) --no-print-directory O=$(O)/fuzz CC=$(CLANG) SANITIZE=fuzzer-no-link,address,undefined fuzz-programs
	$(Q)tests/each $(FUZZ:$(O)/%='tests/fuzz/run $(O)/fuzz/%')

fuzz-programs: $(FUZZ)

SANITIZED = --no-print-directory O=$(O)/sanitize SANITIZE=address,undefined
sanitize:
	$(Q)$(MAKE) $(SANITIZED) programs
	$(Q)$(MAKE) $(SANITIZED) -k -j1 check-unit check-kernel check-system

matrix: $(KERNEL)
	$(Q)O=$(abspath $(O)) tests/matrix/run

check-core: $(BPF_OBJ) $(O)/bpf/alone.bpf.o
	$(Q)tools/check-core.sh $(BTF) $^

check-arrows:
	$(Q)tools/check-arrows

TIDY := $(patsubst $(O)/%.o,$(O)/tidy/%,$(USER_OBJ))
lint: $(TIDY)
	$(Q)tools/lint $(filter-out -I/usr/%,$(CPPFLAGS))

$(TIDY): $(O)/tidy/%: %.c $(O)/%.o .clang-tidy
	$(call say,TIDY)
	$(Q)mkdir -p $(@D)
	$(Q)clang-tidy --quiet $< -- -std=gnu17 $(CPPFLAGS) 2>$@.log || { cat $@.log; exit 1; }
	$(Q)touch $@

format:
	$(Q)tools/lint --format

run:
	$(Q)tools/setup build
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) all
	$(Q)tools/as-root tools/live $(O) $(WATCH)

demo:
	$(Q)tools/setup build
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) all
	$(Q)tests/each --root 'tools/demo $(abspath $(O))'

bench:
	$(Q)tools/setup bench
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) all $(BENCH)
	$(Q)tools/as-root env O=$(abspath $(O)) tests/bench/run

COMPLETIONS := bash-completion/completions/portwatch zsh/site-functions/_portwatch \
               fish/vendor_completions.d/portwatch.fish
SHARE := $(DESTDIR)$(PREFIX)/share
install: all
	$(Q)install -D -t $(DESTDIR)$(PREFIX)/bin $(O)/portwatch
	$(Q)install -D -t $(DESTDIR)$(PREFIX)/sbin $(O)/portwatchd
	$(Q)install -D -t $(DESTDIR)$(PREFIX)/libexec/portwatch $(O)/portwatch-fetch
	$(Q)install -D -m 644 tools/packaging/portwatch.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/portwatch.conf
	$(Q)install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	$(Q)sed 's,@PREFIX@,$(PREFIX),' tools/packaging/portwatchd.service \
		> $(DESTDIR)$(PREFIX)/lib/systemd/system/portwatchd.service
	$(Q)install -D -m 644 -t $(SHARE)/portwatch $(addprefix tools/packaging/,launch.conf \
		prometheus.yml prometheus.rules.yml grafana.json)
	$(Q)for page in $(wildcard user/*/*.1 user/*/*.3 user/*/*.8); do \
		install -D -m 644 -t $(SHARE)/man/man$${page##*.} $$page; done
	$(Q)install -d $(addprefix $(SHARE)/,$(dir $(COMPLETIONS)))
	$(Q)set -e; for path in $(COMPLETIONS); do \
		$(O)/portwatch completion $${path%%[-/]*} > $(SHARE)/$$path; done
	$(Q)install -D -m 644 -t $(DESTDIR)$(PYTHONDIR)/portwatch $(wildcard tools/python/portwatch/*.py) tools/python/portwatch/py.typed
	$(Q)install -D -m 644 -t $(DESTDIR)$(PREFIX)/include/portwatch include/portwatch/client.h
	$(Q)install -d $(DESTDIR)$(LIBDIR)/pkgconfig
	$(Q)cp -P $(LIBRARY) $(O)/lib/$(SONAME) $(O)/lib/libportwatch.so $(DESTDIR)$(LIBDIR)
	$(Q)sed 's,@PREFIX@,$(PREFIX),; s,@LIBDIR@,$(LIBDIR),; s,@VERSION@,$(VERSION),' \
		tools/packaging/libportwatch.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/libportwatch.pc

clean:
	$(Q)rm -rf $(O)

-include $(USER_OBJ:.o=.d) $(LIB_OBJ:.o=.d) $(TEST_OBJ:.o=.d) $(BPF_OBJ:.o=.d) $(O)/bpf/alone.bpf.d
.DELETE_ON_ERROR:
