// SPDX-License-Identifier: GPL-2.0-only
#include <portwatch/client.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"

enum { TIMEOUT_MS = 300, LONG_MS = 10000 };

/* What a server says to one request after the other; NULL ends the list. */
struct script {
	const char *answers[4];
	size_t piece; /* bytes at a time; 0: all at once */
	bool hangs;   /* stays silent at the end, else closes */
};

/* Up to the end of a request with a body of at most a few bytes; false at the end. */
static bool read_request(int fd)
{
	char text[4096];
	size_t n = 0;

	while (n < sizeof(text) - 1) {
		const char *end, *length;
		ssize_t got = read(fd, text + n, sizeof(text) - 1 - n);

		if (got <= 0)
			return false;
		n += got;
		text[n] = '\0';
		end = strstr(text, "\r\n\r\n");
		length = strstr(text, "Content-Length: ");
		if (end && (!length || text + n >= end + 4 + atoi(length + 16)))
			return true;
	}
	return false;
}

static void play(int fd, const struct script *script)
{
	for (size_t i = 0; script->answers[i] && read_request(fd); i++) {
		const char *text = script->answers[i];
		size_t size = strlen(text), piece = script->piece ? script->piece : size;

		for (size_t at = 0; at < size; at += piece) {
			size_t n = piece < size - at ? piece : size - at;

			if (send(fd, text + at, n, MSG_NOSIGNAL) < 0)
				return;
			if (script->piece)
				usleep(50);
		}
	}
	if (script->hangs)
		pause();
}

