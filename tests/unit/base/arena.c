/*
 * Arenas: alignment, zeroes, growth, and releases newest first.
 */
#include <criterion/criterion.h>

#include "base/arena.h"

static char order[8];
static size_t ordered;

static void
note(void *object)
{
	order[ordered++] = *(char *)object;
}

Test(arena, memory_is_zeroed_and_aligned_also_after_a_reset)
{
	struct arena *arena = arena_new();

	for (int round = 0; round < 3; round++) {
		for (size_t size = 1; size < 200; size += 7) {
			unsigned char *at = arena_alloc(arena, size);

			cr_assert_eq((uintptr_t)at % 16, 0);
			for (size_t i = 0; i < size; i++)
				cr_assert_eq(at[i], 0);
			memset(at, 0xff, size);
		}
		arena_reset(arena);
	}
	arena_free(arena);
}

Test(arena, large_pieces_do_not_disturb_small_ones)
{
	struct arena *arena = arena_new();
	char *small = arena_strdup(arena, "small");
	char *large = arena_alloc(arena, 5 * 1024 * 1024);

	memset(large, 'x', 5 * 1024 * 1024);
	cr_assert_str_eq(small, "small");
	cr_assert_str_eq(arena_strdup(arena, "after"), "after");
	arena_free(arena);
}

Test(arena, copies_and_prints)
{
	struct arena *arena = arena_new();

	cr_assert_str_eq(arena_copy(arena, "abcdef", 3), "abc");
	cr_assert_str_eq(arena_copy(arena, NULL, 0), "");
	cr_assert_str_eq(arena_printf(arena, "%d-%s", 7, "x"), "7-x");
	arena_free(arena);
}

Test(arena, releases_run_newest_first_and_once)
{
	struct arena *arena = arena_new();
	char names[] = "abc";

	for (int i = 0; i < 3; i++)
		arena_on_reset(arena, note, &names[i]);
	arena_reset(arena);
	arena_reset(arena);
	arena_free(arena);
	cr_assert_eq(ordered, 3);
	cr_assert(memcmp(order, "cba", 3) == 0);
}
