// SPDX-License-Identifier: GPL-2.0-only
#include "fetch/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fetch/post.h"

enum {
	BODY_MAX = 64 * 1024, /* more than this of an answer is not read */
	HOPS_MAX = 3,
	TEXT_MAX = 256,
};

struct fetch {
	struct fetcher *fetcher;
	struct fetch *next, **link; /* of those that have no answer yet */
	CURL *easy;
	uint64_t id;
	enum fetch_kind kind;
	uint64_t timeout_ms;
	size_t seen;      /* bytes of head and body */
	bool is_answered; /* the head has ended */
	unsigned hops;
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE];
};

struct fetcher {
	uv_loop_t *loop;
	CURLM *multi;
	fetch_answer_fn fn;
	void *arg;
	uv_timer_t timer;
	struct fetch *first;
};

/* A socket of the library's in the loop. */
struct inlet {
	uv_poll_t poll;
	struct fetcher *fetcher;
	curl_socket_t fd;
};

static void free_fetch(struct fetch *fetch)
{
	*fetch->link = fetch->next;
	if (fetch->next)
		fetch->next->link = fetch->link;
	curl_multi_remove_handle(fetch->fetcher->multi, fetch->easy);
	curl_easy_cleanup(fetch->easy);
	curl_slist_free_all(fetch->headers);
	free(fetch);
}

/* -- How it went ----------------------------------------------------------------------
 */

static const char *say_failure(const struct fetch *fetch, CURLcode code, char *buf)
{
	long number = 0;

	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		snprintf(buf, TEXT_MAX, "no answer within %g s",
			 (double)fetch->timeout_ms / 1000);
		return buf;
	case CURLE_COULDNT_RESOLVE_HOST:
		return "its name is not known";
	case CURLE_GOT_NOTHING:
		return "closed the connection without an answer";
	case CURLE_WRITE_ERROR:
		return "sent more than 64 KiB before its answer";
	case CURLE_COULDNT_CONNECT:
		curl_easy_getinfo(fetch->easy, CURLINFO_OS_ERRNO, &number);
		if (number == ECONNREFUSED)
			return "connection refused";
		break;
	default:
		break;
	}
	snprintf(buf, TEXT_MAX, "%s",
		 fetch->error[0] ? fetch->error : curl_easy_strerror(code));
	return buf;
}

/* What was read of it is enough to know its status. */
static bool has_status(const struct fetch *fetch, CURLcode code, long *ret)
{
	*ret = 0;
	curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, ret);
	return *ret >= 200 &&
	       (code == CURLE_OK || (code == CURLE_WRITE_ERROR && fetch->is_answered));
}

static void answer(struct fetch *fetch, bool passed, const char *text)
{
	struct fetch_answer a = { .id = fetch->id, .passed = passed, .text = text };
	struct fetcher *fetcher = fetch->fetcher;
	curl_off_t us = 0;

	curl_easy_getinfo(fetch->easy, CURLINFO_TOTAL_TIME_T, &us);
	a.latency_us = us > 0 ? (uint64_t)us : 0;
	fetcher->fn(&a, fetcher->arg);
	free_fetch(fetch);
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart part)
{
	char *x = NULL, *y = NULL;
	bool same = curl_url_get(a, part, &x, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		    curl_url_get(b, part, &y, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		    strcasecmp(x, y) == 0;

	curl_free(x);
	curl_free(y);
	return same;
}

static bool same_server(const char *a, const char *b)
{
	CURLU *x = curl_url(), *y = curl_url();
	bool same = x && y && curl_url_set(x, CURLUPART_URL, a, 0) == CURLUE_OK &&
		    curl_url_set(y, CURLUPART_URL, b, 0) == CURLUE_OK &&
		    same_part(x, y, CURLUPART_SCHEME) &&
		    same_part(x, y, CURLUPART_HOST) && same_part(x, y, CURLUPART_PORT);

	curl_url_cleanup(x);
	curl_url_cleanup(y);
	return same;
}

/* A redirect within the server is followed; one that leads elsewhere is an answer. */
static bool follow(struct fetch *fetch)
{
	char *to = NULL, *from = NULL;

	curl_easy_getinfo(fetch->easy, CURLINFO_REDIRECT_URL, &to);
	curl_easy_getinfo(fetch->easy, CURLINFO_EFFECTIVE_URL, &from);
	if (!to || !from || !same_server(from, to) || fetch->hops++ == HOPS_MAX)
		return false;
	/* The library copies it; what it pointed to goes with the transfer. */
	if (curl_easy_setopt(fetch->easy, CURLOPT_URL, to) != CURLE_OK)
		return false;
	curl_multi_remove_handle(fetch->fetcher->multi, fetch->easy);
	fetch->seen = 0;
	fetch->is_answered = false;
	return curl_multi_add_handle(fetch->fetcher->multi, fetch->easy) == CURLM_OK;
}

static void finish(struct fetch *fetch, CURLcode code)
{
	char text[TEXT_MAX];
	long status;

	if (fetch->kind == FETCH_TCP) {
		answer(fetch, code == CURLE_OK,
		       code == CURLE_OK ? "accepts connections"
					: say_failure(fetch, code, text));
		return;
	}
	if (!has_status(fetch, code, &status)) {
		answer(fetch, false, say_failure(fetch, code, text));
		return;
	}
	if (fetch->kind == FETCH_HTTP && status >= 300 && status < 400 && follow(fetch))
		return;
	snprintf(text, sizeof(text), "answered %ld", status);
	answer(fetch, status < (fetch->kind == FETCH_POST ? 300 : 400), text);
}

static void harvest(struct fetcher *fetcher)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(fetcher->multi, &left))) {
		CURLcode code = message->data.result;
		struct fetch *fetch = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &fetch);
		finish(fetch, code);
	}
}

