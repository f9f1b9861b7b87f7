// SPDX-License-Identifier: GPL-2.0-only
#include "probe/accepts.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <portwatch/accepts.h>

struct accepts {
	struct bpf_link *link;
	int elsewhere_fd;        /* of the map; borrowed */
	struct pw_accepts *page; /* shared with the kernel */
};

static int map_page(struct accepts *accepts, int fd)
{
	void *page = mmap(NULL, sizeof(*accepts->page), PROT_READ | PROT_WRITE,
			  MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		return -errno;
	accepts->page = page;
	return 0;
}

int accepts_new(const struct hooks *hooks, uint32_t own_netns, struct accepts **ret)
{
	_cleanup_(accepts_freep) struct accepts *accepts = calloc(1, sizeof(*accepts));
	int err;

	if (!accepts)
		return -ENOMEM;
	accepts->elsewhere_fd = hooks_map_fd(hooks, "accepts_elsewhere");
	err = map_page(accepts, hooks_map_fd(hooks, "accepts"));
	if (err < 0)
		return err;
	accepts->page->own_netns = own_netns;
	accepts->link = bpf_program__attach(hooks_program(hooks, "on_accepted"));
	if (!accepts->link)
		return -errno;

	*ret = take(accepts);
	return 0;
}

struct accepts *accepts_free(struct accepts *accepts)
{
	if (!accepts)
		return NULL;
	bpf_link__destroy(accepts->link);
	if (accepts->page)
		munmap(accepts->page, sizeof(*accepts->page));
	free(accepts);
	return NULL;
}

static bool is_own(const struct accepts *accepts, const struct counted_port *port)
{
	return port->netns == 0 || port->netns == accepts->page->own_netns;
}

static int add_elsewhere(const struct accepts *accepts, const struct counted_port *port)
{
	struct pw_accept_key key = { port->netns, port->port };
	uint64_t none = 0;
	int fd = accepts->elsewhere_fd;

	/* One that was counted before goes on. */
	if (bpf_map_update_elem(fd, &key, &none, BPF_NOEXIST) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

static bool is_chosen(const struct pw_accept_key *key, const struct counted_port *ports,
		      size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ports[i].netns == key->netns && ports[i].port == key->port)
			return true;
	return false;
}

/* Those that nobody asks about any more would fill the map in time. */
static void drop_elsewhere(const struct accepts *accepts,
			   const struct counted_port *ports, size_t n)
{
	int fd = accepts->elsewhere_fd;
	struct pw_accept_key key, next;
	bool more = bpf_map_get_next_key(fd, NULL, &next) == 0;

	while (more) {
		key = next;
		more = bpf_map_get_next_key(fd, &key, &next) == 0;
		if (!is_chosen(&key, ports, n))
			bpf_map_delete_elem(fd, &key);
	}
}

int accepts_choose(struct accepts *accepts, const struct counted_port *ports, size_t n)
{
	uint8_t counted[sizeof(accepts->page->counted)] = { 0 };
	int err = 0;

	drop_elsewhere(accepts, ports, n);
	for (size_t i = 0; i < n; i++) {
		counted[ports[i].port >> 3] |= (uint8_t)(1 << (ports[i].port & 7));
		if (!is_own(accepts, &ports[i]) && err == 0)
			err = add_elsewhere(accepts, &ports[i]);
	}
	/* At no moment is one missing that stays. */
	memcpy(accepts->page->counted, counted, sizeof(counted));
	return err;
}

int accepts_read(const struct accepts *accepts, const struct counted_port *port,
		 uint64_t *ret)
{
	struct pw_accept_key key = { port->netns, port->port };

	if (is_own(accepts, port)) {
		*ret = __atomic_load_n(&accepts->page->count[port->port],
				       __ATOMIC_RELAXED);
		return 0;
	}
	if (bpf_map_lookup_elem(accepts->elsewhere_fd, &key, ret) < 0)
		return -errno;
	return 0;
}
