#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# tools/check-arrows on a small tree of its own.

bats_require_minimum_version 1.5.0

setup()
{
	cd "$BATS_TEST_TMPDIR" || exit
	mkdir -p tools bpf include/portwatch vmlinux user/core user/cli user/probe
	cp "$BATS_TEST_DIRNAME/../../tools/check-arrows" tools/
}

# includes FILE LINE - does it pass?
includes()
{
	printf '%s\n' "$2" >"$1"
	run tools/check-arrows
}

@test "downward arrows pass" {
	includes user/core/a.c '#include "base/strings.h"'
	[ "$status" = 0 ]
	includes user/core/a.h '#include "core/b.h"'
	[ "$status" = 0 ]
	includes user/probe/a.c '#include "bpf/bind.skel.h"'
	[ "$status" = 0 ]
	includes bpf/a.bpf.c '#include <vmlinux.h>'
	[ "$status" = 0 ]
}

@test "an upward arrow is refused with its place" {
	includes user/core/a.c '#include "json/codec.h"'
	[ "$status" = 1 ]
	[ "$output" = 'user/core/a.c:1: user/core may not include json/codec.h' ]
}

@test "a library has the one folder that knows it" {
	includes user/probe/a.c '#include <bpf/libbpf.h>'
	[ "$status" = 0 ]
	includes user/cli/a.c '#include <bpf/libbpf.h>'
	[ "$status" = 1 ]
	includes user/cli/a.c '  #  include <cjson/cJSON.h>'
	[ "$status" = 1 ]
}

@test "what crosses a boundary is for its two sides" {
	includes user/core/a.c '#include <portwatch/event.h>'
	[ "$status" = 1 ]
}

@test "a folder that nobody knows is refused" {
	mkdir user/misc
	includes user/misc/a.c '#include "base/time.h"'
	[ "$status" = 1 ]
}
