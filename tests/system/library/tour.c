// SPDX-License-Identifier: GPL-2.0-only
/*
 * tour SOCKET ENGINE WIZARD STRANGER - through all of client.h, as a program would: the
 * service wizard (port 18765) runs as process WIZARD, and STRANGER sits on goblin's
 * port, 18767.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <portwatch/client.h>

enum { WIZARD_PORT = 18765, GOBLIN_PORT = 18767, NEW_PORT = 19100, THREADS = 4 };

#define CHECK(holds)                                                               \
	do {                                                                       \
		if (!(holds)) {                                                    \
			fprintf(stderr, "tour.c:%d: %s does not hold\n", __LINE__, \
				#holds);                                           \
			exit(1);                                                   \
		}                                                                  \
	} while (0)

/* The problem is worth telling where something has failed unasked. */
#define MUST(client, call)                                                           \
	do {                                                                         \
		int err_ = (call);                                                   \
		if (err_ < 0) {                                                      \
			fprintf(stderr, "tour.c:%d: %s: %s (%s)\n", __LINE__, #call, \
				strerror(-err_), pw_client_problem(client)->text);   \
			exit(1);                                                     \
		}                                                                    \
	} while (0)

static const char *socket_path;

static struct pw_client *new_client(void)
{
	const struct pw_options options = { .mode = PW_DAEMON, .socket = socket_path };
	struct pw_client *client = NULL;

	CHECK(pw_client_new(&options, &client) == 0);
	return client;
}

static void nobody_answers(void)
{
	const struct pw_options options = { .mode = PW_DAEMON,
					    .socket = "/nowhere/sock" };
	struct pw_client *client = NULL;
	struct pw_status *status = NULL;

	CHECK(pw_client_new(&options, &client) == 0);
	CHECK(pw_status(client, &status) == -ECONNREFUSED);
	CHECK(!status);
	CHECK(strstr(pw_client_problem(client)->text, "/nowhere/sock"));
	CHECK(!pw_client_free(client));
}

static void look(struct pw_client *client, pid_t wizard, pid_t stranger)
{
	struct pw_status *status = NULL;
	struct pw_service *service = NULL;
	const struct pw_alert *const *alerts = NULL;
	uint16_t ports[3];

	MUST(client, pw_status(client, &status));
	CHECK(strcmp(status->services[0]->name, "wizard") == 0);
	CHECK(status->services[0]->pid == wizard);
	CHECK(status->services[0]->process->ppid > 0);
	CHECK(strcmp(status->services[1]->status, "conflict") == 0);
	CHECK(!status->services[2]);
	CHECK(status->total_ports == 101 && !status->embedded && status->time_ns);
	CHECK(strcmp(status->version, pw_version()) == 0);
	pw_status_free(status);

	MUST(client, pw_service(client, "wizard", &service));
	CHECK(strcmp(service->status, "running") == 0 && service->port == WIZARD_PORT);
	CHECK(service->pid == wizard && service->ports[0]->port == WIZARD_PORT);
	pw_service_free(service);
	service = NULL;
	CHECK(pw_service(client, "no/body", &service) == -ENOENT && !service);
	CHECK(pw_client_problem(client)->status == 404);
	CHECK(strstr(pw_client_problem(client)->text, "no/body"));

	MUST(client, pw_conflicts(client, &alerts));
	CHECK(alerts[0] && !alerts[1]);
	CHECK(strcmp(alerts[0]->kind, "occupied") == 0);
	CHECK(alerts[0]->port == GOBLIN_PORT && alerts[0]->found->pid == stranger);
	CHECK(strcmp(alerts[0]->fix, "portwatch kill :18767") == 0);
	pw_alerts_free(alerts);
	MUST(client, pw_alerts(client, &alerts));
	CHECK(alerts[0] && alerts[0]->message);
	pw_alerts_free(alerts);

	CHECK(pw_available(client, WIZARD_PORT, 3, ports) == 3);
	CHECK(ports[0] == 18766 && ports[1] == 18768 && ports[2] == 18769);
	CHECK(pw_available(client, 0, 1, ports) == 1 && ports[0] == 8000);
	CHECK(pw_available(client, 0, 0, ports) == -EINVAL);
}

