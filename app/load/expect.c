/*
 * Expectations: their names, and how they are judged.
 */
#include "load/expect.h"

#include <inttypes.h>

#include "base/str.h"

static const char *const names[MEASURES] = {
	[MEASURE_STATUS] = "status",
	[MEASURE_5XX] = "5xx",
	[MEASURE_LOST] = "lost",
	[MEASURE_UNEXPECTED] = "unexpected",
	[MEASURE_CALLS] = "calls",
	[MEASURE_HOLDS] = "holds",
	[MEASURE_HELD_ALREADY] = "held-already",
	[MEASURE_REFUSED] = "refused",
	[MEASURE_CONFIRMS] = "confirms",
	[MEASURE_CANCELS] = "cancels",
	[MEASURE_RELEASES] = "releases",
	[MEASURE_SERVED] = "served",
	[MEASURE_REPLAYS] = "replays",
	[MEASURE_DIFFERENT] = "different-replays",
	[MEASURE_PARTIAL] = "partial",
	[MEASURE_WINNERS] = "winners-at-once",
	[MEASURE_RETAKEN] = "retaken-ms",
	[MEASURE_OVERDUE] = "overdue-ms",
	[MEASURE_LATE] = "late-confirms",
	[MEASURE_SOLD] = "sold",
	[MEASURE_UNSOLD] = "unsold",
	[MEASURE_BUYERS] = "buyers-served",
	[MEASURE_UNMET] = "unmet-arrivals",
	[MEASURE_P50] = "p50-ms",
	[MEASURE_P99] = "p99-ms",
	[MEASURE_P999] = "p99.9-ms",
	[MEASURE_LONGEST] = "longest-ms",
};

/* Values that are no numbers. */
static const char *const sizes[] = {
	[EXPECT_CAPACITY] = "capacity",
	[EXPECT_BUYERS] = "buyers",
	[EXPECT_OTHERS] = "others",
};

static const char *const signs[] = { "=", "<=", ">=", "<", ">" };

static const struct expectation implied[] = {
	{ .measure = MEASURE_5XX, .implied = true },
	{ .measure = MEASURE_UNEXPECTED, .implied = true },
	{ .measure = MEASURE_DIFFERENT, .implied = true },
	{ .measure = MEASURE_PARTIAL, .implied = true },
	{ .measure = MEASURE_LATE, .implied = true },
	{ .measure = MEASURE_WINNERS, .how = EXPECT_AT_MOST, .value = 1, .implied = true },
};

const char *
expect_name(enum measure measure)
{
	return names[measure];
}

static bool
read_measure(struct expectation *expectation, const char *word)
{
	int64_t status;

	if (strlen(word) == 3 && str_to_int(word, 100, 599, &status)) {
		expectation->measure = MEASURE_STATUS;
		expectation->status = (int)status;
		return true;
	}
	for (enum measure m = MEASURE_STATUS + 1; m < MEASURES; m++) {
		if (str_equal(names[m], word)) {
			expectation->measure = m;
			return true;
		}
	}
	return false;
}

static bool
read_value(struct expectation *expectation, const char *word)
{
	for (size_t kind = EXPECT_NUMBER + 1; kind < ARRAY_LENGTH(sizes); kind++) {
		if (str_equal(word, sizes[kind]))
			expectation->kind = kind;
	}
	return expectation->kind != EXPECT_NUMBER ||
	       str_to_int(word, 0, INT64_MAX, &expectation->value);
}

const char *
expect_read(struct expectation *expectation, char **words, size_t count)
{
	size_t how = 0;

	*expectation = (struct expectation){ .measure = MEASURE_STATUS };
	if (count != 3)
		return "an expectation is `expect MEASURE = NUMBER` (or <=, >=, <, >)";
	if (!read_measure(expectation, words[0]))
		return "there is no such measure";
	while (how < ARRAY_LENGTH(signs) && !str_equal(signs[how], words[1]))
		how++;
	if (how == ARRAY_LENGTH(signs))
		return "a measure compares by =, <=, >=, < or >";
	expectation->how = how;
	if (!read_value(expectation, words[2]))
		return "a measure compares with a whole number, `capacity`, `buyers` or `others`";
	return NULL;
}

