/*
 * Pictures of the map, and the ways of picking seats.
 */
#include "load/picture.h"

/* The seats that are chosen among. */
struct range {
	const struct picture *picture;
	const struct stage *stage;
	size_t first, count;
};

/* ---- bits ------------------------------------------------------------------------------------ */

static bool
bit_get(const uint64_t *bits, size_t at)
{
	return bits[at / 64] >> at % 64 & 1;
}

/* How the number of bits changes. */
static void
bit_put(uint64_t *bits, size_t *count, size_t at, bool value)
{
	if (bit_get(bits, at) == value)
		return;
	bits[at / 64] ^= UINT64_C(1) << at % 64;
	*count = value ? *count + 1 : *count - 1;
}

void
picture_release(struct picture *picture)
{
	free(picture->free);
	*picture = (struct picture){ .free = NULL };
}

static void
put_state(struct picture *picture, size_t seat, char state)
{
	bit_put(picture->free, &picture->free_count, seat, state == 'a');
	bit_put(picture->gone, &picture->gone_count, seat, state == 'b' || state == 'x');
}

/* ---- answers --------------------------------------------------------------------------------- */

static bool
read_whole(struct picture *picture, size_t seats, const char *states)
{
	size_t words = seats / 64 + 1;

	if (strlen(states) != seats || strspn(states, "ahrbx") != seats)
		return false;
	if (!picture->free) {
		picture->free = calloc(2 * words, sizeof(*picture->free));
		if (!picture->free)
			abort();
		picture->gone = picture->free + words;
	}
	for (size_t i = 0; i < seats; i++)
		put_state(picture, i, states[i]);
	return true;
}

struct change {
	struct picture *picture;
	size_t seats;
	bool bad;
};

static void
read_change(void *context, const char *name, const struct json *positions)
{
	struct change *change = context;

	if (strlen(name) != 1 || !strchr("ahrbx", *name) || json_kind(positions) != JSON_ARRAY) {
		change->bad = true;
		return;
	}
	for (size_t i = 0; i < json_length(positions); i++) {
		const struct json *at = json_at(positions, i);

		if (json_kind(at) != JSON_INT || json_int(at) < 0 ||
			(size_t)json_int(at) >= change->seats)
			change->bad = true;
		else
			put_state(change->picture, (size_t)json_int(at), *name);
	}
}

bool
picture_read(struct picture *picture, size_t seats, const struct json *answer)
{
	const char *states = ask_text(answer, "status");
	const struct json *changed = answer ? json_get(answer, "changed") : NULL;
	int64_t version = ask_int(answer, "version", -1);

	if (version < 0 || ask_int(answer, "seats", -1) != (int64_t)seats)
		return false;
	if (states) {
		if (!read_whole(picture, seats, states))
			return false;
	} else {
		struct change change = { .picture = picture, .seats = seats };

		if (!changed || json_kind(changed) != JSON_OBJECT || !picture->free ||
			ask_int(answer, "since", -1) != picture->version)
			return false;
		json_each(changed, read_change, &change);
		if (change.bad)
			return false;
	}
	picture->version = version;
	return true;
}

void
picture_lost(struct picture *picture, size_t seat)
{
	if (picture->free)
		bit_put(picture->free, &picture->free_count, seat, false);
}

bool
picture_is_sold_out(const struct picture *picture, size_t seats)
{
	return picture->free && picture->gone_count == seats;
}

/* ---- choosing -------------------------------------------------------------------------------- */

/* splitmix64: the streams of neighbours have nothing in common. */
uint64_t
picture_stream(int64_t seed, int64_t number)
{
	uint64_t mixed = (uint64_t)seed;

	for (int i = 0; i < 2; i++) {
		mixed += UINT64_C(0x9e3779b97f4a7c15);
		mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
		mixed ^= mixed >> 31;
		if (i == 0)
			mixed += (uint64_t)number;
	}
	return mixed | 1;
}

