# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Debian packages as files, for tests that want what is in them but do not install it.

die()
{
	echo "$*" >&2
	exit 1
}

for tool in apt-get apt-cache dpkg; do
	command -v "$tool" >/dev/null || die "no $tool here: Debian packages are fetched with it"
done

apt_refresh()
{
	[ "$(id -u)" = 0 ] && apt-get update -qq >&2
}

# apt_knows PACKAGE - after a look at newer lists, where it does not at first
apt_knows()
{
	apt-cache show "$1" >/dev/null 2>&1 && return
	apt_refresh || true
	apt-cache show "$1" >/dev/null 2>&1
}

apt_download()
{
	(cd "$1" && apt-get download -qq -o APT::Sandbox::User=root "$2") >&2
}

# apt_fetch DIR PACKAGE - its .deb into DIR
#
# Lists may be missing, or name a version that the mirror has replaced since.
apt_fetch()
{
	apt_download "$1" "$2" || { apt_refresh && apt_download "$1" "$2"; } ||
		die "apt cannot download $2"
}
