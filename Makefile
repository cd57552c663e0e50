# ngx_http_webhook_module: `make help` lists what there is to do.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := build

# A full nginx source tree, configured by us; without one, the headers of Debian's nginx-dev.
NGINX_SRC ?=
# 1: AddressSanitizer and UndefinedBehaviorSanitizer in everything that is built and run.
SANITIZE ?=
# How many compilers and test files run at a time.
JOBS ?= $(shell nproc)
# An ordinary user's PATH may not name the directory that Debian's nginx is in.
NGINX = $(shell PATH="$$PATH:/usr/sbin:/usr/local/sbin" command -v nginx || echo nginx)
# Where `make install` puts the module.
MODULES_DIR ?= $(shell { $(NGINX) -V 2>&1 || true; } | sed -n 's/.*--modules-path=\([^ ]*\).*/\1/p')

HERE := $(CURDIR)
BUILD := build
MODULE := $(BUILD)/ngx_http_webhook_module.so
DEV_SRC := /usr/share/nginx/src
CXX := g++

CORE_PACKAGES := g++ libssl-dev libsimdjson-dev zlib1g-dev libpcre2-dev libidn2-dev libsqlite3-dev
BUILD_PACKAGES := $(CORE_PACKAGES) nginx nginx-dev
UNIT_PACKAGES := $(CORE_PACKAGES) libgtest-dev
TEST_PACKAGES := libgtest-dev curl jq perl openssl procps json-schema-test-suite prometheus redis-server
CHECK_PACKAGES := clang-format clang-tidy
BENCH_PACKAGES := wrk
INTEROP_PACKAGES := nodejs npm
BROWSER_PACKAGES := chromium

