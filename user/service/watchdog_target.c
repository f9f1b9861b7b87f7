// SPDX-License-Identifier: GPL-2.0-only
/* What a check asks, and how that is told. */
#include "service/watchdog_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/port_words.h"
#include "base/strings.h"

#define HOLE "{port}"

char *target_expand(const char *text, uint16_t port)
{
	const struct named_port own = { .port = port };
	const struct port_words words = { .ports = &own, .n = 1 };

	return port_words_fill_in(&words, text);
}

bool target_is_template(const struct health *health)
{
	const char *text = health->http ? health->http : health->tcp;

	for (char *const *arg = health->exec; arg && *arg; arg++)
		if (strstr(*arg, HOLE))
			return true;
	return text && strstr(text, HOLE);
}

const char *target_describe(const struct subject *s, char *buf, size_t size)
{
	const char *host, *at, *end, *path;
	char *url;

	if (s->kind == CHECK_EXEC) {
		snprintf(buf, size, "%s", s->argv[0]);
		return buf;
	}
	url = target_expand(s->target, s->port);
	if (!url) {
		snprintf(buf, size, "the check");
		return buf;
	}
	host = strstr(url, "://");
	host = host ? host + 3 : url;
	end = host + strcspn(host, "/?#");
	path = end + strcspn(end, "?#");
	at = memrchr(host, '@', (size_t)(end - host));
	snprintf(buf, size, "%.*s%.*s", (int)(host - url), url,
		 (int)(path - (at ? at + 1 : host)), at ? at + 1 : host);
	free(url);
	return buf;
}
