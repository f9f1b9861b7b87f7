// SPDX-License-Identifier: GPL-2.0-only
/* Network namespaces that entries name: a name of `ip netns` or a path. */
#include "engine/internal.h"

#include <string.h>
#include <sys/stat.h>

#include "base/strings.h"

/* One that is not there has a number that no namespace has. */
static uint32_t find(const char *name)
{
	struct buffer path = { 0 };
	struct stat st;
	uint32_t number = UINT32_MAX;

	buffer_printf(&path, "%s%s", strchr(name, '/') ? "" : "/run/netns/", name);
	if (!path.failed && stat(path.data, &st) == 0)
		number = st.st_ino;
	buffer_done(&path);
	return number;
}

static void resolve(const struct service *service)
{
	/* The engine owns the registry, and this is the one thing that a document
	 * cannot say. */
	struct service *svc = (struct service *)service;

	if (!svc->netns)
		return;
	svc->netns_inode = find(svc->netns);
	for (size_t i = 0; i < svc->n_claims; i++)
		svc->claims[i].at.netns = svc->netns_inode;
}

void slots_resolve(struct engine *e)
{
	for (size_t i = 0; i < e->slots.n_services; i++)
		resolve(registry_service(e->registry, i));
}

/* It may have been made since. */
void slots_resolve_at(struct engine *e, uint16_t proto, uint16_t port)
{
	const struct claim *const *claims;
	size_t n = registry_claims_at(e->registry, proto, port, &claims);

	for (size_t i = 0; i < n; i++)
		resolve(claims[i]->service);
}
