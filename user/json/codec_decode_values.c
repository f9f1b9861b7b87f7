// SPDX-License-Identifier: GPL-2.0-only
/* Single values of a registry document. */
#include "json/decode.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "base/time.h"

/* Ten years: nanoseconds of it fit in 64 bits with room to add. */
#define DURATION_MAX_MS (3650ull * 24 * 3600 * 1000)

enum { COUNT_MAX = 1000000 };

static int store(char **target, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*target);
	*target = copy;
	return 0;
}

int decode_string(struct decoder *d, const struct doc *value, void *target)
{
	const char *text = doc_string(value);

	if (!text)
		return decode_fail_type(d, value, "a string");
	return *text ? store(target, text) : 0;
}

int decode_bool(struct decoder *d, const struct doc *value, void *target)
{
	if (doc_type(value) != DOC_BOOL)
		return decode_fail_type(d, value, "true or false");
	*(bool *)target = doc_bool(value);
	return 0;
}

int decode_word(struct decoder *d, const struct doc *value, void *target)
{
	if (doc_type(value) != DOC_STRING)
		return decode_fail_type(d, value, "a string");
	return strv_append(target, doc_string(value));
}

int decode_words(struct decoder *d, const struct doc *value, void *target)
{
	if (doc_type(value) != DOC_ARRAY)
		return decode_fail_type(d, value, "a list of strings");
	return decode_list(d, value, decode_word, target);
}

int decode_argv(struct decoder *d, const struct doc *value, void *target)
{
	const char *text = doc_string(value);
	int err;

	if (!text && doc_type(value) != DOC_ARRAY)
		return decode_fail_type(d, value, "a command line or a list of words");
	if (!text)
		return decode_words(d, value, target);

	err = shell_split(text, target);
	if (err == -EINVAL)
		return decode_fail(d, "close the quote", "a quote is not closed");
	return err;
}

int decode_command(struct decoder *d, const struct doc *value, void *target)
{
	char ***argv = target;
	int err = decode_argv(d, value, argv);

	if (err == 0 && *argv && !***argv)
		return decode_fail(d, "name the program",
				   "the first word, the program, is empty");
	return err;
}

static bool is_fraction(double number)
{
	return number > -0x1p63 && number < 0x1p63 && (double)(int64_t)number != number;
}

/* A whole number of 0 or more. */
static int read_number(struct decoder *d, const struct doc *value, int64_t max,
		       const char *wanted, int64_t *ret)
{
	if (doc_type(value) != DOC_NUMBER)
		return decode_fail_type(d, value, wanted);
	if (is_fraction(doc_number(value)))
		return decode_fail(d, NULL, "%.15g is not a whole number",
				   doc_number(value));
	if (!doc_int(value, ret) || *ret < 0 || *ret > max)
		return decode_fail(d, NULL, "%.15g is out of range", doc_number(value));
	return 0;
}

int decode_count(struct decoder *d, const struct doc *value, void *target)
{
	int64_t number;
	int err = read_number(d, value, COUNT_MAX, "a number", &number);

	if (err < 0)
		return err;
	if (number == 0)
		return decode_fail(d, "give 1 or more", "0 is out of range");
	*(unsigned *)target = (unsigned)number;
	return 0;
}

int decode_u64(struct decoder *d, const struct doc *value, void *target)
{
	int64_t number;
	int err = read_number(d, value, INT64_MAX, "a number", &number);

	if (err == 0)
		*(uint64_t *)target = (uint64_t)number;
	return err;
}

int decode_time(struct decoder *d, const struct doc *value, void *target)
{
	const char *text = doc_string(value);
	char excerpt[EXCERPT];

	if (!text)
		return decode_fail_type(d, value, "a time");
	if (time_parse(text, target) < 0)
		return decode_fail(d, "write it as 2026-01-17T12:00:00Z",
				   "\"%s\" is not a time", decode_excerpt(text, excerpt));
	return 0;
}

int decode_duration(struct decoder *d, const struct doc *value, void *target)
{
	static const char remedy[] =
		"write it as \"30s\", \"500ms\", \"5m\", or in seconds";
	const char *text = doc_string(value);
	char excerpt[EXCERPT];
	uint64_t ms;
	int err = 0;

	if (text) {
		err = duration_parse(text, &ms);
		if (err == -EINVAL)
			return decode_fail(d, remedy, "\"%s\" is not a duration",
					   decode_excerpt(text, excerpt));
	} else if (doc_type(value) == DOC_NUMBER) {
		double seconds = doc_number(value);

		if (!(seconds >= 0 && seconds * 1000 <= (double)DURATION_MAX_MS))
			err = -ERANGE;
		else
			ms = (uint64_t)(seconds * 1000 + 0.5);
	} else {
		return decode_fail_type(d, value, "a duration");
	}
	if (err < 0 || ms > DURATION_MAX_MS)
		return decode_fail(d, "from 0 to ten years",
				   "the duration is out of range");

	*(uint64_t *)target = ms;
	return 0;
}