/* -- The library in the loop ----------------------------------------------------------
 */

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct inlet *inlet = poll->data;
	struct fetcher *fetcher = inlet->fetcher;
	int flags = status < 0 ? CURL_CSELECT_ERR : 0, running;

	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	/* The inlet may be gone after this. */
	curl_multi_socket_action(fetcher->multi, inlet->fd, flags, &running);
	harvest(fetcher);
}

static void on_due(uv_timer_t *timer)
{
	struct fetcher *fetcher = timer->data;
	int running;

	curl_multi_socket_action(fetcher->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	harvest(fetcher);
}

static int on_timer(CURLM *multi, long ms, void *arg)
{
	struct fetcher *fetcher = arg;

	(void)multi;
	if (ms < 0)
		uv_timer_stop(&fetcher->timer);
	else
		uv_timer_start(&fetcher->timer, on_due, (uint64_t)ms, 0);
	return 0;
}

static void inlet_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static struct inlet *inlet_new(struct fetcher *fetcher, curl_socket_t fd)
{
	struct inlet *inlet = calloc(1, sizeof(*inlet));

	if (!inlet)
		return NULL;
	inlet->fetcher = fetcher;
	inlet->fd = fd;
	if (uv_poll_init_socket(fetcher->loop, &inlet->poll, fd) < 0) {
		free(inlet);
		return NULL;
	}
	inlet->poll.data = inlet;
	return inlet;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
	struct fetcher *fetcher = arg;
	struct inlet *inlet = of_socket;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (inlet)
			uv_close((uv_handle_t *)&inlet->poll, inlet_closed);
		curl_multi_assign(fetcher->multi, fd, NULL);
		return 0;
	}
	if (!inlet)
		inlet = inlet_new(fetcher, fd);
	if (!inlet)
		return -1;
	curl_multi_assign(fetcher->multi, fd, inlet);
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	return uv_poll_start(&inlet->poll, events, on_ready) < 0 ? -1 : 0;
}

int fetcher_new(uv_loop_t *loop, fetch_answer_fn fn, void *arg, struct fetcher **ret)
{
	struct fetcher *fetcher;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;
	fetcher = calloc(1, sizeof(*fetcher));
	if (!fetcher)
		return -ENOMEM;
	fetcher->multi = curl_multi_init();
	if (!fetcher->multi) {
		free(fetcher);
		return -ENOMEM;
	}
	fetcher->loop = loop;
	fetcher->fn = fn;
	fetcher->arg = arg;
	uv_timer_init(loop, &fetcher->timer);
	fetcher->timer.data = fetcher;
	curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETDATA, fetcher);
	curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERDATA, fetcher);

	*ret = fetcher;
	return 0;
}

