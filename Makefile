# A thin cover over Meson. Variables: BUILD, PREFIX, DESTDIR, CC.
BUILD ?= build
PREFIX ?= /usr/local
ASAN_FLAGS = -Db_sanitize=address,undefined -Db_lundef=false --buildtype=debugoptimized
TSAN_FLAGS = -Db_sanitize=thread -Db_lundef=false --buildtype=debugoptimized

all: $(BUILD)/build.ninja
	@ninja --quiet -C $(BUILD)

$(BUILD)/build.ninja:
	@scripts/install-deps
	meson setup $(BUILD) --prefix $(PREFIX)

# Fetches the small default model and makes a recap of the example week.
demo: all
	@scripts/demo $(BUILD)/recap

test: all
	@scripts/run-tests --checks $(BUILD)

# The tests again with the address and undefined-behaviour sanitizers; those of the rooms with threads
# with the thread sanitizer.
test-sanitizers:
	@[ -e build-asan/build.ninja ] || meson setup build-asan $(ASAN_FLAGS) >/dev/null
	@[ -e build-tsan/build.ninja ] || meson setup build-tsan $(TSAN_FLAGS) >/dev/null
	@ninja --quiet -C build-asan
	@ninja --quiet -C build-tsan
	@scripts/run-tests build-asan build-tsan:base,compute,model,cluster

build-clang:
	@[ -e build-clang/build.ninja ] || CC=clang meson setup build-clang >/dev/null
	@ninja --quiet -C build-clang

bench: all
	@scripts/run-bench $(BUILD)

# Each fuzz target for a minute; FUZZ_SECONDS changes that.
fuzz:
	@scripts/run-fuzz

install: all
	meson install -C $(BUILD)

format:
	@scripts/check-format --fix

clean:
	rm -rf $(BUILD) build-asan build-tsan build-clang build-fuzz

.PHONY: all demo test test-sanitizers build-clang bench fuzz install format clean