int64_t
picture_chance(uint64_t *random, int64_t least, int64_t most)
{
	*random ^= *random >> 12;
	*random ^= *random << 25;
	*random ^= *random >> 27;
	return least + (int64_t)((*random * UINT64_C(0x2545f4914f6cdd1d) >> 11) %
				 (uint64_t)(most - least + 1));
}

/* The n-th seat of the range, round and round. */
static size_t
seat_at(const struct range *range, size_t n)
{
	return range->first + n % range->count;
}

static bool
is_free(const struct range *range, size_t seat)
{
	return range->stage->seats[seat].id &&
	       (!range->picture->free || bit_get(range->picture->free, seat));
}

static bool
is_chosen(const int32_t *out, size_t count, size_t seat)
{
	for (size_t i = 0; i < count; i++) {
		if ((size_t)out[i] == seat)
			return true;
	}
	return false;
}

/* The next ones from n on, free or not, each once. */
static size_t
take_from(const struct range *range, size_t n, size_t wanted, bool free_ones, int32_t *out)
{
	size_t count = 0;

	for (size_t i = 0; i < range->count && count < wanted; i++) {
		size_t seat = seat_at(range, n + i);

		if (free_ones ? is_free(range, seat) : range->stage->seats[seat].id != NULL)
			out[count++] = (int32_t)seat;
	}
	return count;
}

static size_t
take_anywhere(
	const struct range *range, size_t wanted, bool free_ones, uint64_t *random, int32_t *out)
{
	size_t count = 0;

	while (count < wanted) {
		size_t n = (size_t)picture_chance(random, 0, (int64_t)range->count - 1), i = 0;

		for (; i < range->count; i++) {
			size_t seat = seat_at(range, n + i);

			if (range->stage->seats[seat].id && (!free_ones || is_free(range, seat)) &&
				!is_chosen(out, count, seat)) {
				out[count++] = (int32_t)seat;
				break;
			}
		}
		if (i == range->count)
			break;
	}
	return count;
}

/* So many beside each other in one row; fewer where there are not so many. */
static size_t
take_neighbours(const struct range *range, size_t wanted, uint64_t *random, int32_t *out)
{
	size_t n = (size_t)picture_chance(random, 0, (int64_t)range->count - 1);

	for (; wanted > 0; wanted--) {
		size_t run = 0;

		for (size_t i = 0; i < range->count + wanted; i++) {
			size_t seat = seat_at(range, n + i);

			if (!is_free(range, seat)) {
				run = 0;
				continue;
			}
			if (run > 0 && (seat != (size_t)out[run - 1] + 1 ||
					       range->stage->seats[seat].row !=
						       range->stage->seats[out[run - 1]].row))
				run = 0;
			out[run++] = (int32_t)seat;
			if (run == wanted)
				return wanted;
		}
	}
	return 0;
}

size_t
picture_pick(const struct picture *picture, const struct stage *stage, const struct step *step,
	size_t wanted, int64_t number, uint64_t *random, int32_t *out)
{
	struct range range = { picture, stage, 0, stage->seats_count };
	const struct stage_section *section =
		step->section ? stage_section(stage, step->section) : NULL;

	if (section) {
		range.first = section->first;
		range.count = section->count;
	}
	if (range.count == 0)
		return 0;
	switch (step->way) {
	case PICK_NEIGHBOURS:
		return take_neighbours(&range, wanted, random, out);
	case PICK_HOT:
		return take_from(&range, 0, wanted, true, out);
	case PICK_SAME:
		return take_from(&range, 0, wanted, false, out);
	case PICK_OWN:
		return take_from(&range, (size_t)number * (size_t)step->most, wanted, false, out);
	case PICK_ANY:
		return take_anywhere(&range, wanted, false, random, out);
	default:
		return take_anywhere(&range, wanted, true, random, out);
	}
}
