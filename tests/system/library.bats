#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# libportwatch as installed: what it exports, and a program built with pkg-config, against
# the shared library and the static one.
# shellcheck disable=SC2154,SC2046 # set by daemon_helper and by run; words of pkg-config

bats_require_minimum_version 1.5.0
load daemon_helper

top=$(realpath "$BATS_TEST_DIRNAME/../..")

# The library is not sanitized; the programs, where they are, stay as they were built.
setup_file()
{
	export ROOT=$BATS_FILE_TMPDIR/root
	env -u MAKEFLAGS -u MAKELEVEL make -C "$top" O="$(realpath "${O:-build}")" \
		install DESTDIR="$ROOT" PREFIX=/opt/pw >"$BATS_FILE_TMPDIR/log" 2>&1 3>&- || {
		cat "$BATS_FILE_TMPDIR/log"
		return 1
	}
}

setup()
{
	helper_setup
	LIB=$ROOT/opt/pw/lib
	export PKG_CONFIG_PATH=$LIB/pkgconfig PKG_CONFIG_SYSROOT_DIR=$ROOT
}

# compile OPTION... - the tour, with -Werror
compile()
{
	cc -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Werror -o "$D/tour" \
		"$BATS_TEST_DIRNAME/library/tour.c" -pthread "$@"
}

# The functions that the header declares, one a line.
declared()
{
	cc -E -P "$ROOT/opt/pw/include/portwatch/client.h" | tr '\n;' ' \n' |
		sed -n 's/.*[ *]\(pw_[a-z_]*\)(.*/\1/p' | sort -u
}

tour()
{
	registry "$two_services"
	daemon
	named wizard 18765
	wizard=$listener
	named stranger 18767
	within 10 eval 'api /api/ports/conflicts | jq -e ".conflicts[0].kind == \"occupied\""'
	run -0 "${inside[@]}" "$@" "$D/tour" "$SOCKET" "$PORTWATCHD" "$wizard" "$listener"
	[ "$output" = 'all of it' ]
}

@test "what is exported is what the header declares, under a version" {
	nm -D --defined-only "$LIB/libportwatch.so" | awk '$2 == "T" { print $3 }' >"$D/exported"
	[ "$(sed 's/@.*//' "$D/exported" | sort)" = "$(declared)" ]
	[ "$(grep -vc '@@PORTWATCH_0\.1$' "$D/exported")" = 0 ]
	[ "$(nm -D --defined-only "$LIB/libportwatch.so" | awk '$2 != "T" && $2 != "A"')" = '' ]
	[ "$(nm -g --defined-only "$LIB/libportwatch.a" | awk 'NF == 3 { print $3 }' | sort)" = "$(declared)" ]
	readelf -d "$LIB/libportwatch.so" | grep -q 'SONAME.*\[libportwatch\.so\.0\]'
	[ "$(readlink "$LIB/libportwatch.so")" = libportwatch.so.0 ]
}

@test "it needs little: no loop, no curl, no JSON library" {
	run -0 bash -c "readelf -d '$LIB/libportwatch.so' | sed -n 's/.*NEEDED.*\[\(.*\)\.so.*/\1/p' | sort"
	[ "$output" = $'libc\nlibhttp_parser' ]
}

@test "the header stands alone, in C and in C++" {
	echo '#include <portwatch/client.h>' >"$D/alone.c"
	cc -std=c99 -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags libportwatch) -fsyntax-only "$D/alone.c"
	clang -x c++ -Wall -Wextra -Werror $(pkg-config --cflags libportwatch) -fsyntax-only "$D/alone.c"
}

@test "a program with the shared library does all of it" {
	compile $(pkg-config --cflags --libs libportwatch)
	tour env LD_LIBRARY_PATH="$LIB"
}

@test "a program that is wholly static does all of it" {
	compile -static $(pkg-config --static --cflags --libs libportwatch)
	readelf -d "$D/tour" | grep -q "no dynamic section"
	tour
}

@test "what the README shows builds and runs" {
	block()
	{
		sed -n '/^```'"$1"'$/,/^```$/{/^```/d;p}' "$top/README.md"
	}
	block c | sed "s,PW_SOCKET_DEFAULT,\"$SOCKET\"," >"$D/shown.c"
	block python >"$D/shown.py"
	cc -Wall -Wextra -Werror -o "$D/shown" "$D/shown.c" \
		$(pkg-config --cflags --libs libportwatch) "-Wl,-rpath,$LIB"
	registry "$two_services"
	daemon
	listen 18767
	within 10 eval 'api /api/ports/conflicts | jq -e ".conflicts[0].kind == \"occupied\""'
	run -0 "$D/shown"
	[[ $output == *"belongs to goblin"*"end it with: portwatch kill :18767" ]]
	run -0 env PORTWATCH_SOCKET="$SOCKET" PYTHONPATH="$top/tools/python" \
		PYTHONDONTWRITEBYTECODE=1 python3 "$D/shown.py"
	[ "$output" = $'wizard stopped 18765 None\ngoblin conflict 18767 None\n8000 is ours' ]
}
