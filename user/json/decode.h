/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * decode - what the readers of a registry document share: the way from the top to the
 * value that is being read, faults and warnings with their place, tables of fields.
 *
 * Private to user/json.  A reader answers 0, -EINVAL or -E2BIG after decode_fail(), or
 * -ENOMEM.  null means "not given" wherever a field is optional.
 */
#ifndef PORTWATCH_JSON_DECODE_H
#define PORTWATCH_JSON_DECODE_H

#include "json/codec.h"
#include "json/scan.h"

struct decoder {
	struct scan_finder finder;
	struct registry *registry;
	struct decode_error *error;
	struct decode_warnings *warnings; /* NULL: not wanted */
	size_t warnings_left_out;
	/* The way to the value that is being read.  A name is borrowed from the
	 * document, NULL in a list. */
	const char *names[SCAN_DEPTH_MAX + 2];
	size_t ordinals[SCAN_DEPTH_MAX + 2];
	size_t depth;
};

enum { DECODE_WARNINGS_MAX = 100 };

/* Go down to a member or element, and back.  After a failure nobody goes back. */
void decode_enter(struct decoder *d, const char *name, size_t ordinal);
void decode_leave(struct decoder *d);
/* Go down to the member @name of @object; NULL (and nothing to leave) where it is missing
 * or null. */
const struct doc *decode_enter_member(struct decoder *d, const struct doc *object,
				      const char *name);

/* The value that is being read is at fault: fills in the error, answers -EINVAL.
 * @remedy NULL: none. */
int decode_fail(struct decoder *d, const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same with the place of the value's name. */
int decode_fail_name(struct decoder *d, const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* `"port" must be @wanted, not a string`. */
int decode_fail_type(struct decoder *d, const struct doc *value, const char *wanted);
/* Fills in the error for a fault at an offset of the text. */
void decode_error_place(struct decoder *d, size_t offset);
int decode_warn(struct decoder *d, bool name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The beginning of a text from the document, for a message; @buf has EXCERPT bytes. */
enum { EXCERPT = 64 };
const char *decode_excerpt(const char *text, char *buf);

/* Reads @value into what @target points to. */
typedef int decode_fn(struct decoder *d, const struct doc *value, void *target);

/* A table of these ends in one without a name. */
struct field {
	const char *name;
	decode_fn *read; /* NULL: known, and read elsewhere */
	size_t offset;   /* of the target in what the table fills */
};

/* Reads an object's members by their table; warns of those that it does not have. */
int decode_object(struct decoder *d, const struct doc *value, const struct field *fields,
		  void *target);
/* Calls @read with @target for each element of a list. */
int decode_list(struct decoder *d, const struct doc *value, decode_fn *read,
		void *target);
/* Refuses an object with a name twice, anywhere below @value. */
int decode_check_names(struct decoder *d, const struct doc *value);

/* codec_decode_values.c; behind each what its target points to. */
decode_fn decode_string;    /* char *; "" gives NULL */
decode_fn decode_name;      /* char *, a valid name */
decode_fn decode_url;       /* char * */
decode_fn decode_host_port; /* char * */
decode_fn decode_user;      /* char * */
decode_fn decode_bool;      /* bool */
decode_fn decode_word;      /* char **: one more */
decode_fn decode_words;     /* char ** */
decode_fn decode_argv;      /* char **, of a list or a string as a shell splits it */
decode_fn decode_command;   /* the same, and its first word is not empty */
decode_fn decode_env;       /* char ** of NAME=value */
decode_fn decode_count;     /* unsigned, from 1 */
decode_fn decode_u64;       /* uint64_t */
decode_fn decode_time;      /* uint64_t, nanoseconds since 1970 */
decode_fn decode_duration;  /* uint64_t, milliseconds */
decode_fn decode_period;    /* the same, but not 0 */
decode_fn decode_signal;    /* int */
decode_fn decode_port;      /* uint16_t */
decode_fn decode_proto;     /* uint16_t */
/* The index in @names (NULL-terminated) of the string that @value must be. */
int decode_choice(struct decoder *d, const struct doc *value, const char *const *names,
		  unsigned *ret);

/* The parts of a document; the value is being read when they are called. */
int decode_settings(struct decoder *d, const struct doc *value);
decode_fn decode_service; /* no target */
int decode_allocations(struct decoder *d, const struct doc *value);

/* codec_decode_settings.c: what services and settings share. */
extern const struct field decode_health_fields[]; /* of struct health */
decode_fn decode_health_limits;                   /* struct health, no check in it */
decode_fn decode_restart;                         /* struct restart */
decode_fn decode_backoff;                         /* struct restart */
decode_fn decode_restart_limit;                   /* struct restart */
decode_fn decode_stop;                            /* struct stop */
decode_fn decode_absolute_path;                   /* char * */

decode_fn decode_sinks; /* codec_decode_sinks.c: struct settings */

#endif /* PORTWATCH_JSON_DECODE_H */
