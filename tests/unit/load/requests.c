/*
 * The mix of requests: each has its share, whatever the weights come to.
 */
#include <criterion/criterion.h>

#include "load/requests.h"

#define ADDED 3

/* Three kinds, and how often each is picked in so many rounds of all turns. */
static void
assert_shares(const int64_t (*weights)[ADDED])
{
	struct requests requests = { .connections = 1 };
	int64_t picked[ADDED] = { 0 }, sum = 0;
	char texts[ADDED][32];

	for (int i = 0; i < ADDED; i++) {
		snprintf(texts[i], sizeof(texts[i]), "%d GET /%d", (int)(*weights)[i], i);
		cr_assert_null(requests_add(&requests, texts[i]));
		sum += (*weights)[i];
	}
	for (int64_t turn = 0; turn < 3 * sum; turn++) {
		picked[requests_pick(&requests) - requests.kinds]++;
		for (int i = 0; i < ADDED && (turn + 1) % sum == 0; i++)
			cr_assert_eq(picked[i], (*weights)[i] * ((turn + 1) / sum), "%d of %d: %d",
				i, (int)sum, (int)picked[i]);
	}
}

Test(requests, each_has_its_share)
{
	static const int64_t weights[][ADDED] = {
		{ 4, 2, 1 },   /* 7 */
		{ 1, 1, 5 },   /* 7 */
		{ 7, 6, 1 },   /* 14 */
		{ 1, 1, 1 },   /* 3 */
		{ 80, 19, 1 }, /* 100 */
	};

	for (size_t i = 0; i < sizeof(weights) / sizeof(*weights); i++)
		assert_shares(&weights[i]);
}

Test(requests, the_rare_one_is_spread)
{
	struct requests requests = { .connections = 1 };
	char often[] = "4 GET /often", rare[] = "1 GET /rare";
	int64_t last = -1;

	requests_add(&requests, often);
	requests_add(&requests, rare);
	for (int64_t turn = 0; turn < 50; turn++) {
		if (requests_pick(&requests) != &requests.kinds[1])
			continue;
		cr_assert(last < 0 || turn - last == 5, "%d", (int)(turn - last));
		last = turn;
	}
	cr_assert_geq(last, 45);
}