static bool
is_same(const struct expectation *a, const struct expectation *b)
{
	return a->measure == b->measure && a->status == b->status;
}

bool
expect_add(struct expectation *list, size_t *count, const struct expectation *expectation)
{
	for (size_t i = 0; i < *count; i++) {
		if (is_same(&list[i], expectation)) {
			list[i] = *expectation;
			return true;
		}
	}
	if (*count == EXPECT_MAX)
		return false;
	list[(*count)++] = *expectation;
	return true;
}

void
expect_imply(struct expectation *list, size_t *count)
{
	for (size_t i = 0; i < ARRAY_LENGTH(implied); i++) {
		bool said = false;

		for (size_t n = 0; n < *count; n++)
			said |= is_same(&list[n], &implied[i]);
		if (!said)
			expect_add(list, count, &implied[i]);
	}
}

void
expect_write(const struct expectation *expectation, char *out)
{
	char status[8] = "", number[24];

	if (expectation->measure == MEASURE_STATUS)
		snprintf(status, sizeof(status), "%d", expectation->status);
	snprintf(number, sizeof(number), "%" PRId64, expectation->value);
	snprintf(out, EXPECT_TEXT, "%s %s %s", *status ? status : names[expectation->measure],
		signs[expectation->how],
		expectation->kind != EXPECT_NUMBER ? sizes[expectation->kind] : number);
}

/* Known in microseconds, expected in milliseconds. */
static bool
is_time(enum measure measure)
{
	return measure == MEASURE_RETAKEN || measure == MEASURE_OVERDUE || measure >= MEASURE_P50;
}

static int64_t
value_of(const struct expectation *expectation, const struct expect_known *known)
{
	return expectation->measure == MEASURE_STATUS ? known->statuses[expectation->status]
						      : known->values[expectation->measure];
}

static void
write_value(int64_t value, bool time, char *out)
{
	char fraction[8];
	size_t len;

	if (!time || value < 0) {
		snprintf(out, EXPECT_TEXT, "%" PRId64, value);
		return;
	}
	snprintf(fraction, sizeof(fraction), ".%03d", (int)(value % 1000));
	for (len = strlen(fraction); len > 0 && (fraction[len - 1] == '0' || len == 1); len--)
		fraction[len - 1] = '\0';
	snprintf(out, EXPECT_TEXT, "%" PRId64 "%s", value / 1000, fraction);
}

void
expect_write_value(
	const struct expectation *expectation, const struct expect_known *known, char *out)
{
	write_value(value_of(expectation, known), is_time(expectation->measure), out);
}

void
expect_write_measure(enum measure measure, const struct expect_known *known, char *out)
{
	write_value(known->values[measure], is_time(measure), out);
}

enum expect_verdict
expect_judge(const struct expectation *expectation, const struct expect_known *known)
{
	int64_t got = value_of(expectation, known);
	int64_t wanted = expectation->kind == EXPECT_CAPACITY ? known->capacity
			 : expectation->kind == EXPECT_BUYERS ? known->buyers
			 : expectation->kind == EXPECT_OTHERS ? known->buyers - 1
							      : expectation->value;
	bool met = false;

	if (got < 0)
		return EXPECT_UNJUDGED;
	if (is_time(expectation->measure))
		wanted = wanted < INT64_MAX / 1000 ? wanted * 1000 : INT64_MAX;
	switch (expectation->how) {
	case EXPECT_EQUAL:
		met = got == wanted;
		break;
	case EXPECT_AT_MOST:
		met = got <= wanted;
		break;
	case EXPECT_AT_LEAST:
		met = got >= wanted;
		break;
	case EXPECT_BELOW:
		met = got < wanted;
		break;
	case EXPECT_ABOVE:
		met = got > wanted;
		break;
	}
	return met ? EXPECT_MET : EXPECT_FAILED;
}
