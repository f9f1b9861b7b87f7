/* SPDX-License-Identifier: GPL-2.0-only */
/* why_doc - what why found, as a document. */
#ifndef PORTWATCH_HTTP_WHY_DOC_H
#define PORTWATCH_HTTP_WHY_DOC_H

#include "http/api.h"
#include "service/why.h"

/* NULL for want of memory.  @has_more: there were more ports than are told. */
struct doc *why_doc(const struct request *req, const struct why_question *question,
		    const struct why *why, bool has_more);

#endif /* PORTWATCH_HTTP_WHY_DOC_H */
