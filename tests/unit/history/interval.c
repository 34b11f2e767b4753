/*
 * Intervals of ownership: by hand, and against what comes of looking at every instant.
 */
#include <criterion/criterion.h>

#include "chance.h"
#include "history/interval.h"

#define RESOURCES 4
#define OWNERS    6
#define INSTANTS  30
#define ROUNDS    400

static void
add(struct intervals *list, uint32_t resource, uint32_t owner, int64_t quantity, int64_t start,
	int64_t end)
{
	interval_add(list, (struct interval){ resource, owner, quantity, start, end });
}

struct crowds {
	int count;
	int64_t sum;
	uint32_t newest, second;
	int64_t capacity;
};

static int64_t
capacity(const void *ctx, uint32_t resource)
{
	(void)resource;
	return ((const struct crowds *)ctx)->capacity;
}

static void
crowded(void *ctx, const struct interval *open, size_t count, int64_t sum)
{
	struct crowds *crowds = ctx;
	struct interval sorted[8];

	cr_assert_leq(count, 8);
	memcpy(sorted, open, count * sizeof(*sorted));
	intervals_newest_first(sorted, count);
	crowds->count++;
	crowds->sum = sum;
	crowds->newest = sorted[0].owner;
	crowds->second = count > 1 ? sorted[1].owner : 0;
}

Test(interval, two_owners_share_no_instant)
{
	struct intervals list = { .list = NULL };
	struct crowds crowds = { .capacity = 1 };

	add(&list, 1, 1, 1, 10, 20);
	add(&list, 1, 2, 1, 20, 30); /* begins as the other ends */
	add(&list, 2, 3, 1, 12, 18); /* another seat */
	add(&list, 1, 4, 1, 40, 39); /* never */
	intervals_sweep(&list, capacity, crowded, &crowds);
	cr_assert_eq(crowds.count, 0);
	add(&list, 1, 5, 1, 19, 25);
	intervals_sweep(&list, capacity, crowded, &crowds);
	cr_assert_eq(crowds.count, 2);
	cr_assert_eq(crowds.newest, 2);
	cr_assert_eq(crowds.second, 5);
	intervals_release(&list);
}

Test(interval, a_section_has_its_capacity)
{
	struct intervals list = { .list = NULL };
	struct crowds crowds = { .capacity = 10 };

	add(&list, 1, 1, 6, 0, EVER);
	add(&list, 1, 2, 4, 5, 10);
	add(&list, 1, 3, 4, 10, 15);
	intervals_sweep(&list, capacity, crowded, &crowds);
	cr_assert_eq(crowds.count, 0);
	add(&list, 1, 4, 1, 14, EVER);
	intervals_sweep(&list, capacity, crowded, &crowds);
	cr_assert_eq(crowds.count, 1);
	cr_assert_eq(crowds.sum, 11);
	cr_assert_eq(crowds.newest, 4);
	intervals_release(&list);
}

Test(interval, what_may_have_been_begins_and_ends)
{
	struct intervals list = { .list = NULL };
	struct possible *possible;

	add(&list, 2, 1, 2, 10, 20);
	add(&list, 2, 2, 3, 15, 30);
	add(&list, 2, 1, 1, 50, EVER);
	possible = possible_new(&list, 3);
	cr_assert(!possible_other(possible, 2, 9, 0, 9));
	cr_assert(possible_other(possible, 2, 9, 0, 10));
	cr_assert(!possible_other(possible, 2, 1, 0, 14)); /* oneself */
	cr_assert(possible_other(possible, 2, 1, 30, 40));
	cr_assert(!possible_other(possible, 2, 9, 31, 49));
	cr_assert(possible_other(possible, 2, 9, 1000, 2000));
	cr_assert(!possible_other(possible, 1, 9, 0, EVER));
	cr_assert(!possible_other(possible, 3, 9, 0, EVER));
	cr_assert_eq(possible_most(possible, 2, 0, 9), 0);
	cr_assert_eq(possible_most(possible, 2, 0, 12), 2);
	cr_assert_eq(possible_most(possible, 2, 20, 20), 5);
	cr_assert_eq(possible_most(possible, 2, 21, 60), 3);
	cr_assert_eq(possible_most(possible, 2, 40, 45), 0);
	cr_assert_eq(possible_most(possible, 2, 60, EVER), 1);
	cr_assert_null(possible_before(possible, 2, 9));
	cr_assert_eq(possible_before(possible, 2, 40)->owner, 2);
	possible_free(possible);
}

