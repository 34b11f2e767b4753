/*
 * Reading scenarios, line by line and strictly: what is not known is refused with its line.
 */
#include "load/scenario.h"

#include "base/str.h"

#define WORDS_MAX 12

static const char *const way_names[PICK_WAYS] = {
	[PICK_RANDOM] = "random",
	[PICK_NEIGHBOURS] = "neighbours",
	[PICK_HOT] = "hot",
	[PICK_SAME] = "same",
	[PICK_ANY] = "any",
	[PICK_OWN] = "own",
};

/* The line at hand, and what has been read before it. */
struct reader {
	struct scenario *scenario;
	struct arena *arena;
	char *words[WORDS_MAX];
	size_t count;
	int line;
	bool in_buyer, repeated;
	unsigned set; /* settings that were there, a bit each */
};

/* ---- words ----------------------------------------------------------------------------------- */

static bool
is_word(const struct reader *r, size_t at, const char *word)
{
	return at < r->count && str_equal(r->words[at], word);
}

static const char *
split(struct reader *r, char *text)
{
	char *comment = strchr(text, '#');

	if (comment)
		*comment = '\0';
	r->count = 0;
	for (char *word; (word = strsep(&text, " \t\r"));) {
		if (!*word)
			continue;
		if (r->count == WORDS_MAX)
			return "there are too many words";
		r->words[r->count++] = word;
	}
	return NULL;
}

/* "3" or "1..6". */
static bool
read_range(char *word, int64_t min, int64_t max, int64_t *least, int64_t *most)
{
	char *dots = strstr(word, "..");

	if (dots)
		*dots = '\0';
	return str_to_int(word, min, max, least) &&
	       str_to_int(dots ? dots + 2 : word, *least, max, most);
}

static bool
read_percent(const char *word, int64_t *percent)
{
	size_t len = strlen(word);
	char number[8];

	if (len < 2 || len >= sizeof(number) || word[len - 1] != '%')
		return false;
	snprintf(number, sizeof(number), "%.*s", (int)(len - 1), word);
	return str_to_int(number, 0, 100, percent);
}

/* ---- settings -------------------------------------------------------------------------------- */

static const char *
read_number(const struct reader *r, int64_t *out, int64_t min, int64_t max)
{
	int64_t value;

	if (r->count != 3 || !str_to_int(r->words[2], min, max, &value))
		return arena_printf(r->arena, "`%s` is a whole number from %lld to %lld",
			r->words[0], (long long)min, (long long)max);
	*out = value;
	return NULL;
}

static const char *
read_choice(const struct reader *r, bool *out, const char *no, const char *yes)
{
	if (r->count != 3 || (!is_word(r, 2, no) && !is_word(r, 2, yes)))
		return arena_printf(r->arena, "`%s` is %s or %s", r->words[0], no, yes);
	*out = is_word(r, 2, yes);
	return NULL;
}

static const char *
read_setting(struct reader *r)
{
	static const char *const names[] = { "buyers", "duration", "ramp", "rate", "hold_seconds",
		"event", "scale" };
	struct scenario *s = r->scenario;
	size_t which = 0;

	while (which < ARRAY_LENGTH(names) && !is_word(r, 0, names[which]))
		which++;
	if (which == ARRAY_LENGTH(names))
		return arena_printf(r->arena, "there is no setting `%s`", r->words[0]);
	if (r->set & 1U << which)
		return arena_printf(r->arena, "`%s` is set twice", r->words[0]);
	r->set |= 1U << which;
	switch (which) {
	case 0:
		return read_number(r, &s->buyers, 1, SCENARIO_BUYERS_MAX);
	case 1:
		return read_number(r, &s->duration_s, 1, 604800);
	case 2:
		return read_number(r, &s->ramp_s, 0, 86400);
	case 3:
		return read_number(r, &s->rate, 0, 1000000);
	case 4:
		return read_number(r, &s->hold_seconds, 1, 86400);
	case 5:
		return read_choice(r, &s->own, "any", "own");
	default:
		return read_choice(r, &s->scale, "off", "on");
	}
}

/* ---- sections -------------------------------------------------------------------------------- */

static bool
read_size(struct scenario_size *size, const char *word)
{
	size->buyers = str_equal(word, "buyers");
	return size->buyers || str_to_int(word, 1, 1000000, &size->number);
}

static bool
is_name(const char *word)
{
	return strlen(word) <= 40 &&
	       strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvw"
			    "xyz0123456789_-") == strlen(word);
}

