// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/door.h"

#include <errno.h>

#include "base/log.h"

enum exit_status door_open(struct http_server *server, const char *path)
{
	gid_t group = peer_group();
	struct listener listener;
	int err = listener_open_unix(path, group, &listener);

	if (err == 0)
		err = http_server_listen(server, &listener, group);
	switch (err) {
	case 0:
		return EXIT_DONE;
	case -EADDRINUSE:
		log_error("Another daemon serves %s; stop it, or give this one its own "
			  "--socket",
			  path);
		return EXIT_CONFLICT;
	case -EACCES:
	case -EPERM:
		log_error_errno(err,
				"Cannot serve %s; run as root, or give another --socket",
				path);
		return EXIT_NOT_PERMITTED;
	case -ENOTSOCK:
		log_error("%s is in the way and no socket; remove it, or give another "
			  "--socket",
			  path);
		return EXIT_FAILED;
	default:
		log_error_errno(err, "Cannot serve %s", path);
		return EXIT_FAILED;
	}
}
