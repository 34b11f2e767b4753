/*
 * Pictures of the map, and every way of picking out of them.
 */
#include <criterion/criterion.h>

#include "load/picture.h"

#define SEATS 12 /* three rows of four; the last seat is none */

static struct arena *arena;
static struct stage stage;
static struct picture picture;
static uint64_t chance = 12345;

static void
begin(void)
{
	arena = arena_new();
	stage = (struct stage){ .seats_count = SEATS, .sections_count = 2 };
	stage.seats = ARENA_ARRAY(arena, struct stage_seat, SEATS);
	for (int i = 0; i < SEATS; i++)
		stage.seats[i] =
			(struct stage_seat){ i < SEATS - 1 ? arena_printf(arena, "S-%d", i) : NULL,
				i / 4 };
	stage.sections = ARENA_ARRAY(arena, struct stage_section, 2);
	stage.sections[0] = (struct stage_section){ .id = "A", .seated = true, .count = 8 };
	stage.sections[1] =
		(struct stage_section){ .id = "B", .seated = true, .first = 8, .count = 4 };
}

static void
end(void)
{
	picture_release(&picture);
	arena_free(arena);
}

TestSuite(picture, .init = begin, .fini = end);

static bool
heard(const char *text)
{
	const char *detail;
	const struct json *json = json_parse(arena, text, strlen(text), &detail);

	cr_assert_not_null(json, "%s", text);
	return picture_read(&picture, SEATS, json);
}

Test(picture, whole_and_by_changes)
{
	cr_assert(heard("{\"version\":5,\"seats\":12,\"status\":\"aaaahhbbaaax\"}"));
	cr_assert_eq(picture.version, 5);
	cr_assert_eq(picture.free_count, 7);
	cr_assert_eq(picture.gone_count, 3);
	cr_assert(heard(
		"{\"version\":6,\"seats\":12,\"since\":5,\"changed\":{\"a\":[4],\"b\":[0,1]}}"));
	cr_assert_eq(picture.free_count, 6);
	cr_assert_eq(picture.gone_count, 5);
	cr_assert_not(picture_is_sold_out(&picture, SEATS));
	cr_assert(heard("{\"version\":7,\"seats\":12,\"status\":\"bbbbbbbbbbbx\"}"));
	cr_assert(picture_is_sold_out(&picture, SEATS));
	cr_assert_eq(picture.free_count, 0);
	cr_assert(heard("{\"version\":8,\"seats\":12,\"since\":7,\"changed\":{\"r\":[3]}}"));
	cr_assert_not(picture_is_sold_out(&picture, SEATS));
}

Test(picture, refuses_what_cannot_be)
{
	cr_assert_not(heard("{}"));
	cr_assert_not(heard("{\"version\":5,\"seats\":12,\"status\":\"aaaa\"}"));
	cr_assert_not(heard("{\"version\":5,\"seats\":11,\"status\":\"aaaahhbbaaa\"}"));
	cr_assert_not(heard("{\"version\":5,\"seats\":12,\"status\":\"aaaaaaaaaaaq\"}"));
	cr_assert_not(
		heard("{\"version\":5,\"seats\":12,\"since\":4,\"changed\":{}}"), "of no map");
	cr_assert(heard("{\"version\":5,\"seats\":12,\"status\":\"aaaaaaaaaaax\"}"));
	cr_assert_not(heard("{\"version\":6,\"seats\":12,\"since\":4,\"changed\":{}}"));
	cr_assert_not(heard("{\"version\":6,\"seats\":12,\"since\":5,\"changed\":{\"q\":[1]}}"));
	cr_assert_not(heard("{\"version\":6,\"seats\":12,\"since\":5,\"changed\":{\"a\":[12]}}"));
	cr_assert_not(heard("{\"version\":6,\"seats\":12,\"since\":5,\"changed\":{\"a\":[-1]}}"));
	cr_assert_not(heard("{\"version\":6,\"seats\":12,\"since\":5,\"changed\":{\"a\":\"1\"}}"));
	cr_assert_not(heard("{\"version\":6,\"seats\":12,\"since\":5,\"changed\":[1]}"));
	cr_assert_eq(picture.version, 5);
}