static void fetcher_closed(uv_handle_t *handle)
{
	free(handle->data);
}

struct fetcher *fetcher_free(struct fetcher *fetcher)
{
	if (!fetcher)
		return NULL;
	while (fetcher->first)
		free_fetch(fetcher->first);
	curl_multi_cleanup(fetcher->multi);
	uv_close((uv_handle_t *)&fetcher->timer, fetcher_closed);
	return NULL;
}

/* -- One of them ----------------------------------------------------------------------
 */

static size_t on_head(char *data, size_t size, size_t n, void *arg)
{
	struct fetch *fetch = arg;

	(void)data;
	fetch->seen += size * n;
	return fetch->seen > BODY_MAX ? 0 : size * n;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct fetch *fetch = arg;

	fetch->is_answered = true;
	return on_head(data, size, n, arg);
}

/* A certificate of this host seldom names localhost, and nobody sits in between. */
static bool is_of_this_host(const char *target)
{
	static const char *const names[] = { "localhost", "127.", "[::1]" };
	const char *host = strstr(target, "://"), *end, *at;

	host = host ? host + 3 : target;
	end = host + strcspn(host, "/?#");
	at = memrchr(host, '@', (size_t)(end - host));
	if (at)
		host = at + 1;
	if (strncmp(host, names[1], 4) == 0)
		return strspn(host, "0123456789.") == strcspn(host, ":/?#");
	for (size_t i = 0; i < 3; i += 2) {
		size_t n = strlen(names[i]);

		if (strncasecmp(host, names[i], n) == 0 && strchr(":/?#", host[n]))
			return true;
	}
	return false;
}

static void set_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
			 (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

/* Both are copied. */
static CURLcode set_post(struct fetch *fetch, const struct post *post)
{
	for (char *const *header = post->headers; header && *header; header++) {
		struct curl_slist *more = curl_slist_append(fetch->headers, *header);

		if (!more)
			return CURLE_OUT_OF_MEMORY;
		fetch->headers = more;
	}
	curl_easy_setopt(fetch->easy, CURLOPT_HTTPHEADER, fetch->headers);
	curl_easy_setopt(fetch->easy, CURLOPT_POSTFIELDSIZE, (long)post->body_size);
	return curl_easy_setopt(fetch->easy, CURLOPT_COPYPOSTFIELDS, post->body);
}

static CURLcode set_up(struct fetch *fetch, const struct fetch_order *order)
{
	long verify = order->kind == FETCH_POST || !is_of_this_host(order->target);
	CURL *easy = fetch->easy;

	set_protocols(easy);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, fetch);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->error);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* HOST:PORT is no FTP server for being called ftp. */
	curl_easy_setopt(easy, CURLOPT_DEFAULT_PROTOCOL, "http");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	/* Each check connects, as whoever comes to the service does. */
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "portwatch/" PORTWATCH_VERSION);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)fetch->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)fetch->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, verify * 2);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, fetch);
	if (fetch->kind == FETCH_TCP)
		curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	if (order->post && set_post(fetch, order->post) != CURLE_OK)
		return CURLE_OUT_OF_MEMORY;
	return curl_easy_setopt(easy, CURLOPT_URL, order->target); /* copied */
}

static void link_fetch(struct fetcher *fetcher, struct fetch *fetch)
{
	fetch->next = fetcher->first;
	fetch->link = &fetcher->first;
	if (fetch->next)
		fetch->next->link = &fetch->next;
	fetcher->first = fetch;
}

int fetcher_submit(struct fetcher *fetcher, const struct fetch_order *order)
{
	struct fetch *fetch = calloc(1, sizeof(*fetch));

	if (!fetch)
		return -ENOMEM;
	fetch->fetcher = fetcher;
	fetch->id = order->id;
	fetch->kind = order->kind;
	fetch->timeout_ms = order->timeout_ms;
	fetch->easy = curl_easy_init();
	if (!fetch->easy) {
		free(fetch);
		return -ENOMEM;
	}
	link_fetch(fetcher, fetch);
	if (set_up(fetch, order) != CURLE_OK ||
	    curl_multi_add_handle(fetcher->multi, fetch->easy) != CURLM_OK) {
		free_fetch(fetch);
		return -ENOMEM;
	}
	return 0;
}
