/*
 * Expectations: how they compare, which are there without being said, and how they are overridden.
 */
#include <criterion/criterion.h>

#include "load/expect.h"

static int64_t statuses[600];
static struct expect_known known = { .statuses = statuses, .capacity = 40, .buyers = 7 };

static enum expect_verdict
judge(const char *measure, const char *how, const char *value)
{
	char *words[] = { (char *)(uintptr_t)measure, (char *)(uintptr_t)how,
		(char *)(uintptr_t)value };
	struct expectation expectation;

	cr_assert_null(expect_read(&expectation, words, 3), "%s %s %s", measure, how, value);
	return expect_judge(&expectation, &known);
}

Test(expect, compares)
{
	static const struct {
		const char *how;
		bool below, equal, above;
	} cases[] = {
		{ "=", false, true, false },
		{ "<=", true, true, false },
		{ ">=", false, true, true },
		{ "<", true, false, false },
		{ ">", false, false, true },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		known.values[MEASURE_HOLDS] = 4;
		cr_assert_eq(judge("holds", cases[i].how, "5") == EXPECT_MET, cases[i].below);
		cr_assert_eq(judge("holds", cases[i].how, "4") == EXPECT_MET, cases[i].equal);
		cr_assert_eq(judge("holds", cases[i].how, "3") == EXPECT_MET, cases[i].above);
		cr_assert_neq(judge("holds", cases[i].how, "5"), EXPECT_UNJUDGED);
	}
}

Test(expect, knows_sizes_and_statuses)
{
	known.values[MEASURE_SOLD] = 40;
	statuses[410] = 3;
	cr_assert_eq(judge("sold", "=", "capacity"), EXPECT_MET);
	cr_assert_eq(judge("sold", "=", "buyers"), EXPECT_FAILED);
	known.values[MEASURE_REFUSED] = 6;
	cr_assert_eq(judge("refused", ">=", "others"), EXPECT_MET);
	cr_assert_eq(judge("refused", ">", "others"), EXPECT_FAILED);
	cr_assert_eq(judge("410", "=", "3"), EXPECT_MET);
	cr_assert_eq(judge("409", ">", "0"), EXPECT_FAILED);
	known.values[MEASURE_SOLD] = -1;
	cr_assert_eq(judge("sold", "=", "capacity"), EXPECT_UNJUDGED);
}

Test(expect, implies_what_is_not_said)
{
	struct expectation list[EXPECT_MAX], said = { .measure = MEASURE_5XX, .value = 9 };
	size_t count = 0;
	int of_5xx = 0;

	cr_assert(expect_add(list, &count, &said));
	expect_imply(list, &count);
	cr_assert_gt(count, 4);
	for (size_t i = 0; i < count; i++) {
		of_5xx += list[i].measure == MEASURE_5XX;
		cr_assert_eq(list[i].implied, list[i].measure != MEASURE_5XX);
	}
	cr_assert_eq(of_5xx, 1);
}

Test(expect, later_ones_replace)
{
	struct expectation list[EXPECT_MAX];
	struct expectation one = { .measure = MEASURE_STATUS, .status = 410, .value = 1 };
	struct expectation other = { .measure = MEASURE_STATUS, .status = 409, .value = 2 };
	size_t count = 0;
	char text[EXPECT_TEXT];

	cr_assert(expect_add(list, &count, &one));
	cr_assert(expect_add(list, &count, &other));
	one.value = 5;
	one.how = EXPECT_AT_LEAST;
	cr_assert(expect_add(list, &count, &one));
	cr_assert_eq(count, 2);
	expect_write(&list[0], text);
	cr_assert_str_eq(text, "410 >= 5");
}

Test(expect, compares_times_to_the_microsecond)
{
	static const enum measure times[] = { MEASURE_RETAKEN, MEASURE_OVERDUE, MEASURE_P50,
		MEASURE_P99, MEASURE_P999, MEASURE_LONGEST };

	for (size_t i = 0; i < ARRAY_LENGTH(times); i++) {
		const char *name = expect_name(times[i]);

		known.values[times[i]] = 1000900;
		cr_assert_eq(judge(name, "<=", "1000"), EXPECT_FAILED, "%s", name);
		cr_assert_eq(judge(name, "<=", "1001"), EXPECT_MET, "%s", name);
		cr_assert_eq(judge(name, "=", "1000"), EXPECT_FAILED, "%s", name);
		cr_assert_eq(judge(name, ">", "1000"), EXPECT_MET, "%s", name);
		cr_assert_eq(judge(name, "<", "9223372036854775807"), EXPECT_MET, "%s", name);
		known.values[times[i]] = 1000000;
		cr_assert_eq(judge(name, "<=", "1000"), EXPECT_MET, "%s", name);
	}
}

Test(expect, shows_values_as_they_are_judged)
{
	static const struct {
		int64_t us;
		const char *text;
	} cases[] = { { 0, "0" }, { 7, "0.007" }, { 1000900, "1000.9" }, { 12000, "12" },
		{ 12340, "12.34" }, { -1, "-1" } };
	struct expectation status = { .measure = MEASURE_STATUS, .status = 410 };
	char text[EXPECT_TEXT];

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		known.values[MEASURE_LONGEST] = cases[i].us;
		expect_write_measure(MEASURE_LONGEST, &known, text);
		cr_assert_str_eq(text, cases[i].text);
	}
	known.values[MEASURE_HOLDS] = 1500;
	expect_write_measure(MEASURE_HOLDS, &known, text);
	cr_assert_str_eq(text, "1500");
	statuses[410] = 1500;
	expect_write_value(&status, &known, text);
	cr_assert_str_eq(text, "1500");
}
