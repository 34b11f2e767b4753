/*
 * Scenario files: what they may say, and every way of saying it wrong, with its line.
 */
#include <criterion/criterion.h>

#include "base/str.h"
#include "load/scenario.h"

#define HEAD "seated S rows 2 seats 10\nga G capacity 5\nbuyer:\n"

static struct scenario scenario;

static const char *
parse(struct arena *arena, const char *text)
{
	return scenario_parse(&scenario, arena, "trial", arena_strdup(arena, text), strlen(text));
}

static void
assert_read(struct arena *arena, const char *text)
{
	const char *wrong = parse(arena, text);

	cr_assert_null(wrong, "%s: %s", text, wrong);
}

Test(scenario, reads_everything)
{
	struct arena *arena = arena_new();

	assert_read(arena,
		"# why\nabout =  what it is # for\nbuyers = 7\nduration = 30\nramp = 2\n"
		"rate = 100\nhold_seconds = 5\nevent = own\nscale = on\n"
		"seated S-1 rows 2 seats buyers\n\nga G capacity 9\n"
		"buyer:   # each\n"
		"  browse\n\tpick 1..6 seats neighbours of S-1\n  hold\r\n  think 5..10\n"
		"  confirm 80%\n  retry 5%\n  release\n  cancel 50%\n"
		"  pick 3 places of G\n  queue 1..2\n  abandon 1%\n  stop 0%\n"
		"  repeat until sold-out\n"
		"expect holds >= 3\nexpect 5xx = 0\nexpect 410 > 1\nexpect sold = capacity\n");
	cr_assert_str_eq(scenario.name, "trial");
	cr_assert_str_eq(scenario.about, "what it is # for");
	cr_assert_eq(scenario.buyers, 7);
	cr_assert_eq(scenario.duration_s, 30);
	cr_assert_eq(scenario.ramp_s, 2);
	cr_assert_eq(scenario.rate, 100);
	cr_assert_eq(scenario.hold_seconds, 5);
	cr_assert(scenario.own && scenario.scale && scenario.until_sold_out);
	cr_assert_eq(scenario.rounds, 0);
	cr_assert_eq(scenario.sections_count, 2);
	cr_assert(scenario.sections[0].seated && scenario.sections[0].seats.buyers);
	cr_assert_eq(scenario.sections[0].rows.number, 2);
	cr_assert_eq(scenario.sections[1].seats.number, 9);
	cr_assert_eq(scenario.steps_count, 12);
	cr_assert_eq(scenario.steps[1].way, PICK_NEIGHBOURS);
	cr_assert_eq(scenario.steps[1].most, 6);
	cr_assert_str_eq(scenario.steps[1].section, "S-1");
	cr_assert_eq(scenario.steps[3].least, 5);
	cr_assert_eq(scenario.steps[4].percent, 80);
	cr_assert_eq(scenario.steps[4].line, 18);
	cr_assert_eq(scenario.steps[6].percent, 100);
	cr_assert_eq(scenario.steps[8].kind, STEP_PLACES);
	cr_assert_eq(scenario.steps[8].least, 3);
	cr_assert_eq(scenario.steps[8].most, 3);
	cr_assert_eq(scenario.expectations_count, 4);
	cr_assert_eq(scenario.expectations[2].status, 410);
	cr_assert_eq(scenario.expectations[3].kind, EXPECT_CAPACITY);
	cr_assert(scenario_wants_seats(&scenario));
	arena_free(arena);
}

Test(scenario, has_defaults)
{
	struct arena *arena = arena_new();

	assert_read(arena, "ga G capacity 1\nbuyer:\npick 1 places\nhold");
	cr_assert_eq(scenario.buyers, 50);
	cr_assert_eq(scenario.duration_s, 20);
	cr_assert_eq(scenario.rounds, 1);
	cr_assert(!scenario.own && !scenario.scale && !scenario_wants_seats(&scenario));
	assert_read(arena, HEAD "browse\nrepeat");
	cr_assert_eq(scenario.rounds, 0);
	assert_read(arena, HEAD "browse\nrepeat 3 times");
	cr_assert_eq(scenario.rounds, 3);
	arena_free(arena);
}

