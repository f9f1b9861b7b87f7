/* SPDX-License-Identifier: GPL-2.0-only */
/* encode - pieces that several documents of the API have.  Private to user/json. */
#ifndef PORTWATCH_JSON_ENCODE_H
#define PORTWATCH_JSON_ENCODE_H

#include "json/codec.h"

/* May @viewer see the command line of a process of @uid? */
bool viewer_sees(const struct viewer *viewer, uid_t uid);

/* "proto", "address" (null for family 0), "port" and "netns" (null for 0). */
void encode_endpoint(struct doc *object, const struct endpoint *at);
/* "30s", "500ms", "7d": as the registry has durations. */
void encode_duration(struct doc *object, const char *key, uint64_t ms);
void encode_words(struct doc *object, const char *key, char *const *words);
void encode_health(struct doc *object, const char *key, const struct health *health);
/* "restart", "backoff", "restart_limit", "stop". */
void encode_restart(struct doc *object, const struct restart *restart,
		    const struct stop *stop);
struct sink_settings;
struct doc *encode_sink(const struct sink_settings *sink); /* without its secrets */

/*
 * A message may end in ": " and the words of a command line, cut somewhere with or
 * without an ellipsis: cuts them off.  @words NULL: unknown.
 */
void message_hide_words(char *message, const char *const *words);

#endif /* PORTWATCH_JSON_ENCODE_H */