static void hand_out(struct pw_client *client)
{
	struct pw_allocate_options options = { .purpose = "a \"quoted\" one",
					       .started_by = "tour",
					       .ttl_ms = 60000 };
	struct pw_allocation *first = NULL, *second = NULL;
	struct pw_client *other = new_client();
	struct pw_status *status = NULL;
	struct pw_event_data *event = NULL;
	struct pw_stream *stream = NULL;
	struct pw_item item;
	struct pw_events_options events = { .types = "allocation", .no_snapshot = true };
	char last_id[64];

	MUST(other, pw_events(other, &events, &stream));
	CHECK(pw_stream_wait(stream, 0, &item) == 0);
	CHECK(pw_status(other, &status) == -EBUSY);

	MUST(client, pw_allocate(client, "grace", &options, &first));
	CHECK(first->port == 8000 && strcmp(first->service_name, "grace") == 0);
	CHECK(strcmp(first->purpose, options.purpose) == 0 && first->pid == 0);
	CHECK(first->expires_ns > first->allocated_ns && first->error_count == 0);
	CHECK(pw_stream_wait(stream, 10000, &item) == 1);
	CHECK(strcmp(item.type, "allocation.created") == 0);
	CHECK(pw_event_read(&item, &event) == 0);
	CHECK(event->allocation->port == 8000 && event->time_ns);
	pw_event_free(event);
	snprintf(last_id, sizeof(last_id), "%s", item.id);
	pw_stream_close(stream);

	options.port = 8000;
	CHECK(pw_allocate(client, "other", &options, &second) == -EADDRINUSE);
	MUST(client, pw_allocate(client, "other", NULL, &second));
	CHECK(second->port == 8001 && second->expires_ns == 0);
	events.after = last_id;
	MUST(other, pw_events(other, &events, &stream));
	CHECK(pw_stream_wait(stream, 10000, &item) == 1);
	CHECK(pw_event_read(&item, &event) == 0 && event->allocation->port == 8001);
	pw_event_free(event);
	pw_stream_close(stream);
	events.after = "a\r\nb";
	CHECK(pw_events(other, &events, &stream) == -EINVAL);
	MUST(client, pw_status(client, &status));
	CHECK(status->allocated_ports == 2 && status->allocations[1]->port == 8001);
	pw_status_free(status);
	MUST(client, pw_release(client, second->port, false));
	MUST(client, pw_release(client, first->port, false));
	CHECK(pw_release(client, 8000, false) == -ENOENT);
	CHECK(pw_allocate(client, "no name", NULL, &second) == -EBADMSG);
	pw_allocation_free(first);
	pw_allocation_free(second);
	pw_client_free(other);
}

static void move(struct pw_client *client)
{
	struct pw_service *service = NULL;

	CHECK(pw_reassign(client, "goblin", WIZARD_PORT, false) == -EADDRINUSE);
	CHECK(pw_reassign(client, "nobody", NEW_PORT, false) == -ENOENT);
	MUST(client, pw_reassign(client, "goblin", NEW_PORT, false));
	MUST(client, pw_service(client, "goblin", &service));
	CHECK(service->port == NEW_PORT && strcmp(service->status, "stopped") == 0);
	pw_service_free(service);
}

