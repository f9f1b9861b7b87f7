#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# tests/run adds up what the pieces report; a wrong sum would hide a failure.

bats_require_minimum_version 1.5.0

setup()
{
	export O=$BATS_TEST_TMPDIR
	export MAKE=$O/make
	unset CI CI_SKIPS MAKEFLAGS
}

# piece LINE... - what the next piece prints; $status is its exit status.
piece()
{
	{
		echo '#!/bin/sh'
		echo "cat <<'END'"
		printf '%s\n' "$@"
		echo END
		echo "exit ${exit_status-0}"
	} >"$MAKE"
	chmod +x "$MAKE"
	run tests/run piece
	last=${lines[${#lines[@]} - 1]}
}

@test "the sum is the last line, alone" {
	piece 'ok 1 - a' 'ok 2 - b' '1..2' '2 passed, 0 failed, 0 skipped'
	[ "$last" = '2 passed, 0 failed, 0 skipped' ]
	[ "$status" = 0 ]
}

@test "a summary stands for the TAP before it" {
	piece 'ok 1 - a' '1..1' '1 passed, 0 failed, 0 skipped' \
		'1..2' 'ok 1 b' 'ok 2 c # skip too old' \
		'ok 1 - d' '1..1' '1 passed, 0 failed, 0 skipped'
	[ "$last" = '3 passed, 0 failed, 1 skipped' ]
}

@test "a failed test fails the run and is shown with its comments" {
	exit_status=1 piece '# x.c:3: two is not three' 'not ok 1 - a' '# after' 'ok 2 - b' '1..2'
	[ "$status" = 1 ]
	[ "$last" = '1 passed, 1 failed, 0 skipped' ]
	[[ "$output" == *'x.c:3: two is not three'*'not ok 1 - a'*'# after'* ]]
}

@test "a failed test fails the run whatever the exit status" {
	piece 'not ok 1 - a' '1..1'
	[ "$status" = 1 ]
	[ "$last" = '0 passed, 1 failed, 0 skipped' ]
}

@test "a test that was promised and never reported has failed" {
	piece '1..3' 'ok 1 a' 'ok 2 b'
	[ "$status" = 1 ]
	[ "$last" = '2 passed, 1 failed, 0 skipped' ]
}

@test "a piece that dies without a report is one failure, with its last words" {
	exit_status=2 piece 'cc1: out of ideas'
	[ "$status" = 1 ]
	[ "$last" = '0 passed, 1 failed, 0 skipped' ]
	[[ "$output" == *'out of ideas'* ]]
}

@test "a piece that dies after good tests is one failure more" {
	exit_status=2 piece 'ok 1 - a' '1..1'
	[ "$last" = '1 passed, 1 failed, 0 skipped' ]
}

@test "a silent piece that succeeds is one test" {
	piece
	[ "$last" = '1 passed, 0 failed, 0 skipped' ]
}

@test "a skip is named with its reason" {
	piece 'ok 1 - a # SKIP the moon is full' '1..1' '0 passed, 0 failed, 1 skipped'
	[ "$status" = 0 ]
	[[ "$output" == *'skipped 1, the moon is full: a'* ]]
	[ "$last" = '0 passed, 0 failed, 1 skipped' ]
}

@test "in CI a skip is a failure unless its reason is listed" {
	export CI=1 CI_SKIPS='the moon .*|no luck'
	piece 'ok 1 - a # SKIP the moon is full' 'ok 2 - b # SKIP no luck at all' '1..2'
	[ "$status" = 1 ]
	[ "$last" = '0 passed, 1 failed, 1 skipped' ]
	[[ "$output" == *'not allowed to skip 1, no luck at all: b'* ]]
}

@test "in CI a skip without a reason is a failure" {
	export CI=1 CI_SKIPS='x|'
	piece '0 passed, 0 failed, 1 skipped'
	[ "$status" = 1 ]
}

@test "what a piece leaves running ends with it" {
	printf '#!/bin/sh\nsleep 300 & echo $! >%s/pid\n' "$O" >"$MAKE"
	chmod +x "$MAKE"
	tests/run piece
	# Nobody may have taken notice of its end yet.
	[[ "$(ps -o stat= -p "$(cat "$O/pid")")" =~ ^(Z|$) ]]
}