# The houses that know no nginx: they are built, tested and fuzzed without it.
HOUSES := base jsonschema scheme verify inspect capture store redis queue report
CORE_SOURCES := $(wildcard $(HOUSES:%=src/%/*.cpp))
GLUE_SOURCES := $(wildcard src/ngx_http_webhook/*.cpp)
HEADERS := $(wildcard src/*/*.h)
UNIT_SOURCES := $(wildcard t/unit/*.cpp)
FUZZERS := $(patsubst t/fuzz/%_fuzz.cpp,%,$(wildcard t/fuzz/*_fuzz.cpp))
FORMATTED := $(CORE_SOURCES) $(GLUE_SOURCES) $(HEADERS) $(wildcard t/unit/* t/fuzz/*.cpp t/fuzz/*.h t/bench/*.cpp t/race/*.cpp t/jsonschema/*.cpp t/support/* t/browser/*.cpp)

# What is built with sanitizers is kept apart from what is not.
FLAVOUR := $(if $(filter 1,$(SANITIZE)),sanitize,release)
OBJECTS := $(BUILD)/$(FLAVOUR)
LIBRARY := $(OBJECTS)/libwebhook.a
SANITIZERS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OWN_FLAGS := $(if $(filter 1,$(SANITIZE)),-O1 $(SANITIZERS),-O2)
HARDENING := -fstack-protector-strong -D_FORTIFY_SOURCE=2
CXXFLAGS := -std=c++20 -g -W -Wall -Wpointer-arith -Werror -Isrc $(OWN_FLAGS)
LIBRARIES := -lcrypto -lsimdjson -lz -lpcre2-8 -lidn2 -lsqlite3
NGINX_HEADERS := $(addprefix $(or $(NGINX_SRC),$(DEV_SRC))/src/,core event event/modules os/unix http http/modules http/v2 event/quic http/v3)

# The address sanitizer has to be the first library of an nginx that was built without it. nginx frees
# little when it exits, so that only the unit tests look for leaks.
RUN_SANITIZED = WEBHOOK_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libubsan.so)" \
                ASAN_OPTIONS=detect_leaks=0:detect_odr_violation=0 UBSAN_OPTIONS=print_stacktrace=1
RUN = WEBHOOK_MODULE=$(HERE)/$(OBJECTS)/ngx_http_webhook_module.so WEBHOOK_FAULTY_MODULE=$(HERE)/$(FAULTY_MODULE) $(if $(filter 1,$(SANITIZE)),$(RUN_SANITIZED))

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | awk -F'\t' '{ printf "  make %-12s %s\n", $$1, $$2 }'
	@echo "  with SANITIZE=1 (test), NGINX_SRC=DIR (build), KEEP=1 (demo), JOBS=N"

# Sets `missing` to those of $(1) that are not installed; to none where the system has no dpkg.
find_missing = missing=; for package in $(1); do \
	    ! command -v dpkg-query >/dev/null || \
	    dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
	done

# Says which of $(1) are missing. A build installs nothing.
define require_packages
	@$(call find_missing,$(1)); \
	if [ -n "$$missing" ]; then echo "missing packages:$$missing (make deps installs them)" >&2; exit 1; fi
endef

# Installs those of $(1) that are missing. RUNLEVEL and SYSTEMD_OFFLINE keep the services of nginx, prometheus and Redis
# from being started, the one without systemd, the other one with it.
define install_packages
	@$(call find_missing,$(1)); \
	if [ -n "$$missing" ]; then \
	    echo "installing:$$missing"; \
	    sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	    $$sudo env DEBIAN_FRONTEND=noninteractive apt-get update -q >/dev/null; \
	    $$sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 SYSTEMD_OFFLINE=1 apt-get install -y -q --no-install-recommends $$missing >/dev/null; \
	fi
endef

.PHONY: deps deps-test deps-check deps-bench deps-fuzz deps-interop deps-browser
deps: ## install what the build needs (Debian's packages)
	$(call install_packages,$(BUILD_PACKAGES))
deps-test: deps
	$(call install_packages,$(TEST_PACKAGES))
deps-check: deps-test
	$(call install_packages,$(CHECK_PACKAGES))
deps-fuzz: deps
	$(call install_packages,clang libclang-rt-14-dev)
deps-bench: deps-test
	$(call install_packages,$(BENCH_PACKAGES))
# Node may have come from elsewhere.
deps-interop: deps-test
	$(if $(shell command -v npm),,$(call install_packages,$(INTEROP_PACKAGES)))
deps-browser: deps-interop
	$(call install_packages,$(BROWSER_PACKAGES))

.PHONY: build
build: ## build build/ngx_http_webhook_module.so
	$(if $(NGINX_SRC),$(call require_packages,$(CORE_PACKAGES)),$(call require_packages,$(BUILD_PACKAGES)))
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(OBJECTS)/ngx_http_webhook_module.so
ifeq ($(FLAVOUR),release)
	@cmp -s $(OBJECTS)/ngx_http_webhook_module.so $(MODULE) || install -m 644 $(OBJECTS)/ngx_http_webhook_module.so $(MODULE)
	@echo "built $(MODULE)"
endif

# Objects that were made with other flags are none.
FLAGS := $(OBJECTS)/flags-$(shell echo '$(CXXFLAGS)' | cksum | cut -d' ' -f1)
$(FLAGS):
	@mkdir -p $(@D) && rm -f $(OBJECTS)/flags-* && touch $@

# All that knows no nginx is compiled once: for the module, the tests, the fuzzers and the benchmarks.
COMPILE = @mkdir -p $(@D) && $(CXX) $(CXXFLAGS) -MMD -MP -c $< -o $@
$(OBJECTS)/core/%.o: CXXFLAGS += -fPIC -fvisibility=hidden $(HARDENING)
$(OBJECTS)/core/%.o: src/%.cpp $(FLAGS)
	$(COMPILE)
-include $(wildcard $(OBJECTS)/core/*/*.d)
$(LIBRARY): $(CORE_SOURCES:src/%.cpp=$(OBJECTS)/core/%.o)
	@rm -f $@ && ar rcs $@ $^

# nginx's configure is run again when the list of sources, the compiler's flags or nginx change.
CONFIGURED := $(OBJECTS)/nginx/configured-$(shell { echo '$(NGINX_SRC) $(CXXFLAGS) $(CORE_SOURCES) $(GLUE_SOURCES)'; $(NGINX) -V 2>&1 || true; cat config src/build/config.make; } | cksum | cut -d' ' -f1)

$(CONFIGURED):
	@rm -rf $(OBJECTS)/nginx && mkdir -p $(OBJECTS)/nginx
ifeq ($(NGINX_SRC),)
	@cd $(DEV_SRC) && . ./conf_flags && \
	    WEBHOOK_LIBRARY=$(HERE)/$(LIBRARY) WEBHOOK_CXXFLAGS="-Werror $(OWN_FLAGS)" ./configure "$${NGX_CONF_FLAGS[@]}" \
	    --with-cc-opt="-g -O2 $(HARDENING)" --with-ld-opt="-Wl,-z,relro -Wl,-z,now$(if $(filter 1,$(SANITIZE)), $(SANITIZERS))" \
	    --add-dynamic-module=$(HERE) --builddir=$(HERE)/$(OBJECTS)/nginx >$(HERE)/$(OBJECTS)/configure.log \
	    || { tail -n 20 $(HERE)/$(OBJECTS)/configure.log; exit 1; }
else
	@cd $(NGINX_SRC) && configure=./configure; [ -x ./configure ] || configure=auto/configure; \
	    WEBHOOK_LIBRARY=$(HERE)/$(LIBRARY) WEBHOOK_CXXFLAGS="-Werror $(OWN_FLAGS)" $$configure --with-compat --with-http_ssl_module --with-http_v2_module --with-threads $(NGINX_CONFIGURE) \
	    --with-ld-opt="$(if $(filter 1,$(SANITIZE)), $(SANITIZERS))" \
	    --add-dynamic-module=$(HERE) --builddir=$(HERE)/$(OBJECTS)/nginx >$(HERE)/$(OBJECTS)/configure.log \
	    || { tail -n 20 $(HERE)/$(OBJECTS)/configure.log; exit 1; }
endif
	@touch $@

# nginx's own Makefile does not know that the library is linked.
$(OBJECTS)/ngx_http_webhook_module.so: $(CONFIGURED) $(LIBRARY) $(GLUE_SOURCES) $(HEADERS)
	@rm -f $(OBJECTS)/nginx/ngx_http_webhook_module.so
	@$(MAKE) --no-print-directory -s -C $(or $(NGINX_SRC),$(DEV_SRC)) -f $(HERE)/$(OBJECTS)/nginx/Makefile modules
	@# A new file: an nginx that runs has the old one mapped.
	@install -m 644 $(OBJECTS)/nginx/ngx_http_webhook_module.so $@

# The same module, for tests: with what they may ask for by the environment (fault_point.h).
FAULTY := store/dedup_table store/capture_ring store/queue_file ngx_http_webhook/module ngx_http_webhook/conf
FAULTY_SUPPORT := late_store redis_caller
FAULTY_MODULE := $(OBJECTS)/faulty/ngx_http_webhook_module.so
$(OBJECTS)/faulty/%.o: CXXFLAGS += -fPIC -fvisibility=hidden $(HARDENING) -DWEBHOOK_FAULT_POINTS -I$(OBJECTS)/nginx $(addprefix -isystem ,$(NGINX_HEADERS))
$(OBJECTS)/faulty/%.o: src/%.cpp $(CONFIGURED) $(FLAGS)
	$(COMPILE)
$(OBJECTS)/faulty/support/%.o: t/support/%.cpp $(CONFIGURED) $(FLAGS)
	$(COMPILE)
-include $(wildcard $(OBJECTS)/faulty/*/*.d)
$(FAULTY_MODULE): $(FAULTY:%=$(OBJECTS)/faulty/%.o) $(FAULTY_SUPPORT:%=$(OBJECTS)/faulty/support/%.o) $(OBJECTS)/ngx_http_webhook_module.so
	@$(CXX) $(OWN_FLAGS) -shared $(filter %.o,$^) $(filter-out $(FAULTY:%=$(OBJECTS)/nginx/addon/%.o),$(wildcard $(OBJECTS)/nginx/addon/ngx_http_webhook/*.o)) \
	    $(OBJECTS)/nginx/ngx_http_webhook_module_modules.o $(LIBRARY) $(LIBRARIES) -o $@

# A full source tree of the nginx that is installed, from Debian's archive.
SOURCE := $(BUILD)/nginx-source
FULL_SRC := $(or $(NGINX_SRC),$(HERE)/$(SOURCE))
$(SOURCE)/configure:
	@rm -rf $(SOURCE) && mkdir -p $(SOURCE)/lists/partial
	@cd $(SOURCE) && . /etc/os-release && \
	    echo "deb-src http://deb.debian.org/debian $$VERSION_CODENAME main" >sources.list && \
	    options="-q -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::sourcelist=$$PWD/sources.list -o Dir::State::Lists=$$PWD/lists" && \
	    { apt-get $$options update && apt-get $$options source --download-only nginx; } >apt.log 2>&1 || { tail apt.log; exit 1; }
	@cd $(SOURCE) && tar -xf nginx_*.orig.tar.* --strip-components=1

# An nginx with the module inside, and with those of its own modules that the tests use.
STATIC := $(OBJECTS)/static
STATIC_MODULES := ssl v2 realip auth_request dav addition sub gunzip stub_status
STATIC_OPTIONS := --with-threads --with-debug $(STATIC_MODULES:%=--with-http_%_module)
STATIC_NGINX := $(patsubst %,$(STATIC)/%/nginx,plain o3 asan std)
.PHONY: $(STATIC_NGINX)
$(STATIC_NGINX): $(STATIC)/%/nginx: $(if $(NGINX_SRC),,$(SOURCE)/configure)
	@mkdir -p $(STATIC)/$*
	@cd $(FULL_SRC) && configure=./configure; [ -x ./configure ] || configure=auto/configure; \
	    WEBHOOK_TEST_SOURCES="$(VARIANT_SOURCES)" WEBHOOK_CXXFLAGS="$(VARIANT_CXXFLAGS)" $$configure $(STATIC_OPTIONS) $(NGINX_CONFIGURE) \
	    --with-cc-opt="$(VARIANT_CC)" --with-ld-opt="$(VARIANT_LD)" --add-module=$(HERE) --builddir=$(HERE)/$(STATIC)/$* \
	    >$(HERE)/$(STATIC)/$*.log || { tail -n 20 $(HERE)/$(STATIC)/$*.log; exit 1; }
	@$(MAKE) --no-print-directory -s -j$(JOBS) -C $(FULL_SRC) -f $(HERE)/$(STATIC)/$*/Makefile binary

.PHONY: test-static build-variants
$(STATIC)/plain/nginx: VARIANT_CXXFLAGS = -Werror $(OWN_FLAGS) -DWEBHOOK_FAULT_POINTS
$(STATIC)/plain/nginx: VARIANT_SOURCES = $(FAULTY_SUPPORT:%=$(HERE)/t/support/%.cpp)
test-static: deps-test $(STATIC)/plain/nginx ## run the end-to-end tests on an nginx with the module inside (NGINX_SRC=DIR, or Debian's)
	WEBHOOK_NGINX=$(HERE)/$(STATIC)/plain/nginx WEBHOOK_MODULE=none prove -j$(JOBS) -It/lib $(or $(T),t/*.t)

# As users' flags may be. Warnings are shown, and stop nothing.
$(STATIC)/o3/nginx: VARIANT_CC = -O3
$(STATIC)/asan/nginx: VARIANT_CC = -O1 -fsanitize=address
$(STATIC)/asan/nginx: VARIANT_LD = -fsanitize=address
$(STATIC)/std/nginx: VARIANT_CC = -std=gnu11
build-variants: ## build nginx with the module inside by hand, with flags as users have them
	@for variant in o3 asan std; do \
	    echo "build variant: $$variant"; \
	    $(MAKE) --no-print-directory $(STATIC)/$$variant/nginx && ASAN_OPTIONS=detect_leaks=0 $(STATIC)/$$variant/nginx -v; \
	done

# Every compiler's call, for editors (.clangd).
.PHONY: compile-commands
compile-commands: build ## write build/compile_commands.json
	@{ separator='['; for source in $(CORE_SOURCES) $(GLUE_SOURCES) $(UNIT_SOURCES); do \
	    printf '%s\n{"directory": "%s", "file": "%s", "command": "%s %s -I%s %s -c %s"}' "$$separator" '$(HERE)' "$$source" \
	        '$(CXX)' '$(CXXFLAGS)' '$(OBJECTS)/nginx' '$(addprefix -isystem ,$(NGINX_HEADERS))' "$$source"; \
	    separator=','; \
	done; printf '\n]\n'; } >$(BUILD)/compile_commands.json
	@echo "wrote $(BUILD)/compile_commands.json"

.PHONY: install
install: build ## put the module where nginx looks for modules
	@sudo=; [ -w "$(DESTDIR)$(MODULES_DIR)" ] || [ "$$(id -u)" = 0 ] || sudo=sudo; \
	    $$sudo install -D -m 644 $(MODULE) $(DESTDIR)$(MODULES_DIR)/ngx_http_webhook_module.so
	@echo "installed $(DESTDIR)$(MODULES_DIR)/ngx_http_webhook_module.so"

.PHONY: check tidy
check: deps-check build tidy ## check format, lint, the houses, the documentation and the examples
	@echo "clang-format: $(words $(FORMATTED)) files"
	@clang-format --dry-run --Werror $(FORMATTED)
	$(RUN) prove -It/lib t/houses.t t/documentation.t t/examples.t

tidy: deps-check build
	@echo "clang-tidy: $(words $(CORE_SOURCES) $(GLUE_SOURCES)) files"
	@printf '%s\n' $(CORE_SOURCES) $(GLUE_SOURCES) | xargs -P$(JOBS) -I{} clang-tidy --quiet {} -- \
	    -std=c++20 -Isrc -isystem $(OBJECTS)/nginx $(addprefix -isystem ,$(NGINX_HEADERS)) 2>/dev/null

.PHONY: demo
demo: deps-test build ## send real signed deliveries through a real nginx (KEEP=1 leaves it running)
	@perl -It/lib examples/demo.pl $(if $(filter 1,$(KEEP)),--keep)

UNIT_FLAGS := -DWEBHOOK_FAULT_POINTS
# What is tested is compiled as for the module. Without optimization, the tests themselves take half the time.
PRECOMPILED := $(OBJECTS)/unit/precompiled.h
$(PRECOMPILED).gch: t/unit/precompiled.h $(FLAGS)
	@mkdir -p $(@D) && cp $< $(PRECOMPILED) && $(CXX) $(CXXFLAGS) $(UNIT_FLAGS) -O0 -x c++-header $(PRECOMPILED) -o $@
$(OBJECTS)/unit/%.o: t/unit/%.cpp $(PRECOMPILED).gch $(FLAGS)
	$(COMPILE) $(UNIT_FLAGS) -O0 -include $(PRECOMPILED)
# The unit tests have a table of their own, with places to die at.
$(OBJECTS)/unit/dedup_table_faulty.o: src/store/dedup_table.cpp
	$(COMPILE) $(UNIT_FLAGS)
# And a ring of captures, with places to die or to wait at.
$(OBJECTS)/unit/capture_ring_faulty.o: src/store/capture_ring.cpp
	$(COMPILE) $(UNIT_FLAGS)
# And the file of a queue, whose disk is slow or fails.
$(OBJECTS)/unit/queue_file_faulty.o: src/store/queue_file.cpp
	$(COMPILE) $(UNIT_FLAGS)
FAULTY_PARTS := dedup_table capture_ring queue_file
-include $(wildcard $(OBJECTS)/unit/*.d)
$(OBJECTS)/unit-tests: $(UNIT_SOURCES:t/unit/%.cpp=$(OBJECTS)/unit/%.o) $(FAULTY_PARTS:%=$(OBJECTS)/unit/%_faulty.o) $(LIBRARY)
	@$(CXX) $(CXXFLAGS) $^ -lgtest -lgtest_main $(LIBRARIES) -lpthread -o $@
$(OBJECTS)/fuzz/%: t/fuzz/%_fuzz.cpp t/fuzz/replay_main.cpp $(wildcard t/fuzz/*.h) $(LIBRARY)
	@mkdir -p $(@D)
	@$(CXX) $(CXXFLAGS) -It/fuzz $(filter %.cpp,$^) $(LIBRARY) $(LIBRARIES) -o $@

.PHONY: test unit replay jsonschema-suite jsonschema-suite-nginx prove
test: deps-test unit race replay jsonschema-suite jsonschema-suite-nginx prove interop-if-possible browser-if-possible ## run every test (SANITIZE=1: under the sanitizers)

unit: ## run the unit tests of the library, which needs no nginx
	$(call require_packages,$(UNIT_PACKAGES))
	@$(MAKE) --no-print-directory -j$(JOBS) $(OBJECTS)/unit-tests
	$(OBJECTS)/unit-tests --gtest_brief=1

replay: deps-test build ## run the fuzzers' corpus and bounded random inputs
	@$(MAKE) --no-print-directory -j$(JOBS) $(FUZZERS:%=$(OBJECTS)/fuzz/%)
	@for fuzzer in $(FUZZERS); do \
	    echo "fuzz replay: $$fuzzer"; \
	    $(OBJECTS)/fuzz/$$fuzzer $$(ls -d t/fuzz/corpus/$$fuzzer/* 2>/dev/null || true); \
	done

# Debian's package has drafts up to 7.
SUITE ?= /usr/share/json-schema-test-suite/tests
$(OBJECTS)/jsonschema-suite: t/jsonschema/suite.cpp $(LIBRARY)
	@$(CXX) $(CXXFLAGS) $^ $(LIBRARIES) -o $@
jsonschema-suite: deps-test ## run the JSON-Schema-Test-Suite (SUITE=DIR: of that directory)
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(OBJECTS)/jsonschema-suite
	$(OBJECTS)/jsonschema-suite t/jsonschema/expected_failures.txt $(SUITE)
jsonschema-suite-nginx: deps-test build ## send each test of that suite through a real nginx (SUITE=DIR)
	$(RUN) perl -It/lib t/jsonschema/through_nginx.pl t/jsonschema/expected_failures.txt $(SUITE)

prove: deps-test build ## run the end-to-end tests on a real nginx
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(FAULTY_MODULE)
	$(RUN) prove -j$(JOBS) -It/lib $(or $(T),t/*.t)

# The SDKs, Ajv and what drives a browser are for the tests and the benchmarks only, and stay out of the
# source tree.
SDKS := $(BUILD)/interop
AJV := $(BUILD)/ajv
DRIVER := $(BUILD)/browser
$(SDKS)/installed: t/interop/package.json t/interop/package-lock.json
$(AJV)/installed: t/bench/ajv/package.json t/bench/ajv/package-lock.json
$(DRIVER)/installed: t/browser/package.json t/browser/package-lock.json
$(SDKS)/installed $(AJV)/installed $(DRIVER)/installed:
	@rm -rf $(@D) && mkdir -p $(@D) && cp $^ $(@D)
	@cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --fetch-retries=2 --fetch-timeout=60000
	@touch $@

.PHONY: interop interop-if-possible run-interop
interop: deps-interop build $(SDKS)/installed run-interop ## send deliveries signed by the senders' own SDKs (npm)
run-interop:
	WEBHOOK_SDKS=$(HERE)/$(SDKS) $(RUN) prove -v -It/lib t/interop/interop.t
interop-if-possible: deps-test build
	@if ! command -v npm >/dev/null; then \
	    echo "interop: SKIPPED, npm is not installed (make interop installs it)"; \
	elif ! $(MAKE) --no-print-directory $(SDKS)/installed; then \
	    echo "interop: SKIPPED, npm cannot install the senders' SDKs"; \
	else \
	    $(MAKE) --no-print-directory run-interop; \
	fi

$(OBJECTS)/status-page: t/browser/fixture.cpp t/support/reports.h $(LIBRARY)
	@$(CXX) $(CXXFLAGS) $(filter %.cpp %.a,$^) $(LIBRARIES) -o $@

.PHONY: browser browser-if-possible run-browser
browser: deps-browser build $(DRIVER)/installed run-browser ## look at the status page in Chromium (npm)
run-browser:
	@$(MAKE) --no-print-directory -s $(OBJECTS)/status-page
	WEBHOOK_BROWSER=$(HERE)/$(DRIVER) WEBHOOK_FIXTURE=$(HERE)/$(OBJECTS)/status-page $(RUN) prove -v -It/lib t/browser/browser.t
browser-if-possible: deps-test build
	@if ! command -v npm >/dev/null; then \
	    echo "browser: SKIPPED, npm is not installed (make browser installs it)"; \
	elif ! command -v chromium >/dev/null; then \
	    echo "browser: SKIPPED, chromium is not installed (make browser installs it)"; \
	elif ! $(MAKE) --no-print-directory $(DRIVER)/installed; then \
	    echo "browser: SKIPPED, npm cannot install what drives the browser"; \
	else \
	    $(MAKE) --no-print-directory run-browser; \
	fi

# ThreadSanitizer goes with no other sanitizer, and may not run where addresses are very random. Then
# the test still tells what the threads did to each other, if not how.
RACE := $(BUILD)/race/dedup_race
RACE_SOURCES := t/race/dedup_race.cpp $(patsubst %,src/base/%.cpp,digest file text) \
                $(patsubst %,src/store/%.cpp,dedup_memory dedup_table mapping robust_mutex succession worker_slots)
$(RACE)_watched: RACE_FLAGS := -fsanitize=thread
$(RACE)_watched $(RACE)_alone: $(RACE_SOURCES) $(wildcard src/base/*.h src/store/*.h) t/unit/claim_journal.h t/unit/dedup_model.h
	@mkdir -p $(@D)
	@$(CXX) -std=c++20 -g -O1 -W -Wall -Wpointer-arith -Werror -Isrc -It/unit $(RACE_FLAGS) $(RACE_SOURCES) -lcrypto -lsqlite3 -lz -lpthread -o $@

.PHONY: race
race: deps-test build ## let threads race for the memory of events, under ThreadSanitizer
	@$(MAKE) --no-print-directory -s $(RACE)_watched
	@if $(RACE)_watched --can-run 2>/dev/null; then \
	    $(RACE)_watched; \
	elif setarch -R $(RACE)_watched --can-run 2>/dev/null; then \
	    setarch -R $(RACE)_watched; \
	else \
	    echo "race: ThreadSanitizer CANNOT RUN HERE: the same test, without it" >&2; \
	    $(MAKE) --no-print-directory -s $(RACE)_alone && $(RACE)_alone; \
	fi

$(OBJECTS)/bench/%: t/bench/%.cpp $(LIBRARY)
	@mkdir -p $(@D)
	@$(CXX) $(CXXFLAGS) $^ $(LIBRARIES) -o $@

.PHONY: bench bench-dedup bench-queue bench-schema bench-report
bench-report: build ## measure counting, and the reports of webhook_status
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(OBJECTS)/bench/report_bench
	@echo "counting, and reports"; $(OBJECTS)/bench/report_bench || true
bench-dedup: build ## measure the memory of events
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(OBJECTS)/bench/dedup_bench
	@$(OBJECTS)/bench/dedup_bench
bench-queue: build ## measure the durable queue's file (QUEUE_DIR=DIR: on that disk)
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(OBJECTS)/bench/queue_bench
	@$(OBJECTS)/bench/queue_bench $(or $(QUEUE_DIR),$(BUILD)) 1000000
bench-schema: build ## measure the validation of JSON against that of Ajv (npm)
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(OBJECTS)/bench/schema_bench
	@mkdir -p $(BUILD)/schemas; ajv=; \
	if command -v npm >/dev/null && $(MAKE) --no-print-directory -s $(AJV)/installed; then ajv=$(AJV); fi; \
	perl t/bench/schema.pl $(OBJECTS)/bench $(BUILD)/schemas $$ajv
bench: deps-bench build bench-dedup bench-queue bench-schema bench-report ## measure the gate against plain proxy_pass
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(OBJECTS)/bench/hmac_cost $(OBJECTS)/bench/core_bench
	@$(RUN) perl -It/lib t/bench/gate.pl $(OBJECTS)/bench

.PHONY: chaos chaos-fleet soak-fleet
chaos: deps-test build ## kill, reload, upgrade and restart everything under load (DELIVERIES=200000 FAULTS=200 SEED=n)
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(FAULTY_MODULE)
	@WEBHOOK_MODULE=$(HERE)/$(FAULTY_MODULE) perl t/chaos/chaos.pl --dies-inside \
	    $(if $(DELIVERIES),--deliveries $(DELIVERIES)) $(if $(FAULTS),--faults $(FAULTS)) $(if $(SEED),--seed $(SEED))
chaos-fleet: deps-test build ## the same for three nginx and one Redis, one that keeps and one that forgets (DELIVERIES=20000 FAULTS=20 SEED=n)
	@for redis in keeps forgets; do \
	    $(RUN) perl t/chaos/fleet.pl --redis $$redis \
	        $(if $(DELIVERIES),--deliveries $(DELIVERIES)) $(if $(FAULTS),--faults $(FAULTS)) $(if $(SEED),--seed $(SEED)); \
	done

soak-fleet: deps-test build ## a thousand connections to Redis that break, and 300 reloads (RECONNECTIONS=n RELOADS=n)
	$(RUN) prove -v -It/lib t/chaos/soak.pl

.PHONY: fuzz
fuzz: deps-fuzz ## fuzz the library with libFuzzer for FUZZ_SECONDS (60) each
	@mkdir -p $(BUILD)/fuzz; for fuzzer in $(FUZZERS); do \
	    clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
	        -Isrc -It/fuzz t/fuzz/$${fuzzer}_fuzz.cpp $(CORE_SOURCES) $(LIBRARIES) -o $(BUILD)/fuzz/$$fuzzer; \
	    mkdir -p $(BUILD)/fuzz/corpus-$$fuzzer; \
	    $(BUILD)/fuzz/$$fuzzer -max_total_time=$(or $(FUZZ_SECONDS),60) -timeout=10 -verbosity=0 -print_final_stats=1 \
	        -artifact_prefix=$(BUILD)/fuzz/ $(BUILD)/fuzz/corpus-$$fuzzer $$(ls -d t/fuzz/corpus/$$fuzzer 2>/dev/null || true); \
	done

.PHONY: clean
clean: ## remove what was built
	rm -rf $(BUILD)
