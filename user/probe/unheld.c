// SPDX-License-Identifier: GPL-2.0-only
#include "probe/unheld.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe/iterators.h"

enum { AT_FIRST = 1024 };

/* Room for @more behind the @count that are there. */
static int reserve(void **items, size_t *capacity, size_t size, size_t count, size_t more)
{
	size_t wanted = *capacity ? *capacity : AT_FIRST;
	void *grown;

	if (count + more <= *capacity)
		return 0;
	while (wanted < count + more)
		wanted *= 2;
	grown = reallocarray(*items, wanted, size);
	if (!grown)
		return -ENOMEM;
	*items = grown;
	*capacity = wanted;
	return 0;
}

static int keep_rows(const struct pw_snapshot_row *rows, size_t n, void *arg)
{
	struct unheld *unheld = arg;
	int err = reserve((void **)&unheld->rows, &unheld->rows_capacity, sizeof(*rows),
			  unheld->n_rows, n);

	if (err < 0)
		return err;
	memcpy(unheld->rows + unheld->n_rows, rows, n * sizeof(*rows));
	unheld->n_rows += n;
	return 0;
}

static int keep_bound(const struct diag_socket *sock, void *arg)
{
	struct unheld *unheld = arg;
	int err = reserve((void **)&unheld->bound, &unheld->bound_capacity, sizeof(*sock),
			  unheld->n_bound, 1);

	if (err < 0)
		return err;
	unheld->bound[unheld->n_bound++] = *sock;
	return 0;
}

/* iter/tcp has no sockets that are only bound; sock_diag has, since 6.8. */
static int gather_one(uint32_t netns, void *arg)
{
	struct unheld *unheld = arg;
	int err = iterators_read(unheld->tcp, keep_rows, unheld);

	if (err == 0)
		err = iterators_read(unheld->udp, keep_rows, unheld);
	if (err == 0)
		err = diag_dump_bound(netns, keep_bound, unheld);
	return err == -EOPNOTSUPP ? 0 : err;
}

static void *gather(void *arg)
{
	struct unheld *unheld = arg;

	unheld->err = unheld->search ? netns_visit(unheld->search, gather_one, unheld)
				     : netns_each(gather_one, unheld);
	return NULL;
}

void unheld_begin(struct unheld *unheld, int tcp, int udp, struct netns_search *search)
{
	*unheld = (struct unheld){ .tcp = tcp, .udp = udp, .search = search };
	unheld->runs = pthread_create(&unheld->thread, NULL, gather, unheld) == 0;
	if (!unheld->runs)
		gather(unheld);
}

int unheld_end(struct unheld *unheld)
{
	if (unheld->runs)
		pthread_join(unheld->thread, NULL);
	unheld->runs = false;
	return unheld->err;
}

void unheld_done(struct unheld *unheld)
{
	unheld_end(unheld);
	netns_search_free(unheld->search);
	free(unheld->rows);
	free(unheld->bound);
	*unheld = (struct unheld){ 0 };
}
