/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * private - what the files of user/sinks share.
 *
 * sinks (which there are), sink (what all have: a queue, a timer, counts), message (an
 * alert in the words of each), and a file for each way out.  A sink is idle, busy with
 * what it took out of its queue, or waiting before the next attempt; its one timer serves
 * all three.
 */
#ifndef PORTWATCH_SINKS_PRIVATE_H
#define PORTWATCH_SINKS_PRIVATE_H

#include "child/fetch_client.h"
#include "json/codec.h"
#include "sinks/sinks.h"

enum {
	MESSAGE_MAX = 64 * 1024, /* of one alert; more goes without command lines */
	SINK_BYTES_MAX = 4 * 1024 * 1024, /* that wait in memory, of one sink */
	SINK_ERROR_MAX = 160,
	HOST_MAX = 65,
};

/* An alert on its way. */
struct message {
	struct message *next;
	uint64_t id; /* of the alert; of a webhook: of its file */
	uint64_t wall_ns;
	/* Which alert it is about. */
	enum alert_kind kind;
	char service[SERVICE_NAME_MAX + 1];
	struct endpoint at;
	size_t size; /* of the text */
	char *text;  /* NULL: elsewhere */
	char **env;  /* of a command; NULL none */
};

struct message *message_new(const struct event *event);
struct message *message_free(struct message *message);
DEFINE_CLEANUP(struct message, message_free)

struct message_queue {
	struct message *first, **last;
	size_t count, bytes;
};
void queue_init(struct message_queue *queue);
void queue_done(struct message_queue *queue);
void queue_put(struct message_queue *queue, struct message *message);
void queue_put_back(struct message_queue *queue, struct message *message);
struct message *queue_take(struct message_queue *queue); /* the first; NULL */

enum sink_state { SINK_IDLE, SINK_WOKEN, SINK_BUSY, SINK_WAITING };

struct sink;

/* A member may be NULL where there is nothing to do, but for size and pump. */
struct sink_ops {
	size_t size; /* of the struct that begins with a struct sink */
	int (*init)(struct sink *sink);
	/* Fills in the text of @message.  -ENOMEM. */
	int (*encode)(const struct sink *sink, const struct event *event,
		      const struct viewer *viewer, struct message *message);
	/* Instead of sink_put(). */
	void (*put)(struct sink *sink, struct message *message);
	/* It is idle, and was woken. */
	void (*pump)(struct sink *sink);
	/* Something came while it is busy. */
	void (*more)(struct sink *sink);
	/* There is no room for @message any more, which is about to be freed. */
	void (*forget)(struct sink *sink, const struct message *message);
	/* It is busy for longer than it said. */
	void (*overdue)(struct sink *sink);
	/* What portwatch-fetch was asked came back. */
	void (*answered)(struct sink *sink, bool passed, const char *text);
	void (*changed)(struct sink *sink); /* its settings */
	void (*reopen)(struct sink *sink);
	/* It is to end: nothing new comes, and it is freed when nobody refers to it. */
	void (*leave)(struct sink *sink);
	void (*done)(struct sink *sink);
	size_t (*queued)(const struct sink *sink); /* beside its queue */
};

extern const struct sink_ops file_sink_ops, datagram_sink_ops, exec_sink_ops,
	webhook_sink_ops, alertmanager_sink_ops;

struct sink {
	struct sinks *sinks; /* NULL: it is leaving */
	const struct sink_ops *ops;
	struct sink_settings *settings;
	struct sink *next;
	uv_timer_t timer;
	enum sink_state state;
	unsigned attempts; /* that failed, one after the other */
	unsigned refs;     /* the timer, and what is under way elsewhere */
	bool leaving;
	struct message_queue queue;
	uint64_t asked; /* what portwatch-fetch has not answered yet; 0 nothing */
	uint64_t sent, failed, dropped, last_error_ns;
	char last_error[SINK_ERROR_MAX];
};

struct sinks {
	struct sinks_options options;
	struct sink *first;
	struct fetch_client *fetch; /* NULL: nobody needed it yet */
	uint64_t last_asked;
	char host[HOST_MAX];
};

/* sink.c; takes over @settings.  -errno. */
int sink_new(struct sinks *sinks, struct sink_settings *settings, struct sink **ret);
void sink_leave(struct sink *sink);
struct sink *sink_ref(struct sink *sink);
void sink_unref(struct sink *sink);
size_t sink_queued(const struct sink *sink);
void sink_tell(struct sink *sink, const struct event *event);
/* Makes room and puts it in the queue; takes it over. */
void sink_put(struct sink *sink, struct message *message);
void sink_drop(struct sink *sink, size_t n);
/* Have it pumped soon, if it is idle. */
void sink_wake(struct sink *sink);
/* The same if it waits before the next attempt: what was wrong may be right now. */
void sink_wake_now(struct sink *sink);
/* Have it pumped after that time, if it stays idle. */
void sink_sleep(struct sink *sink, uint64_t ms);
void sink_begin(struct sink *sink, uint64_t patience_ms); /* 0: for ever */
/* It is idle again, and pumped where something waits. */
void sink_succeed(struct sink *sink, size_t n);
/* What was tried was not done.  It waits, and is pumped then. */
void sink_fail(struct sink *sink, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Counts and notes it alone. */
void sink_note(struct sink *sink, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* How long to wait after @attempts that failed: @initial doubled up to @max, of which the
 * second half is up to @chance. */
uint64_t sink_backoff_ms(uint64_t initial, uint64_t max, unsigned attempts,
			 uint32_t chance);

/* sinks.c: have portwatch-fetch send a block; the answer comes by answered(), or it has
 * failed when this returns. */
void sinks_post(struct sink *sink, const char *block, size_t size);
/* It does not answer. */
void sinks_lose_fetch(struct sinks *sinks, const char *why);

/* message.c: heap texts; NULL for want of memory. */
char *message_event(const struct event *event, const struct viewer *viewer);
char *message_alert(const struct event *event, const struct viewer *viewer);
char *message_cloud_event(const struct event *event, const struct viewer *viewer,
			  const char *host, const char *id);
char *message_journal(const struct event *event, const struct viewer *viewer,
		      size_t *ret_size);
char *message_syslog(const struct event *event, const struct viewer *viewer);
/* One element of a POST to Alertmanager; @ends_ns: when it ends, or is to be thought
 * ended if nothing more is heard of it. */
struct doc *message_alertmanager(const struct alert *alert, const struct viewer *viewer,
				 const char *host, uint64_t ends_ns);
/* "PORTWATCH_KIND=occupied", …: its members that are no lists.  -ENOMEM. */
int message_variables(const struct event *event, const struct viewer *viewer,
		      char ***env);

#endif /* PORTWATCH_SINKS_PRIVATE_H */
