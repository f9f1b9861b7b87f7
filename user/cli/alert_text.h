/* SPDX-License-Identifier: GPL-2.0-only */
/* alert_text - alerts and events as lines for people.  Everything is fit for a terminal.
 */
#ifndef PORTWATCH_CLI_ALERT_TEXT_H
#define PORTWATCH_CLI_ALERT_TEXT_H

#include "cli/output.h"
#include "json/doc.h"

/* An alert as it stands: since when, how grave, what, whose, the sentence, the fix. */
void alert_text_add(const struct terminal *terminal, const struct doc *alert,
		    struct buffer *ret);
/* Any event of the stream, with the time it happened at. */
void event_text_add(const struct terminal *terminal, const struct doc *event,
		    struct buffer *ret);
/* "python3 (pid 4711, user bob): python3 -m http.server"; "-" for none.  What somebody
 * else chose is escaped. */
void process_text_add(const struct doc *process, struct buffer *ret);
void escaped_text_add(const char *text, struct buffer *ret);
/* The string member, escaped; @otherwise where it is missing. */
void member_text_add(const struct doc *object, const char *key, const char *otherwise,
		     struct buffer *ret);

/* Lines of at most @width columns that are broken at spaces, each begun on a new line and
 * indented.  @text is fit for a terminal. */
void wrapped_text_add(const char *text, int indent, size_t width, struct buffer *ret);

#endif /* PORTWATCH_CLI_ALERT_TEXT_H */
