// SPDX-License-Identifier: GPL-2.0-only
#include "http/access.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/strings.h"
#include "core/endpoint.h"

enum { HOST_MAX = 255 };

void access_rules_done(struct access_rules *rules)
{
	strv_free(rules->hosts);
	if (rules->token)
		explicit_bzero(rules->token, strlen(rules->token));
	free(rules->token);
	*rules = (struct access_rules){ 0 };
}

/* The name or "[address]" of "host" or "host:port" into @buf.  False for neither. */
static bool split_host(const char *text, char *buf, size_t size)
{
	const char *end = strchr(text, *text == '[' ? ']' : ':');
	uint16_t port;
	size_t n;

	if (*text == '[' && !end)
		return false;
	if (end && *text == '[')
		end++;
	n = end ? (size_t)(end - text) : strlen(text);
	if (n == 0 || n >= size)
		return false;
	if (end && *end && (*end != ':' || port_parse(end + 1, &port) < 0))
		return false;
	memcpy(buf, text, n);
	buf[n] = '\0';
	return true;
}

static bool is_loopback(const char *host)
{
	struct endpoint at = { 0 };
	char address[64];
	size_t n = strlen(host);

	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (n >= sizeof(address))
		return false;
	if (*host == '[')
		snprintf(address, sizeof(address), "%.*s", (int)n - 2, host + 1);
	else
		snprintf(address, sizeof(address), "%s", host);
	return endpoint_parse_address(address, &at) == 0 && endpoint_is_loopback(&at);
}

bool access_host_is_served(const char *host, char *const *hosts)
{
	char name[HOST_MAX + 1];

	if (!split_host(host, name, sizeof(name)))
		return false;
	for (; hosts && *hosts; hosts++)
		if (strcasecmp(*hosts, name) == 0)
			return true;
	return is_loopback(name);
}

bool access_origin_is_own(const char *origin, const char *host)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(schemes[i]);

		if (strncasecmp(origin, schemes[i], n) == 0)
			return strcasecmp(origin + n, host) == 0;
	}
	return false;
}

bool access_token_is_right(const char *authorization, const char *token)
{
	static const char scheme[] = "Bearer ";
	size_t n = strlen(token), given;
	volatile unsigned char differs = 0;

	if (strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
		return false;
	authorization += sizeof(scheme) - 1;
	authorization += strspn(authorization, " ");
	given = strlen(authorization);
	/* libc has nothing for this; the length of the token is no secret. */
	for (size_t i = 0; i < given; i++)
		differs |= (unsigned char)(authorization[i] ^ token[i < n ? i : 0]);
	return given == n && n > 0 && differs == 0;
}

struct access_verdict access_judge(const struct access_rules *rules,
				   const struct access_claims *claims)
{
	if (claims->n_hosts != 1)
		return (struct access_verdict){ 400, "A request has one Host" };
	if (!access_host_is_served(claims->host, rules->hosts))
		return (struct access_verdict){
			403,
			"This Host is not served here: it is neither loopback nor in "
			"settings.http.hosts"
		};
	if (claims->n_origins > 1 ||
	    (claims->origin && !access_origin_is_own(claims->origin, claims->host)))
		return (struct access_verdict){
			403, "A page of another origin may ask for nothing here"
		};
	return (struct access_verdict){ 0 };
}

struct access_verdict access_judge_token(const struct access_rules *rules,
					 const struct access_claims *claims, bool changes)
{
	if (rules->read_only && changes)
		return (struct access_verdict){ 403, "This listener is read-only" };
	if (rules->read_only)
		return (struct access_verdict){ 0 };
	if (!claims->authorization)
		return (struct access_verdict){
			401,
			"This listener wants Authorization: Bearer with the token of "
			"its token_file"
		};
	if (!rules->token || !access_token_is_right(claims->authorization, rules->token))
		return (struct access_verdict){ 401, "The token is not right" };
	return (struct access_verdict){ 0 };
}