Test(scenario, says_what_is_wrong_and_where)
{
	static const struct {
		const char *text, *wrong;
	} cases[] = {
		{ "", "there are no steps under `buyer:`" },
		{ "buyer:\nbrowse\n", "there is no section" },
		{ "nonsense\n", "line 1: a setting, a section, `buyer:` or `expect` is expected" },
		{ "\n\nspeed = 3\n", "line 3: there is no setting `speed`" },
		{ "buyers = 0\n", "line 1: `buyers` is a whole number from 1 to 100000" },
		{ "buyers = many\n", "line 1: `buyers` is a whole number from 1 to 100000" },
		{ "buyers = 1 2\n", "line 1: `buyers` is a whole number from 1 to 100000" },
		{ "buyers = 1\nbuyers = 2\n", "line 2: `buyers` is set twice" },
		{ "duration = 604801\n", "line 1: `duration` is a whole number from 1 to 604800" },
		{ "ramp = -1\n", "line 1: `ramp` is a whole number from 0 to 86400" },
		{ "rate = 1e3\n", "line 1: `rate` is a whole number from 0 to 1000000" },
		{ "hold_seconds = 0\n",
			"line 1: `hold_seconds` is a whole number from 1 to 86400" },
		{ "event = mine\n", "line 1: `event` is any or own" },
		{ "scale = yes\n", "line 1: `scale` is off or on" },
		{ "about =\n", "line 1: `about` is one line, once" },
		{ "about = a\nabout = b\n", "line 2: `about` is one line, once" },
		{ "seated\n", "line 1: a section has a name of letters, digits, - and _" },
		{ "seated A/B rows 1 seats 1\n",
			"line 1: a section has a name of letters, digits, - and _" },
		{ "seated S rows 1\n",
			"line 1: numbered seats are `seated NAME rows NUMBER seats NUMBER`" },
		{ "seated S rows 0 seats 1\n",
			"line 1: numbered seats are `seated NAME rows NUMBER seats NUMBER`" },
		{ "ga G capacity x\n", "line 1: general admission is `ga NAME capacity NUMBER`" },
		{ "ga G capacity 1\nga G capacity 2\n",
			"line 2: there is a section of that name already" },
		{ "buyer: now\n", "line 1: nothing may follow here" },
		{ HEAD "dance\n", "line 4: there is no step `dance`" },
		{ HEAD "buyers = 2\n", "line 4: there is no step `buyers`" },
		{ HEAD "browse fast\n", "line 4: nothing may follow here" },
		{ HEAD "pick seats\n",
			"line 4: `pick` is followed by N or N..M, and `seats` or `places`" },
		{ HEAD "pick 0 seats\n",
			"line 4: `pick` is followed by N or N..M, and `seats` or `places`" },
		{ HEAD "pick 3..2 seats\n",
			"line 4: `pick` is followed by N or N..M, and `seats` or `places`" },
		{ HEAD "pick 1..51 seats\n",
			"line 4: `pick` is followed by N or N..M, and `seats` or `places`" },
		{ HEAD "pick 1 seats best\n",
			"line 4: seats are picked random, neighbours, hot, same, any or own" },
		{ HEAD "pick 1 seats of X\n", "line 4: there is no section of that name above" },
		{ HEAD "pick 1 seats of G\n", "line 4: that section is of the other kind" },
		{ HEAD "pick 1 places of S\n", "line 4: that section is of the other kind" },
		{ HEAD "pick 1 seats any S\n",
			"line 4: `of SECTION` may follow, and nothing else" },
		{ HEAD "pick 1 seats of S\n", "`of SECTION` needs `event = own`" },
		{ HEAD "hold 101%\n", "line 4: nothing may follow here but how often, as 50%" },
		{ HEAD "confirm 50\n", "line 4: nothing may follow here but how often, as 50%" },
		{ HEAD "cancel %\n", "line 4: nothing may follow here but how often, as 50%" },
		{ HEAD "think\n",
			"line 4: `think` is followed by milliseconds, as 100 or 100..500" },
		{ HEAD "think 5..1\n",
			"line 4: `think` is followed by milliseconds, as 100 or 100..500" },
		{ HEAD "queue\n", "line 4: `queue` is followed by how many places, as 2 or 1..4" },
		{ HEAD "repeat\n", "line 4: there is nothing to repeat" },
		{ HEAD "browse\nrepeat 0 times\n",
			"line 5: it is `repeat`, `repeat N times` or `repeat until sold-out`" },
		{ HEAD "browse\nrepeat until noon\n",
			"line 5: it is `repeat`, `repeat N times` or `repeat until sold-out`" },
		{ HEAD "browse\nrepeat\nhold\n", "line 6: `repeat` is the last step" },
		{ HEAD "browse\nexpect holds\n",
			"line 5: an expectation is `expect MEASURE = NUMBER` (or <=, >=, <, >)" },
		{ HEAD "browse\nexpect joy = 1\n", "line 5: there is no such measure" },
		{ HEAD "browse\nexpect 99 = 1\n", "line 5: there is no such measure" },
		{ HEAD "browse\nexpect holds == 1\n",
			"line 5: a measure compares by =, <=, >=, < or >" },
		{ HEAD "browse\nexpect holds = -1\n", "line 5: a measure compares with a whole "
						      "number, `capacity`, `buyers` or `others`" },
		{ "a b c d e f g h i j k l m\n", "line 1: there are too many words" },
		{ "# \xff\n", "line 1: it is not UTF-8" },
		{ "seated S rows 1 seats 1\nbuyer:\npick 1 places\n",
			"places are picked, but no section has any" },
		{ "ga G capacity 1\nbuyer:\npick 1 seats\n",
			"seats are picked, but no section has any" },
	};
	struct arena *arena = arena_new();

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		const char *wrong = parse(arena, cases[i].text);

		cr_assert_not_null(wrong, "%s", cases[i].text);
		cr_assert_str_eq(wrong, cases[i].wrong, "%s: %s", cases[i].text, wrong);
	}
	arena_free(arena);
}