static const char *
read_section(struct reader *r)
{
	struct scenario *s = r->scenario;
	struct scenario_section section = { .seated = is_word(r, 0, "seated") };

	if (s->sections_count == SCENARIO_SECTIONS_MAX)
		return "there are too many sections";
	if (r->count < 2 || !is_name(r->words[1]))
		return "a section has a name of letters, digits, - and _";
	section.name = arena_strdup(r->arena, r->words[1]);
	for (size_t i = 0; i < s->sections_count; i++) {
		if (str_equal(s->sections[i].name, section.name))
			return "there is a section of that name already";
	}
	if (section.seated &&
		!(r->count == 6 && is_word(r, 2, "rows") && read_size(&section.rows, r->words[3]) &&
			is_word(r, 4, "seats") && read_size(&section.seats, r->words[5])))
		return "numbered seats are `seated NAME rows NUMBER seats NUMBER`";
	if (!section.seated && !(r->count == 4 && is_word(r, 2, "capacity") &&
				       read_size(&section.seats, r->words[3])))
		return "general admission is `ga NAME capacity NUMBER`";
	s->sections[s->sections_count++] = section;
	return NULL;
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* `of NAME`, at a place of the line. */
static const char *
read_of(const struct reader *r, size_t at, struct step *step)
{
	const struct scenario *s = r->scenario;

	if (r->count != at + 2 || !is_word(r, at, "of"))
		return "`of SECTION` may follow, and nothing else";
	for (size_t i = 0; i < s->sections_count; i++) {
		if (!str_equal(s->sections[i].name, r->words[at + 1]))
			continue;
		if (s->sections[i].seated != (step->kind == STEP_PICK) && step->kind != STEP_QUEUE)
			return "that section is of the other kind";
		step->section = s->sections[i].name;
		return NULL;
	}
	return "there is no section of that name above";
}

static const char *
read_pick(struct reader *r, struct step *step)
{
	size_t at = 3;

	if (r->count < 3 ||
		!read_range(r->words[1], 1, SCENARIO_PLACES_MAX, &step->least, &step->most) ||
		(!is_word(r, 2, "seats") && !is_word(r, 2, "places")))
		return "`pick` is followed by N or N..M, and `seats` or `places`";
	if (is_word(r, 2, "places")) {
		step->kind = STEP_PLACES;
	} else if (r->count > 3 && !is_word(r, 3, "of")) {
		step->way = 0;
		while (step->way < PICK_WAYS && !is_word(r, 3, way_names[step->way]))
			step->way++;
		if (step->way == PICK_WAYS)
			return "seats are picked random, neighbours, hot, same, any or own";
		at++;
	}
	return r->count > at ? read_of(r, at, step) : NULL;
}

static const char *
read_think(struct reader *r, struct step *step)
{
	if (r->count != 2 || !read_range(r->words[1], 0, 86400000, &step->least, &step->most))
		return "`think` is followed by milliseconds, as 100 or 100..500";
	return NULL;
}

static const char *
read_queue(struct reader *r, struct step *step)
{
	if (r->count < 2 ||
		!read_range(r->words[1], 1, SCENARIO_PLACES_MAX, &step->least, &step->most))
		return "`queue` is followed by how many places, as 2 or 1..4";
	return r->count > 2 ? read_of(r, 2, step) : NULL;
}

static const char *
read_alone(struct reader *r, struct step *step)
{
	(void)step;
	return r->count == 1 ? NULL : "nothing may follow here";
}

static const char *
read_often(struct reader *r, struct step *step)
{
	if (r->count > 2 || (r->count == 2 && !read_percent(r->words[1], &step->percent)))
		return "nothing may follow here but how often, as 50%";
	return NULL;
}

static const char *
read_repeat(struct reader *r)
{
	struct scenario *s = r->scenario;

	r->repeated = true;
	s->rounds = 0;
	if (r->count == 1)
		return NULL;
	s->until_sold_out = r->count == 3 && is_word(r, 1, "until") && is_word(r, 2, "sold-out");
	if (s->until_sold_out)
		return NULL;
	if (r->count == 3 && is_word(r, 2, "times") &&
		str_to_int(r->words[1], 1, INT64_MAX, &s->rounds))
		return NULL;
	return "it is `repeat`, `repeat N times` or `repeat until sold-out`";
}

static const char *
read_step(struct reader *r)
{
	static const struct {
		const char *name;
		enum step_kind kind;
		const char *(*read)(struct reader *r, struct step *step);
	} kinds[] = {
		{ "browse", STEP_BROWSE, read_alone },
		{ "pick", STEP_PICK, read_pick },
		{ "hold", STEP_HOLD, read_often },
		{ "think", STEP_THINK, read_think },
		{ "confirm", STEP_CONFIRM, read_often },
		{ "release", STEP_RELEASE, read_often },
		{ "cancel", STEP_CANCEL, read_often },
		{ "abandon", STEP_ABANDON, read_often },
		{ "retry", STEP_RETRY, read_often },
		{ "queue", STEP_QUEUE, read_queue },
		{ "stop", STEP_STOP, read_often },
	};
	struct scenario *s = r->scenario;
	struct step *step = &s->steps[s->steps_count];
	const char *wrong;

	if (r->repeated)
		return "`repeat` is the last step";
	if (is_word(r, 0, "repeat"))
		return s->steps_count > 0 ? read_repeat(r) : "there is nothing to repeat";
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		if (!is_word(r, 0, kinds[i].name))
			continue;
		if (s->steps_count == SCENARIO_STEPS_MAX)
			return "there are too many steps";
		*step = (struct step){ .kind = kinds[i].kind, .line = r->line, .percent = 100 };
		wrong = kinds[i].read(r, step);
		s->steps_count += !wrong;
		return wrong;
	}
	return arena_printf(r->arena, "there is no step `%s`", r->words[0]);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static const char *
read_expectation(struct reader *r)
{
	struct scenario *s = r->scenario;
	struct expectation expectation;
	const char *wrong = expect_read(&expectation, r->words + 1, r->count - 1);

	if (!wrong && !expect_add(s->expectations, &s->expectations_count, &expectation))
		wrong = "there are too many expectations";
	return wrong;
}

/* The rest of the line stands for itself. */
static const char *
read_about(struct reader *r, char *text)
{
	char *value = strchr(text, '=') + 1;

	value += strspn(value, " \t");
	if (r->scenario->about || !*value)
		return "`about` is one line, once";
	r->scenario->about = arena_strdup(r->arena, value);
	return NULL;
}

static const char *
read_line(struct reader *r, char *text)
{
	const char *wrong;

	text += strspn(text, " \t");
	if (str_starts(text, "about") && text[5 + strspn(text + 5, " \t")] == '=')
		return read_about(r, text);
	wrong = split(r, text);
	if (wrong || r->count == 0)
		return wrong;
	if (is_word(r, 0, "expect"))
		return read_expectation(r);
	if (r->in_buyer)
		return read_step(r);
	if (is_word(r, 0, "buyer:")) {
		r->in_buyer = true;
		return r->count == 1 ? NULL : "nothing may follow here";
	}
	if (is_word(r, 0, "seated") || is_word(r, 0, "ga"))
		return read_section(r);
	return is_word(r, 1, "=") ? read_setting(r)
				  : "a setting, a section, `buyer:` or `expect` is expected";
}

/* What no line alone is to blame for. */
static const char *
check_whole(const struct scenario *s)
{
	bool has_seats = false, has_places = false;

	if (s->steps_count == 0)
		return "there are no steps under `buyer:`";
	if (s->sections_count == 0)
		return "there is no section";
	for (size_t i = 0; i < s->sections_count; i++) {
		has_seats |= s->sections[i].seated;
		has_places |= !s->sections[i].seated;
	}
	for (size_t i = 0; i < s->steps_count; i++) {
		if (s->steps[i].kind == STEP_PICK && !has_seats)
			return "seats are picked, but no section has any";
		if (s->steps[i].kind == STEP_PLACES && !has_places)
			return "places are picked, but no section has any";
		if (s->steps[i].section && !s->own)
			return "`of SECTION` needs `event = own`";
	}
	return NULL;
}

const char *
scenario_parse(
	struct scenario *scenario, struct arena *arena, const char *name, char *text, size_t len)
{
	struct reader r = { .scenario = scenario, .arena = arena };
	const char *wrong;

	*scenario = (struct scenario){
		.name = arena_strdup(arena, name), .buyers = 50, .duration_s = 20, .rounds = 1
	};
	if (len > SCENARIO_BYTES_MAX)
		return "it is too long";
	if (strlen(text) != len)
		return "it has a NUL byte";
	for (char *line; (line = strsep(&text, "\n"));) {
		r.line++;
		if (!str_is_utf8(line, strlen(line)))
			wrong = "it is not UTF-8";
		else
			wrong = read_line(&r, line);
		if (wrong)
			return arena_printf(arena, "line %d: %s", r.line, wrong);
	}
	return check_whole(scenario);
}

bool
scenario_wants_seats(const struct scenario *scenario)
{
	for (size_t i = 0; i < scenario->steps_count; i++) {
		if (scenario->steps[i].kind == STEP_PICK)
			return true;
	}
	return false;
}
