#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# tools/setup on machines that are not this one: dpkg, apt and the user are pretended.

bats_require_minimum_version 1.5.0

setup()
{
	bin=$BATS_TEST_TMPDIR
	export PATH=$bin:$PATH
	export MISSING='none' UNKNOWN='none' WHO=0
	# shellcheck disable=SC2016 # for the programs that are written here
	{
		program dpkg-query 'echo "$4" | grep -Eqx "$MISSING" && exit 1; printf installed'
		program apt-cache 'echo "  Candidate: $(echo "$2" | grep -Eqx "$UNKNOWN" && echo "(none)" || echo 1.0)"'
		program apt-get 'echo "apt-get $*"'
		program id 'echo "$WHO"'
	}
}

program()
{
	printf '#!/bin/sh\n%s\n' "$2" >"$bin/$1"
	chmod +x "$bin/$1"
}

@test "where nothing is missing nothing is said or done" {
	run tools/setup test
	[ "$status" = 0 ]
	[ -z "$output" ]
}

@test "exactly what is missing is installed, and named first" {
	MISSING='clang|bats' run tools/setup build
	[ "$status" = 0 ]
	[ "${lines[0]}" = "Missing for \`build': clang" ]
	[[ "$output" == *'apt-get install -q -y --no-install-recommends clang' ]]
	[[ "$output" != *bats* ]]
}

@test "the package lists are refreshed only then" {
	MISSING='clang' run tools/setup test
	[[ "$output" == *'apt-get update'*'apt-get install'* ]]
}

@test "of alternatives the first that the distribution knows is taken" {
	MISSING='bpftool|linux-tools-generic' UNKNOWN='bpftool' run tools/setup build
	[[ "$output" == *'--no-install-recommends linux-tools-generic' ]]
	MISSING='bpftool|linux-tools-generic' run tools/setup build
	[[ "$output" == *'--no-install-recommends bpftool' ]]
}

@test "one of the alternatives is enough" {
	MISSING='bpftool|pkg-config' run tools/setup build
	[ -z "$output" ]
}

@test "an ordinary user installs through sudo, and it says so" {
	program sudo 'shift; echo "sudo runs $*"'
	MISSING='clang' WHO=1000 run tools/setup build </dev/null
	[[ "$output" == *'as root, through sudo: env DEBIAN_FRONTEND=noninteractive apt-get install'* ]]
	[[ "$output" == *'sudo runs env DEBIAN_FRONTEND=noninteractive apt-get install'* ]]
}

@test "-n names what is missing and does nothing" {
	MISSING='clang|bats' run tools/setup -n test
	[ "$status" = 0 ]
	[ "$output" = "Missing for \`test': clang bats" ]
}

@test "an unknown mode is a usage error" {
	run tools/setup everything
	[ "$status" = 2 ]
	run tools/setup
	[ "$status" = 2 ]
}

@test "without root, sudo and doas it names the command" {
	for tool in dirname sh env sed tr grep uname; do
		ln -sf "$(command -v $tool)" "$bin/$tool"
	done
	MISSING='clang' WHO=1000 PATH=$bin run tools/setup build
	[ "$status" != 0 ]
	[[ "$output" == *'neither sudo nor doas: '*'apt-get install'*' clang' ]]
}