int decode_period(struct decoder *d, const struct doc *value, void *target)
{
	uint64_t ms;
	int err = decode_duration(d, value, &ms);

	if (err < 0)
		return err;
	if (ms == 0)
		return decode_fail(d, "give a millisecond (\"1ms\") or more",
				   "the duration is zero");
	*(uint64_t *)target = ms;
	return 0;
}

static int signal_number(const char *name)
{
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (int number = 1; number < SIGRTMIN; number++) {
		const char *known = sigabbrev_np(number);

		if (known && strcasecmp(known, name) == 0)
			return number;
	}
	return 0;
}

int decode_signal(struct decoder *d, const struct doc *value, void *target)
{
	const char *text = doc_string(value);
	char excerpt[EXCERPT];
	int64_t number = 0;

	if (doc_type(value) == DOC_NUMBER) {
		int err = read_number(d, value, SIGRTMAX, "a signal", &number);

		if (err < 0)
			return err;
	} else if (!text) {
		return decode_fail_type(d, value, "the name of a signal");
	}
	if (text)
		number = signal_number(text);
	if (text && number == 0)
		return decode_fail(d, "TERM, INT, QUIT, HUP and the like; see signal(7)",
				   "\"%s\" is not a signal",
				   decode_excerpt(text, excerpt));
	if (number == 0)
		return decode_fail(d, NULL, "0 is not a signal");

	*(int *)target = (int)number;
	return 0;
}

int decode_user(struct decoder *d, const struct doc *value, void *target)
{
	char digits[24];
	int64_t uid;
	int err;

	if (doc_type(value) == DOC_STRING)
		return decode_string(d, value, target);
	err = read_number(d, value, UINT32_MAX - 1, "the name or number of a user", &uid);
	if (err < 0)
		return err;
	snprintf(digits, sizeof(digits), "%jd", (intmax_t)uid);
	return store(target, digits);
}

static int append_variable(struct decoder *d, const char *name, const struct doc *value,
			   char ***env)
{
	_cleanup_(freep) char *number = NULL, *variable = NULL;
	const char *text = doc_string(value);

	if (!*name || strchr(name, '='))
		return decode_fail_name(d, NULL, "this cannot be the name of a variable");
	if (doc_type(value) == DOC_BOOL)
		text = doc_bool(value) ? "true" : "false";
	if (doc_type(value) == DOC_NUMBER) {
		number = doc_print(value, false, NULL);
		if (!number)
			return -ENOMEM;
		text = number;
	}
	if (!text)
		return decode_fail_type(d, value, "a string");

	if (asprintf(&variable, "%s=%s", name, text) < 0) {
		variable = NULL;
		return -ENOMEM;
	}
	return strv_append(env, variable);
}

int decode_env(struct decoder *d, const struct doc *value, void *target)
{
	const struct doc *member = doc_first(value);

	if (doc_type(value) != DOC_OBJECT)
		return decode_fail_type(d, value, "an object of names and values");

	for (size_t ordinal = 0; member; member = doc_next(member), ordinal++) {
		int err;

		decode_enter(d, doc_key(member), ordinal);
		err = append_variable(d, doc_key(member), member, target);
		if (err < 0)
			return err;
		decode_leave(d);
	}
	return 0;
}

int decode_port(struct decoder *d, const struct doc *value, void *target)
{
	const char *text = doc_string(value);
	uint16_t port;
	int64_t number;

	if (text && port_parse(text, &port) == 0)
		return decode_fail(d, "write it without quotes",
				   "port \"%s\" is a string", text);
	if (doc_type(value) != DOC_NUMBER)
		return decode_fail_type(d, value, "a number");
	if (is_fraction(doc_number(value)))
		return decode_fail(d, NULL, "port %.15g is not a whole number",
				   doc_number(value));
	if (doc_int(value, &number) && number == 0)
		return decode_fail(d,
				   "give 1 to 65535, or \"dynamic\" where the port is "
				   "chosen as the service starts",
				   "port 0 is no port");
	if (!doc_int(value, &number) || number < 0 || number > 65535)
		return decode_fail(d, "ports go from 1 to 65535",
				   "port %.15g is out of range", doc_number(value));

	*(uint16_t *)target = (uint16_t)number;
	return 0;
}

