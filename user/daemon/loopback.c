// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/loopback.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/files.h"
#include "base/log.h"
#include "base/strings.h"
#include "http/token.h"

struct loopback {
	struct http_server *server;
	char *state;
	/* What is served now; NULL nothing. */
	char *listen, *url, *token;
	bool read_only;
};

int loopback_new(struct http_server *server, const char *state, struct loopback **ret)
{
	struct loopback *loopback = calloc(1, sizeof(*loopback));

	if (!loopback)
		return -ENOMEM;
	loopback->server = server;
	loopback->state = strdup(state);
	if (!loopback->state) {
		free(loopback);
		return -ENOMEM;
	}

	*ret = loopback;
	return 0;
}

static void forget_token(struct loopback *loopback)
{
	if (loopback->token)
		explicit_bzero(loopback->token, strlen(loopback->token));
	free(take(loopback->token));
}

static void forget(struct loopback *loopback)
{
	forget_token(loopback);
	free(take(loopback->listen));
	free(take(loopback->url));
}

struct loopback *loopback_free(struct loopback *loopback)
{
	if (!loopback)
		return NULL;
	forget(loopback);
	free(loopback->state);
	free(loopback);
	return NULL;
}

const char *loopback_url(const struct loopback *loopback)
{
	return loopback->url;
}

static int load_token(const struct loopback *loopback, const struct settings *settings,
		      char **ret)
{
	_cleanup_(freep) char *path = NULL;
	int err;

	if (settings->http_token_file)
		path = strdup(settings->http_token_file);
	else if (asprintf(&path, "%s/http_token", loopback->state) < 0)
		path = NULL;
	if (!path)
		return -ENOMEM;
	if (!settings->http_token_file)
		(void)make_directories(loopback->state, 0755);
	err = token_load(path, ret);
	switch (err) {
	case 0:
		return 0;
	case -EACCES:
		log_error("Others may read the token in %s; have chmod 600 end that, and "
			  "make a new one",
			  path);
		return err;
	case -EOWNERDEAD:
		log_error("The token in %s is a file of another user", path);
		return err;
	case -EINVAL:
		log_error(
			"There is no token in %s: at least %d letters and digits; remove "
			"it to have one made",
			path, TOKEN_MIN);
		return err;
	default:
		return log_error_errno(err, "Cannot read the token in %s", path);
	}
}

/* "HOST:PORT" as the registry has checked it; "localhost" stands for both families, lest
 * somebody else be what half of the clients reach.  The number of them. */
static size_t parse(const char *text, struct endpoint ret[2])
{
	const char *colon = strrchr(text, ':');
	_cleanup_(freep) char *host = strndup(text, (size_t)(colon - text));
	struct endpoint at = { 0 };
	size_t n;

	if (!host || port_parse(colon + 1, &at.port) < 0)
		return 0;
	n = strlen(host);
	if (strcasecmp(host, "localhost") == 0) {
		ret[0] = ret[1] = at;
		endpoint_parse_address("127.0.0.1", &ret[0]);
		endpoint_parse_address("::1", &ret[1]);
		return 2;
	}
	if (*host == '[' && n > 1) {
		host[n - 1] = '\0';
		memmove(host, host + 1, n - 1);
	}
	if (endpoint_parse_address(host, &at) < 0)
		return 0;
	ret[0] = at;
	return 1;
}

static int open_one(const struct loopback *loopback, const struct endpoint *at)
{
	struct listener listener;
	int err = listener_open_loopback(at, &listener);

	if (err < 0)
		return err;
	return http_server_listen(loopback->server, &listener, (gid_t)-1);
}

static int open_all(const struct loopback *loopback, const char *listen)
{
	struct endpoint at[2];
	size_t n = parse(listen, at);
	int err = n ? open_one(loopback, &at[0]) : -EINVAL;

	if (err < 0 || n == 1)
		return err;
	err = open_one(loopback, &at[1]);
	/* A host without IPv6. */
	return err == -EADDRNOTAVAIL || err == -EAFNOSUPPORT ? 0 : err;
}

static void stop(struct loopback *loopback)
{
	http_server_unlisten(loopback->server, &policy_loopback);
	forget(loopback);
}

static int serve(struct loopback *loopback, const struct settings *settings)
{
	int err = open_all(loopback, settings->http_listen);

	if (err == -EACCES)
		return log_error_errno(
			err,
			"Cannot serve http://%s; a port below 1024 is to be "
			"had only while the daemon starts; continuing "
			"without",
			settings->http_listen);
	if (err < 0)
		return log_error_errno(err, "Cannot serve http://%s; continuing without",
				       settings->http_listen);
	loopback->listen = strdup(settings->http_listen);
	if (!loopback->listen ||
	    asprintf(&loopback->url, "http://%s", settings->http_listen) < 0) {
		loopback->url = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* -ENOMEM.  What held for a connection before may hold no more. */
static int set_rules(struct loopback *loopback, const struct settings *settings,
		     const char *token)
{
	struct access_rules rules = {
		.hosts = strv_copy(settings->http_hosts),
		.token = token ? strdup(token) : NULL,
		.read_only = settings->http_read_only,
	};

	if ((settings->http_hosts && !rules.hosts) || (token && !rules.token)) {
		access_rules_done(&rules);
		return -ENOMEM;
	}
	http_server_set_rules(loopback->server, &rules);
	return 0;
}

void loopback_apply(struct loopback *loopback, const struct settings *settings)
{
	_cleanup_(freep) char *token = NULL;
	bool same = loopback->listen && streq(loopback->listen, settings->http_listen);
	bool wanted = settings->http_listen;

	if (wanted && !settings->http_read_only &&
	    load_token(loopback, settings, &token) < 0)
		wanted = false;
	if (!wanted || !same || loopback->read_only != settings->http_read_only ||
	    !streq(loopback->token, token))
		stop(loopback);
	if (set_rules(loopback, settings, token) < 0)
		wanted = false;
	if (!wanted || loopback->listen) {
		if (token)
			explicit_bzero(token, strlen(token));
		return;
	}
	if (serve(loopback, settings) < 0) {
		stop(loopback);
		return;
	}
	loopback->read_only = settings->http_read_only;
	loopback->token = take(token);
}
