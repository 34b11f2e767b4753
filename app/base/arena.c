/*
 * Arenas: a chain of blocks that are filled from the front. The first block stays for the next
 * request, so that a worker in its stride asks malloc for nothing.
 *
 * To the address sanitizer a block is one piece, in which one allocation could run into the next
 * unseen. So in its builds there is a gap behind each, which nobody may touch, nor what is free.
 */
#include "base/arena.h"

#ifdef HOLDFAST_ASAN
#include <sanitizer/asan_interface.h>
#define GAP_BYTES           ((size_t)32)
#define ARENA_SHOW(at, len) ASAN_UNPOISON_MEMORY_REGION(at, len)
#define ARENA_HIDE(at, len) ASAN_POISON_MEMORY_REGION(at, len)
#else
#define GAP_BYTES           ((size_t)0)
#define ARENA_SHOW(at, len) ((void)0)
#define ARENA_HIDE(at, len) ((void)0)
#endif

#define BLOCK_BYTES ((size_t)32 * 1024)
#define ALIGNMENT   ((size_t)16)

struct block {
	struct block *next; /* older */
	size_t used;
	size_t room;
	_Alignas(16) char bytes[];
};

struct release {
	struct release *next; /* registered before this one */
	void (*call)(void *);
	void *object;
};

struct arena {
	struct block *newest;
	struct release *releases;
};

static struct block *
block_new(size_t room)
{
	struct block *block = malloc(sizeof(*block) + room);

	if (!block)
		abort();
	block->next = NULL;
	block->used = 0;
	block->room = room;
	ARENA_HIDE(block->bytes, room);
	return block;
}

struct arena *
arena_new(void)
{
	struct arena *arena = calloc(1, sizeof(*arena));

	if (!arena)
		abort();
	arena->newest = block_new(BLOCK_BYTES);
	return arena;
}

static void
run_releases(struct arena *arena)
{
	while (arena->releases) {
		struct release *release = arena->releases;

		arena->releases = release->next;
		release->call(release->object);
	}
}

void
arena_reset(struct arena *arena)
{
	run_releases(arena);
	while (arena->newest->next) {
		struct block *block = arena->newest;

		arena->newest = block->next;
		free(block);
	}
	arena->newest->used = 0;
	ARENA_HIDE(arena->newest->bytes, arena->newest->room);
}

void
arena_free(struct arena *arena)
{
	if (!arena)
		return;
	arena_reset(arena);
	free(arena->newest);
	free(arena);
}

void *
arena_alloc(struct arena *arena, size_t size)
{
	struct block *block = arena->newest;
	size_t taken;
	void *out;

	if (size > SIZE_MAX / 2)
		abort();
	taken = ((size + ALIGNMENT - 1) & ~(ALIGNMENT - 1)) + GAP_BYTES;
	if (block->room - block->used < taken) {
		block = block_new(taken > BLOCK_BYTES / 2 ? taken : BLOCK_BYTES);
		block->next = arena->newest;
		arena->newest = block;
	}
	out = block->bytes + block->used;
	block->used += taken;
	ARENA_SHOW(out, size);
	return memset(out, 0, size);
}

char *
arena_copy(struct arena *arena, const char *text, size_t len)
{
	char *out = arena_alloc(arena, len + 1);

	if (len)
		memcpy(out, text, len);
	return out;
}

char *
arena_strdup(struct arena *arena, const char *text)
{
	return arena_copy(arena, text, strlen(text));
}

char *
arena_vprintf(struct arena *arena, const char *format, va_list args)
{
	char text[256]; /* nearly all are short: these are formatted once */
	va_list again;
	char *out;
	int len;

	va_copy(again, args);
	len = vsnprintf(text, sizeof(text), format, args);
	assert(len >= 0);
	if ((size_t)len < sizeof(text)) {
		out = arena_copy(arena, text, (size_t)len);
	} else {
		out = arena_alloc(arena, (size_t)len + 1);
		vsnprintf(out, (size_t)len + 1, format, again);
	}
	va_end(again);
	return out;
}

char *
arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	char *out;

	va_start(args, format);
	out = arena_vprintf(arena, format, args);
	va_end(args);
	return out;
}

void
arena_on_reset(struct arena *arena, void (*release)(void *), void *object)
{
	struct release *entry = ARENA_NEW(arena, struct release);

	entry->call = release;
	entry->object = object;
	entry->next = arena->releases;
	arena->releases = entry;
}