int decode_proto(struct decoder *d, const struct doc *value, void *target)
{
	static const char *const names[] = { "tcp", "udp", NULL };
	unsigned index;
	int err = decode_choice(d, value, names, &index);

	if (err == 0)
		*(uint16_t *)target = index == 0 ? IPPROTO_TCP : IPPROTO_UDP;
	return err;
}

int decode_name(struct decoder *d, const struct doc *value, void *target)
{
	static const char remedy[] = "1 to 64 of A-Z a-z 0-9 . _ -";
	const char *text = doc_string(value);
	char excerpt[EXCERPT];

	if (!text)
		return decode_fail_type(d, value, "a string");
	if (!*text)
		return decode_fail(d, remedy, "the name is empty");
	if (strlen(text) > SERVICE_NAME_MAX)
		return decode_fail(d, remedy,
				   "the name \"%s\" is longer than %d characters",
				   decode_excerpt(text, excerpt), SERVICE_NAME_MAX);
	if (!service_name_is_valid(text))
		return decode_fail(d, remedy, "\"%s\" cannot be a name",
				   decode_excerpt(text, excerpt));
	return store(target, text);
}

int decode_choice(struct decoder *d, const struct doc *value, const char *const *names,
		  unsigned *ret)
{
	_cleanup_(freep) char *all = strv_join((char *const *)names, ", ");
	const char *text = doc_string(value);
	char excerpt[EXCERPT], remedy[128];

	if (!all)
		return -ENOMEM;
	if (!text) {
		snprintf(remedy, sizeof(remedy), "one of %s", all);
		return decode_fail_type(d, value, remedy);
	}
	for (unsigned i = 0; names[i]; i++)
		if (streq(text, names[i])) {
			*ret = i;
			return 0;
		}
	snprintf(remedy, sizeof(remedy), "write one of %s", all);
	return decode_fail(d, remedy, "\"%s\" cannot be \"%s\"", d->names[d->depth - 1],
			   decode_excerpt(text, excerpt));
}

/* "host", "host:port", "[v6]", "[v6]:port" up to @end; a port may be "{port}" as well,
 * for the one that the service got. */
static bool is_authority(const char *text, const char *end, bool needs_port)
{
	const char *colon = memrchr(text, ':', (size_t)(end - text)), *host_end = end;
	char port[8];
	uint16_t number;

	if (*text == '[') {
		host_end = memchr(text, ']', (size_t)(end - text));
		if (!host_end)
			return false;
		host_end++;
		if (host_end != end && *host_end != ':')
			return false;
	} else if (colon) {
		host_end = colon;
	}
	if (host_end == text || memchr(text, ' ', (size_t)(end - text)))
		return false;
	if (host_end == end)
		return !needs_port;

	colon = host_end + 1;
	if (end - colon == 6 && memcmp(colon, "{port}", 6) == 0)
		return true;
	if ((size_t)(end - colon) >= sizeof(port))
		return false;
	snprintf(port, sizeof(port), "%.*s", (int)(end - colon), colon);
	return port_parse(port, &number) == 0;
}

static bool is_url(const char *text)
{
	const char *authority, *end;

	if (strncasecmp(text, "http://", 7) == 0)
		authority = text + 7;
	else if (strncasecmp(text, "https://", 8) == 0)
		authority = text + 8;
	else
		return false;
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return false;

	end = authority + strcspn(authority, "/?#");
	return is_authority(authority, end, false);
}

int decode_url(struct decoder *d, const struct doc *value, void *target)
{
	const char *text = doc_string(value);
	char excerpt[EXCERPT];

	if (!text)
		return decode_fail_type(d, value, "a URL");
	if (!*text)
		return 0;
	if (!is_url(text))
		return decode_fail(d, "write it as http://localhost:8000/health",
				   "\"%s\" is not an http or https URL",
				   decode_excerpt(text, excerpt));
	return store(target, text);
}

int decode_host_port(struct decoder *d, const struct doc *value, void *target)
{
	const char *text = doc_string(value);
	char excerpt[EXCERPT];

	if (!text)
		return decode_fail_type(d, value, "\"HOST:PORT\"");
	if (!*text || !is_authority(text, text + strlen(text), true))
		return decode_fail(d, "write it as localhost:8000 or [::1]:8000",
				   "\"%s\" is not HOST:PORT",
				   decode_excerpt(text, excerpt));
	return store(target, text);
}