/* The line n times, behind the beginning of a scenario. */
static const char *
many(struct arena *arena, const char *begins, const char *line, int n)
{
	struct str text;

	str_init(&text, arena);
	str_add(&text, begins);
	for (int i = 0; i < n; i++)
		str_printf(&text, line, i);
	return text.data;
}

Test(scenario, has_bounds)
{
	struct arena *arena = arena_new();
	char nul[] = "buyers = 1\0\nbuyer:";

	cr_assert_str_eq(
		scenario_parse(&scenario, arena, "x", nul, sizeof(nul) - 1), "it has a NUL byte");
	cr_assert_str_eq(parse(arena, many(arena, "", "# %07d\n", 8000)), "it is too long");
	assert_read(arena, many(arena, HEAD, "think %d\n", SCENARIO_STEPS_MAX));
	cr_assert_str_eq(parse(arena, many(arena, HEAD, "think %d\n", SCENARIO_STEPS_MAX + 1)),
		"line 104: there are too many steps");
	cr_assert_str_eq(
		parse(arena, many(arena, "", "ga G%d capacity 1\n", SCENARIO_SECTIONS_MAX + 1)),
		"line 21: there are too many sections");
	cr_assert_str_eq(parse(arena, many(arena, HEAD "browse\n", "expect %d = 1\n", 164)),
		"line 5: there is no such measure");
	cr_assert_str_eq(parse(arena, many(arena, HEAD, "expect 1%02d = 1\n", EXPECT_MAX + 1)),
		"line 68: there are too many expectations");
	arena_free(arena);
}

/* What is shipped can be read, whatever is changed here. */
Test(scenario, those_shipped_are_read)
{
	static const char *const names[] = { "walk", "lock", "expiry", "ramp", "confirm-one",
		"confirm-pair", "groups", "rush", "queue", "soak" };
	struct arena *arena = arena_new();

	setenv("HOLDFAST_SCENARIOS", "conf/scenarios", 1);
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		const char *wrong = scenario_load(&scenario, arena, names[i], NULL);

		cr_assert_null(wrong, "%s", wrong);
		cr_assert_str_eq(scenario.name, names[i]);
		cr_assert_not_null(scenario.about);
	}
	cr_assert_str_eq(scenario_load(&scenario, arena, "none", NULL),
		"there is no scenario none (--list names them)");
	cr_assert_str_eq(scenario_load(&scenario, arena, "./none.scenario", NULL),
		"there is no scenario ./none.scenario (--list names them)");
	arena_free(arena);
}
