/* SPDX-License-Identifier: GPL-2.0-only */
/* json_text - one JSON object as text, member by member; what was said last is valid
 * JSON once json_end() was called. */
#ifndef PORTWATCH_CLIENT_JSON_TEXT_H
#define PORTWATCH_CLIENT_JSON_TEXT_H

#include "base/strings.h"

void json_begin(struct buffer *text);
void json_end(struct buffer *text);
/* @key is written as it is.  Nothing for a @value of NULL. */
void json_text(struct buffer *text, const char *key, const char *value);
void json_number(struct buffer *text, const char *key, int64_t value);
void json_flag(struct buffer *text, const char *key, bool value);

#endif /* PORTWATCH_CLIENT_JSON_TEXT_H */
