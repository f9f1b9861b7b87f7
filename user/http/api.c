// SPDX-License-Identifier: GPL-2.0-only
#include "http/api.h"

#include "base/time.h"
#include "http/status_cache.h"

int api_init(struct api *api, const struct api_options *options)
{
	struct hub *hub = NULL;
	int err = hub_new(options->engine, !options->embedded, &hub);

	if (err < 0)
		return err;
	*api = (struct api){
		.options = *options,
		.engine = options->engine,
		.hub = hub,
		.started_mono_ns = now_mono_ns(),
	};
	return 0;
}

void api_done(struct api *api)
{
	api->status_cache = status_cache_free(api->status_cache);
	api->hub = hub_free(api->hub);
}
