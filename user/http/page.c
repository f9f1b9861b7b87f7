// SPDX-License-Identifier: GPL-2.0-only
#include "http/page.h"

#include <string.h>

#include "base/strings.h"

/* Nothing but what this host serves itself, and nothing in line. */
static const char policy[] =
	"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
	"img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
	"require-trusted-types-for 'script'; trusted-types 'none'";

static const struct {
	const char *name, *value;
} headers[] = {
	{ "Content-Security-Policy", policy },
	{ "Cross-Origin-Opener-Policy", "same-origin" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Permissions-Policy", "camera=(), geolocation=(), microphone=()" },
	{ "Referrer-Policy", "no-referrer" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "X-Frame-Options", "DENY" },
};

const struct page_file *page_find(const char *name)
{
	for (const struct page_file *file = page_files; file->name; file++)
		if (streq(file->name, name))
			return file;
	return NULL;
}

bool page_is_known(const struct page_file *file, const char *etags)
{
	/* A tag stands in quotes, so that none is found within another. */
	return etags && (streq(etags, "*") || strstr(etags, file->etag));
}

struct MHD_Response *page_respond(const struct page_file *file, bool known,
				  bool versioned)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		known ? 0 : file->size, known ? NULL : (void *)file->data,
		MHD_RESPMEM_PERSISTENT);

	if (!response)
		return NULL;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, file->type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, file->etag);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
				versioned ? "public, max-age=31536000, immutable"
					  : "no-cache");
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		MHD_add_response_header(response, headers[i].name, headers[i].value);
	return response;
}