static size_t
pick(enum pick_way way, size_t wanted, const char *section, int64_t number, int32_t *out)
{
	const struct step step = { .kind = STEP_PICK, .way = way, .most = 2, .section = section };
	size_t count = picture_pick(&picture, &stage, &step, wanted, number, &chance, out);

	cr_assert_leq(count, wanted);
	for (size_t i = 0; i < count; i++) {
		cr_assert(out[i] >= 0 && out[i] < SEATS - 1);
		for (size_t n = 0; n < i; n++)
			cr_assert_neq(out[i], out[n], "twice the same seat");
	}
	return count;
}

Test(picture, picks_free_ones)
{
	int32_t out[SCENARIO_PLACES_MAX];
	bool met[SEATS] = { false };

	cr_assert(heard("{\"version\":5,\"seats\":12,\"status\":\"hahahahahaax\"}"));
	for (int i = 0; i < 400; i++) {
		size_t count = pick(PICK_RANDOM, 3, NULL, 0, out);

		cr_assert_eq(count, 3);
		for (size_t n = 0; n < count; n++) {
			cr_assert(out[n] % 2 == 1 || out[n] == 10);
			met[out[n]] = true;
		}
	}
	for (int i = 1; i < SEATS - 1; i += 2)
		cr_assert(met[i], "seat %d is never picked", i);
	cr_assert_eq(pick(PICK_RANDOM, 50, NULL, 0, out), 6, "as many as there are");
	cr_assert_eq(pick(PICK_HOT, 2, NULL, 0, out), 2);
	cr_assert(out[0] == 1 && out[1] == 3);
	picture_lost(&picture, 1);
	cr_assert_eq(pick(PICK_HOT, 1, NULL, 0, out), 1);
	cr_assert_eq(out[0], 3);
}

Test(picture, picks_neighbours)
{
	int32_t out[SCENARIO_PLACES_MAX];

	/* Four beside each other, but in two rows; three in one. */
	cr_assert(heard("{\"version\":5,\"seats\":12,\"status\":\"hhaaaahhaaax\"}"));
	for (int i = 0; i < 200; i++) {
		size_t count = pick(PICK_NEIGHBOURS, 4, NULL, 0, out);

		cr_assert_eq(count, 3);
		cr_assert(out[0] == 8 && out[1] == 9 && out[2] == 10);
		cr_assert_eq(pick(PICK_NEIGHBOURS, 2, "A", 0, out), 2);
		cr_assert(out[1] == out[0] + 1 && (out[0] == 2 || out[0] == 4));
	}
	cr_assert(heard("{\"version\":6,\"seats\":12,\"status\":\"hhhhhhhhhhhx\"}"));
	cr_assert_eq(pick(PICK_NEIGHBOURS, 4, NULL, 0, out), 0);
}

Test(picture, picks_whatever_there_is)
{
	int32_t out[SCENARIO_PLACES_MAX];

	cr_assert(heard("{\"version\":5,\"seats\":12,\"status\":\"hhhhhhhhhhhx\"}"));
	cr_assert_eq(pick(PICK_RANDOM, 2, NULL, 0, out), 0);
	cr_assert_eq(pick(PICK_SAME, 2, NULL, 0, out), 2);
	cr_assert(out[0] == 0 && out[1] == 1);
	cr_assert_eq(pick(PICK_SAME, 1, "B", 0, out), 1);
	cr_assert_eq(out[0], 8);
	cr_assert_eq(pick(PICK_OWN, 2, "A", 3, out), 2);
	cr_assert(out[0] == 6 && out[1] == 7);
	cr_assert_eq(pick(PICK_ANY, 50, NULL, 0, out), SEATS - 1);
}

Test(picture, each_buyer_has_a_chance_of_its_own)
{
	uint64_t first[64];

	for (int i = 0; i < 64; i++) {
		uint64_t random = picture_stream(i / 8, i % 8), same = picture_stream(i / 8, i % 8);

		first[i] = random;
		cr_assert_neq(random, 0);
		cr_assert_eq(
			picture_chance(&random, 0, 1000000), picture_chance(&same, 0, 1000000));
		for (int other = 0; other < i; other++)
			cr_assert_neq(first[i], first[other], "%d %d", i, other);
	}
}

Test(picture, chance_stays_within_its_bounds)
{
	bool met[5] = { false };

	for (int i = 0; i < 1000; i++) {
		int64_t got = picture_chance(&chance, 3, 7);

		cr_assert(got >= 3 && got <= 7);
		met[got - 3] = true;
	}
	for (int i = 0; i < 5; i++)
		cr_assert(met[i]);
	cr_assert_eq(picture_chance(&chance, 4, 4), 4);
}