Test(interval, nothing_is_possible_of_nothing)
{
	struct intervals list = { .list = NULL };
	struct crowds crowds = { .capacity = 0 };
	struct possible *possible;

	intervals_sweep(&list, capacity, crowded, &crowds);
	cr_assert_eq(crowds.count, 0);
	possible = possible_new(&list, 0);
	cr_assert(!possible_other(possible, 0, 1, 0, EVER));
	cr_assert_eq(possible_most(possible, 0, 0, EVER), 0);
	possible_free(possible);
}

/* ---- against every instant ------------------------------------------------------------------- */

static size_t
fill(struct intervals *list, struct interval *copy, size_t most, int64_t shortest)
{
	size_t count = (size_t)below((int64_t)most);

	for (size_t i = 0; i < count; i++) {
		int64_t start = below(INSTANTS), length = shortest + below(8);

		copy[i] = (struct interval){
			.resource = (uint32_t)below(RESOURCES) + 1,
			.owner = (uint32_t)below(OWNERS) + 1,
			.quantity = below(3) + 1,
			.start_us = start,
			.end_us = below(10) == 0 ? EVER : start + length,
		};
		interval_add(list, copy[i]);
	}
	return count;
}

Test(interval, agrees_with_a_look_at_every_instant)
{
	struct interval copy[40];

	for (int round = 0; round < ROUNDS; round++) {
		struct intervals list = { .list = NULL };
		size_t count = fill(&list, copy, 40, 0);
		struct possible *possible = possible_new(&list, RESOURCES);

		for (int question = 0; question < 50; question++) {
			uint32_t resource = (uint32_t)below(RESOURCES) + 1;
			uint32_t self = (uint32_t)below(OWNERS + 1) + 1;
			int64_t from = below(INSTANTS + 10), to = from + below(10), most = 0;
			bool other = false;

			for (int64_t at = from; at <= to; at++) {
				int64_t sum = 0;

				for (size_t i = 0; i < count; i++) {
					if (copy[i].resource != resource || copy[i].start_us > at ||
						copy[i].end_us < at)
						continue;
					sum += copy[i].quantity;
					other = other || copy[i].owner != self;
				}
				most = sum > most ? sum : most;
			}
			cr_assert_eq(possible_other(possible, resource, self, from, to), other);
			cr_assert_eq(possible_most(possible, resource, from, to), most);
		}
		possible_free(possible);
	}
}

Test(interval, finds_crowds_where_every_instant_shows_them)
{
	struct interval copy[40];

	for (int round = 0; round < ROUNDS; round++) {
		struct intervals list = { .list = NULL };
		size_t count = fill(&list, copy, 40, 1);
		struct crowds crowds = { .capacity = below(8) };
		bool over = false;

		/* Half instants: to share one instant alone is to make way. */
		for (int64_t twice = 1; twice < 2 * INSTANTS + 20; twice += 2) {
			for (uint32_t resource = 1; resource <= RESOURCES; resource++) {
				int64_t sum = 0;

				for (size_t i = 0; i < count; i++) {
					if (copy[i].resource == resource &&
						2 * copy[i].start_us < twice &&
						(copy[i].end_us == EVER ||
							2 * copy[i].end_us > twice))
						sum += copy[i].quantity;
				}
				over = over || sum > crowds.capacity;
			}
		}
		intervals_sweep(&list, capacity, crowded, &crowds);
		cr_assert_eq(crowds.count > 0, over);
		intervals_release(&list);
	}
}