/* 0 in the server, which ends with the test. */
static pid_t fork_server(void)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static struct pw_client *client_of(const struct script *script)
{
	struct pw_options options = { .timeout_ms =
					      script->hangs ? TIMEOUT_MS : LONG_MS };
	struct pw_client *client;
	int pair[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	if (fork_server() == 0) {
		close(pair[0]);
		play(pair[1], script);
		_exit(0);
	}
	close(pair[1]);
	CHECK_EQ(pw_client_new_from_fd(pair[0], &options, &client), 0);
	return client;
}

static double cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* The result of one GET, and of what is said about it. */
static int get(const struct script *script, char *ret, size_t size)
{
	struct pw_client *client = client_of(script);
	struct pw_reply *reply = NULL;
	int err = pw_get(client, "/x", &reply);

	snprintf(ret, size, "%s",
		 err < 0 ? pw_client_problem(client)->text : pw_reply_body(reply, NULL));
	pw_reply_free(reply);
	pw_client_free(client);
	return err;
}

static void check_get(const struct script *script, int want, const char *text)
{
	char got[256];

	CHECK_EQ(get(script, got, sizeof(got)), want);
	CHECK_STR(got, text);
}

#define OK "HTTP/1.1 200 OK\r\n"

TEST(a_body_of_known_length_is_read_in_any_pieces)
{
	for (size_t piece = 0; piece < 5; piece++)
		check_get(
			&(struct script){
				.answers = { OK "Content-Length: 5\r\n\r\nhello" },
				.piece = piece },
			0, "hello");
}

TEST(a_chunked_body_is_read_in_any_pieces)
{
	for (size_t piece = 0; piece < 5; piece++)
		check_get(
			&(struct script){
				.answers = { OK "Transfer-Encoding: chunked\r\n\r\n"
						"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n" },
				.piece = piece },
			0, "hello");
}

TEST(a_body_that_ends_with_the_connection_is_read)
{
	check_get(&(struct script){ .answers = { OK "Connection: close\r\n\r\nhello" } },
		  0, "hello");
}

TEST(an_empty_body_is_the_empty_string)
{
	check_get(&(struct script){ .answers = { OK "Content-Length: 0\r\n\r\n" } }, 0,
		  "");
	check_get(&(struct script){ .answers = { "HTTP/1.1 204 No Content\r\n\r\n" } }, 0,
		  "");
}

TEST(interim_answers_are_passed_over)
{
	check_get(
		&(struct script){ .answers = { "HTTP/1.1 100 Continue\r\nA: b\r\n\r\n" OK
					       "Content-Length: 2\r\n\r\nok" } },
		0, "ok");
}

TEST(headers_are_found_in_any_case)
{
	struct script script = {
		.answers = { OK "X-One: 1\r\nEmpty:\r\nX-Two:  two words\r\n"
				"Content-Length: 0\r\n\r\n" },
		.piece = 1
	};
	struct pw_client *client = client_of(&script);
	struct pw_reply *reply;

	CHECK_EQ(pw_get(client, "/x", &reply), 0);
	CHECK_EQ(pw_reply_status(reply), 200);
	CHECK_STR(pw_reply_header(reply, "x-one"), "1");
	CHECK_STR(pw_reply_header(reply, "X-TWO"), "two words");
	CHECK_STR(pw_reply_header(reply, "empty"), "");
	CHECK(!pw_reply_header(reply, "two words"));
	pw_reply_free(reply);
	pw_client_free(client);
}

TEST(a_connection_serves_several_requests)
{
	struct script script = { .answers = { OK "Content-Length: 1\r\n\r\na",
					      OK "Content-Length: 1\r\n\r\nb" } };
	struct pw_client *client = client_of(&script);
	struct pw_reply *first, *second;

	CHECK_EQ(pw_get(client, "/x", &first), 0);
	CHECK_EQ(pw_request(client, "POST", "/y", "{}", 2, &second), 0);
	CHECK_STR(pw_reply_body(first, NULL), "a");
	CHECK_STR(pw_reply_body(second, NULL), "b");
	pw_reply_free(first);
	pw_reply_free(second);
	pw_client_free(client);
}

TEST(a_server_that_closes_in_the_midst_is_an_error_at_once)
{
	static const char *const cut[] = {
		"",
		"HTTP/1.1 2",
		OK "Content-Le",
		OK "Content-Length: 5\r\n\r\n",
		OK "Content-Length: 5\r\n\r\nhel",
		OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
		OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
	};

	for (size_t i = 0; i < sizeof(cut) / sizeof(*cut); i++)
		check_get(&(struct script){ .answers = { cut[i] } }, -ECONNRESET,
			  "The daemon closed the connection");
	CHECK(cpu_seconds() < 0.5);
}

TEST(a_silent_server_times_out_without_spinning)
{
	check_get(&(struct script){ .answers = { "" }, .hangs = true }, -ETIMEDOUT,
		  "No answer to /x within 300 ms");
	check_get(&(struct script){ .answers = { OK "Content-Length: 5\r\n\r\nhe" },
				    .hangs = true },
		  -ETIMEDOUT, "No answer to /x within 300 ms");
	CHECK(cpu_seconds() < 0.2);
}

TEST(what_is_not_http_is_refused)
{
	check_get(&(struct script){ .answers = { "SSH-2.0-OpenSSH_9.2\r\n" } }, -EPROTO,
		  "What answers /x does not speak HTTP");
	check_get(&(struct script){ .answers = { OK "Content-Length: -5\r\n\r\n" } },
		  -EPROTO, "What answers /x does not speak HTTP");
	check_get(
		&(struct script){
			.answers = { "HTTP/1.1 101 Switching Protocols\r\n"
				     "Upgrade: x\r\nConnection: upgrade\r\n\r\n" } },
		-EPROTO, "What answers /x does not speak HTTP");
}

TEST(a_status_is_an_errno_and_the_detail_a_sentence)
{
	check_get(&(struct script){ .answers = { "HTTP/1.1 404 Not Found\r\n"
						 "Connection: close\r\n\r\n"
						 "{\"title\":\"No\",\"detail\":"
						 "\"No service \\\"x\\\"\"}" },
				    .piece = 7 },
		  -ENOENT, "No service \"x\"");
	check_get(&(struct script){ .answers = { "HTTP/1.1 403 Forbidden\r\n"
						 "Content-Length: 0\r\n\r\n" } },
		  -EPERM, "The daemon answered 403 Forbidden");
	check_get(
		&(struct script){
			.answers = { "HTTP/1.1 422 x\r\nContent-Length: 14\r\n\r\n"
				     "{\"title\":\"Bad\"}" } },
		-EBADMSG, "Bad");
}

TEST(a_path_cannot_smuggle_a_second_request)
{
	struct script script = { .answers = { OK "Content-Length: 0\r\n\r\n" } };
	struct pw_client *client = client_of(&script);
	struct pw_reply *reply;

	CHECK_EQ(pw_get(client, "/x HTTP/1.1\r\n\r\nDELETE /y", &reply), -EINVAL);
	CHECK_EQ(pw_get(client, "x", &reply), -EINVAL);
	pw_client_free(client);
}

TEST(text_is_percent_encoded_for_a_path)
{
	char *text = pw_percent_encode("a b/:80?\xc3\xa9~");

	CHECK_STR(text, "a%20b%2F%3A80%3F%C3%A9~");
	free(text);
}

static void serve_large(int fd, size_t size)
{
	char block[65536];

	if (!read_request(fd))
		return;
	dprintf(fd, OK "Content-Length: %zu\r\n\r\n", size);
	memset(block, 'x', sizeof(block));
	while (size > 0) {
		ssize_t n = write(fd, block, size < sizeof(block) ? size : sizeof(block));

		if (n < 0)
			return;
		size -= n;
	}
}

TEST(a_body_of_many_megabytes_arrives_whole)
{
	enum { SIZE = 20 * 1024 * 1024 + 17 };
	struct pw_options options = { .timeout_ms = LONG_MS };
	struct pw_client *client;
	struct pw_reply *reply;
	size_t size;
	int pair[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	if (fork_server() == 0) {
		serve_large(pair[1], SIZE);
		_exit(0);
	}
	close(pair[1]);
	CHECK_EQ(pw_client_new_from_fd(pair[0], &options, &client), 0);
	CHECK_EQ(pw_get(client, "/x", &reply), 0);
	CHECK_EQ(strlen(pw_reply_body(reply, &size)), SIZE);
	CHECK_EQ(size, SIZE);
	pw_reply_free(reply);
	pw_client_free(client);
}

static struct pw_client *client_at(const char *path, enum pw_mode mode,
				   const char *engine)
{
	struct pw_options options = {
		.mode = mode, .socket = path, .engine = engine, .timeout_ms = LONG_MS
	};
	struct pw_client *client;

	CHECK_EQ(pw_client_new(&options, &client), 0);
	return client;
}

TEST(nobody_at_the_socket_is_said_with_its_path)
{
	struct pw_client *client = client_at("/nowhere/x.sock", PW_DAEMON, NULL);
	struct pw_reply *reply;

	CHECK_EQ(pw_get(client, "/x", &reply), -ECONNREFUSED);
	CHECK_STR(pw_client_problem(client)->text,
		  "Nobody answers on /nowhere/x.sock: No such file or directory");
	pw_client_free(client);
}

TEST(a_path_too_long_for_a_socket_is_refused)
{
	char path[200];
	struct pw_client *client;

	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	client = client_at(path, PW_AUTO, NULL);
	CHECK_EQ(pw_client_connect(client), -ENAMETOOLONG);
	pw_client_free(client);
}

TEST(an_engine_that_is_missing_is_said)
{
	struct pw_client *client = client_at("/nowhere", PW_AUTO, "/nowhere/portwatchd");

	CHECK_EQ(pw_client_connect(client), -ENOENT);
	CHECK_STR(pw_client_problem(client)->text,
		  "Cannot start /nowhere/portwatchd: No such file or directory");
	pw_client_free(client);
}

TEST(an_engine_that_dies_is_told_with_how_it_ended)
{
	struct pw_client *client = client_at("/nowhere", PW_AUTO, "/bin/false");
	struct pw_reply *reply;

	CHECK_EQ(pw_get(client, "/x", &reply), -ECONNRESET);
	CHECK_STR(pw_client_problem(client)->text,
		  "portwatchd closed the connection and ended with exit code 1");
	pw_client_free(client);
}

/* A server closes an idle connection; a GET is asked again on a new one. */
TEST(a_connection_closed_while_idle_is_made_again)
{
	char path[] = "/tmp/portwatch-test-XXXXXX", socket_path[64];
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct pw_client *client;
	struct pw_reply *reply;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	CHECK(mkdtemp(path));
	snprintf(socket_path, sizeof(socket_path), "%s/s", path);
	strcpy(addr.sun_path, socket_path);
	CHECK_EQ(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	CHECK_EQ(listen(fd, 5), 0);
	if (fork_server() == 0) {
		for (int i = 0; i < 2; i++) {
			int peer = accept(fd, NULL, NULL);

			play(peer,
			     &(struct script){
				     .answers = { OK "Content-Length: 1\r\n\r\na" } });
			close(peer);
		}
		_exit(0);
	}
	close(fd);
	client = client_at(socket_path, PW_DAEMON, NULL);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(pw_get(client, "/x", &reply), 0);
		pw_reply_free(reply);
	}
	CHECK(pw_get(client, "/x", &reply) < 0);
	pw_client_free(client);
	unlink(socket_path);
	rmdir(path);
}

#define STREAM OK "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

static int next(struct pw_stream *stream, struct pw_item *item)
{
	for (;;) {
		struct pollfd pfd = { .fd = pw_stream_fd(stream), .events = POLLIN };
		int n = pw_stream_next(stream, item);

		if (n != 0)
			return n;
		CHECK_EQ(poll(&pfd, 1, LONG_MS), 1);
	}
}

TEST(events_arrive_one_by_one_and_the_end_is_told)
{
	for (size_t piece = 0; piece < 4; piece++) {
		struct script script = {
			.answers = { STREAM "1d\r\nevent: a\ndata: {\"x\":1}\n\ndata:\r\n"
					    "4\r\n y\n\n\r\n0\r\n\r\n" },
			.piece = piece,
		};
		struct pw_client *client = client_of(&script);
		struct pw_stream *stream;
		struct pw_reply *reply;
		struct pw_item item;

		CHECK_EQ(pw_stream_open(client, "/events", &stream), 0);
		CHECK_EQ(pw_get(client, "/x", &reply), -EBUSY);
		CHECK_EQ(next(stream, &item), 1);
		CHECK_STR(item.type, "a");
		CHECK_STR(item.data, "{\"x\":1}");
		CHECK_EQ(next(stream, &item), 1);
		CHECK_STR(item.data, "y");
		CHECK_EQ(next(stream, &item), -ENODATA);
		pw_stream_close(stream);
		pw_client_free(client);
	}
}

TEST(a_stream_that_breaks_is_told_and_not_waited_for)
{
	struct script script = { .answers = { STREAM "9\r\ndata: x\n\n\r\n" } };
	struct pw_client *client = client_of(&script);
	struct pw_stream *stream;
	struct pw_item item;

	CHECK_EQ(pw_stream_open(client, "/events", &stream), 0);
	CHECK_EQ(next(stream, &item), 1);
	CHECK_EQ(next(stream, &item), -ECONNRESET);
	CHECK_EQ(pw_stream_next(stream, &item), -ECONNRESET);
	pw_stream_close(stream);
	pw_client_free(client);
}

TEST(a_refused_stream_has_a_problem)
{
	struct script script = { .answers = {
					 "HTTP/1.1 403 Forbidden\r\nContent-Length: 19"
					 "\r\n\r\n{\"detail\":\"CAP_BPF\"}" } };
	struct pw_client *client = client_of(&script);
	struct pw_stream *stream;

	CHECK_EQ(pw_stream_open(client, "/events", &stream), -EPERM);
	CHECK_EQ(pw_client_problem(client)->status, 403);
	CHECK_STR(pw_client_problem(client)->text, "CAP_BPF");
	pw_client_free(client);
}

TEST(an_answer_of_another_type_is_no_stream)
{
	struct script script = { .answers = { OK "Content-Length: 2\r\n\r\n{}" } };
	struct pw_client *client = client_of(&script);
	struct pw_stream *stream;

	CHECK_EQ(pw_stream_open(client, "/events", &stream), -EPROTO);
	pw_client_free(client);
}
