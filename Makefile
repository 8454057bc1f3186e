# A thin cover over Meson; see meson.build. Variables: PREFIX, DESTDIR, CC.
BUILD ?= build
PREFIX ?= /usr/local

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@scripts/install-deps --check
	meson setup $(BUILD) --prefix $(PREFIX)

test: all
	@scripts/run-tests $(BUILD)

demo: all
	@scripts/demo $(BUILD)/src/cli/recap

bench: all
	@scripts/run-bench $(BUILD)

fuzz:
	@scripts/run-fuzz

install: all
	meson install -C $(BUILD)

format:
	@scripts/check-format --fix

clean:
	rm -rf $(BUILD)

.PHONY: all test demo bench fuzz install format clean
