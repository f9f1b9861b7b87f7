// SPDX-License-Identifier: GPL-2.0-only
#include "store/sqlite.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"

void sqlite_init(struct sqlite *sq)
{
	*sq = (struct sqlite){ .handle = NULL };
	pthread_mutex_init(&sq->lock, NULL);
}

void sqlite_done(struct sqlite *sq)
{
	pthread_mutex_destroy(&sq->lock);
}

static int resolve(struct sqlite *sq, void *handle)
{
	/* POSIX has a pointer to data for a pointer to a function. */
#define SQLITE_RESOLVE(name)                                   \
	*(void **)&sq->name = dlsym(handle, "sqlite3_" #name); \
	if (!sq->name)                                         \
		return -ENOENT;
	SQLITE_FUNCTIONS(SQLITE_RESOLVE)
#undef SQLITE_RESOLVE
	return 0;
}

/* What it would take for speed that nobody needs here. */
static void configure(struct sqlite *sq)
{
	sq->config(SQLITE_CONFIG_MEMSTATUS, 0);
	sq->config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
	sq->initialize();
}

static int load(struct sqlite *sq)
{
	void *handle = dlopen("libsqlite3.so.0", RTLD_NOW | RTLD_LOCAL);
	int err = handle ? resolve(sq, handle) : -ENOENT;

	if (err < 0) {
		if (handle)
			dlclose(handle);
		return err;
	}
	configure(sq);
	sq->handle = handle;
	return 0;
}

int sqlite_get(struct sqlite *sq)
{
	int err = 0;

	pthread_mutex_lock(&sq->lock);
	if (!sq->handle)
		err = load(sq);
	if (err == 0)
		sq->users++;
	pthread_mutex_unlock(&sq->lock);
	return err;
}

void sqlite_put(struct sqlite *sq)
{
	pthread_mutex_lock(&sq->lock);
	if (--sq->users == 0) {
		sq->shutdown();
		dlclose(take(sq->handle));
	}
	pthread_mutex_unlock(&sq->lock);
}

/* Segments that nobody may write to are as they are in the file. */
static int drop_pages(struct dl_phdr_info *object, size_t size, void *arg)
{
	uintptr_t code = *(uintptr_t *)arg, page = (uintptr_t)sysconf(_SC_PAGESIZE);
	bool is_it = false;

	(void)size;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &object->dlpi_phdr[i];
		uintptr_t begin = object->dlpi_addr + p->p_vaddr;

		is_it |= p->p_type == PT_LOAD && code >= begin &&
			 code < begin + p->p_memsz;
	}
	for (int i = 0; is_it && i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &object->dlpi_phdr[i];
		uintptr_t begin = (object->dlpi_addr + p->p_vaddr) & ~(page - 1);
		uintptr_t end = object->dlpi_addr + p->p_vaddr + p->p_memsz;

		if (p->p_type == PT_LOAD && !(p->p_flags & PF_W))
			(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
	}
	return is_it;
}

void sqlite_rest(const struct sqlite *sq)
{
	uintptr_t code = (uintptr_t)sq->step;

	dl_iterate_phdr(drop_pages, &code);
}