static void end(struct pw_client *client, pid_t stranger)
{
	struct pw_kill_options options = { .dry_run = true, .grace_ms = 20000 };
	struct pw_killed *killed = NULL;

	CHECK(pw_kill(client, ":18767", &options, &killed) == 1);
	CHECK(strcmp(killed->outcome, "planned") == 0 && killed->dry_run);
	CHECK(killed->processes[0]->process->pid == stranger);
	CHECK(strcmp(killed->processes[0]->result, "would_end") == 0);
	pw_killed_free(killed);

	options.dry_run = false;
	CHECK(pw_kill(client, ":18767/udp", &options, &killed) == -ENOENT);
	MUST(client, pw_kill(client, ":18767/tcp", &options, &killed));
	CHECK(strcmp(killed->outcome, "done") == 0);
	CHECK(strcmp(killed->processes[0]->result, "ended") == 0);
	CHECK(killed->ports[0]->port == GOBLIN_PORT && killed->ports[0]->free);
	CHECK(!killed->ports[0]->holder && killed->message);
	pw_killed_free(killed);

	CHECK(pw_kill(client, "wizard", NULL, &killed) == 1);
	CHECK(strcmp(killed->service, "wizard") == 0);
	pw_killed_free(killed);
	CHECK(pw_kill(client, "wizard", NULL, &killed) == -ENOENT);
	CHECK(pw_kill(client, "pid:1", NULL, &killed) < 0);
	CHECK(pw_kill(client, ":99999", NULL, &killed) == -EINVAL);
}

/* A child that listens and is not ended by SIGTERM. */
static pid_t start_stubborn(uint16_t port)
{
	const struct sockaddr_in at = { .sin_family = AF_INET,
					.sin_port = htons(port),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	pid_t pid;

	CHECK(fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0);
	CHECK(listen(fd, 1) == 0);
	signal(SIGTERM, SIG_IGN);
	pid = fork();
	CHECK(pid >= 0);
	while (pid == 0)
		pause();
	signal(SIGTERM, SIG_DFL);
	close(fd);
	return pid;
}

static void end_by_force(struct pw_client *client)
{
	struct pw_kill_options options = { .grace_ms = 100 };
	pid_t stubborn = start_stubborn(NEW_PORT + 1);
	struct pw_killed *killed = NULL;

	CHECK(pw_kill(client, ":19101", &options, &killed) == 0);
	CHECK(strcmp(killed->outcome, "timed_out") == 0 && !killed->forced);
	CHECK(killed->processes[0]->process->pid == stubborn && !killed->ports[0]->free);
	pw_killed_free(killed);
	options.force = true;
	CHECK(pw_kill(client, ":19101", &options, &killed) == 1 && killed->forced);
	CHECK(strcmp(killed->processes[0]->signal, "SIGKILL") == 0);
	pw_killed_free(killed);
	CHECK(waitpid(stubborn, NULL, 0) == stubborn);
}

static void *ask_often(void *arg)
{
	struct pw_client *client = new_client();

	(void)arg;
	for (int i = 0; i < 25; i++) {
		struct pw_status *status = NULL;

		MUST(client, pw_status(client, &status));
		CHECK(status->services[0]->port == WIZARD_PORT);
		pw_status_free(status);
	}
	pw_client_free(client);
	return NULL;
}

static void threads(void)
{
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, ask_often, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
}

/* Without a daemon, the same answers. */
static void alone(const char *engine)
{
	const struct pw_options options = { .socket = "/nowhere/sock", .engine = engine };
	struct pw_client *client = NULL;
	struct pw_status *status = NULL;

	CHECK(pw_client_new(&options, &client) == 0);
	MUST(client, pw_status(client, &status));
	CHECK(status->embedded && pw_client_is_local(client));
	pw_client_free(client);
	CHECK(status->daemon_pid > 0);
	pw_status_free(status);
}

int main(int argc, char **argv)
{
	struct pw_client *client;
	pid_t wizard, stranger;

	CHECK(argc == 5);
	socket_path = argv[1];
	wizard = (pid_t)atoi(argv[3]);
	stranger = (pid_t)atoi(argv[4]);
	nobody_answers();
	client = new_client();
	look(client, wizard, stranger);
	hand_out(client);
	threads();
	move(client);
	end(client, stranger);
	end_by_force(client);
	pw_client_free(client);
	alone(argv[2]);
	puts("all of it");
	return 0;
}
