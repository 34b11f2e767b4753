/*
 * Lines that a process was asked about: there is room for so many, and those asked about last are
 * moved on. There is no Redis here, so that each of them is tried at every look, and says so.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "domain/queue_parts.h"

#define ROOM 64
#define MORE 6

static struct conf conf = { .redis_url = "", .queue_poll_seconds = 2 };
static struct problem_why why;
static struct context house;

static void
begin(void)
{
	log_init("test", LOG_DEBUG);
	house = (struct context){
		.conf = &conf, .redis = redis_open(&conf), .arena = arena_new(), .why = &why
	};
}

static void
end(void)
{
	redis_close(house.redis);
	arena_free(house.arena);
}

TestSuite(queue_notes, .init = begin, .fini = end, .timeout = 30);

/* Somebody asks about the line of this event, later than anybody before. */
static void
ask(int32_t event_id)
{
	int64_t now_us = clock_monotonic_us();

	while (clock_monotonic_us() == now_us)
		;
	queue_note(event_id, "Floor", 0, true);
}

/* How often each line is tried at one look: seen[event]. Returns how many tries that makes. */
static int
look(int *seen, int events)
{
	FILE *log = tmpfile();
	int kept = dup(STDERR_FILENO), tries = 0, event_id;
	char line[512];

	memset(seen, 0, sizeof(*seen) * (size_t)events);
	fflush(stderr);
	dup2(fileno(log), STDERR_FILENO);
	queue_idle(&house);
	fflush(stderr);
	dup2(kept, STDERR_FILENO);
	close(kept);
	rewind(log);
	while (fgets(line, sizeof(line), log)) {
		const char *at = strstr(line, "queue=kept event=");

		if (!at || sscanf(at, "queue=kept event=%d", &event_id) != 1)
			continue;
		cr_assert(event_id >= 0 && event_id < events, "%s", line);
		seen[event_id]++;
		tries++;
	}
	fclose(log);
	return tries;
}

Test(queue_notes, those_asked_about_longest_ago_make_room)
{
	int seen[ROOM + MORE];

	for (int i = 0; i < ROOM; i++)
		ask(i);
	/* One that was first, and is asked about again. */
	ask(2);
	for (int i = ROOM; i < ROOM + MORE; i++)
		ask(i);
	cr_assert_eq(look(seen, ROOM + MORE), ROOM);
	for (int i = 0; i < ROOM + MORE; i++)
		cr_assert_eq(seen[i], i == 2 || i > MORE, "line %d: %d tries", i, seen[i]);
}

Test(queue_notes, a_line_is_one_note_however_often_it_is_asked_about)
{
	int seen[2];

	for (int i = 0; i < 3 * ROOM; i++)
		ask(i % 2);
	cr_assert_eq(look(seen, 2), 2);
	cr_assert(seen[0] == 1 && seen[1] == 1);
}
