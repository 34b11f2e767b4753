/*
 * Hashes against published vectors, and the ids of bookings.
 */
#include <criterion/criterion.h>

#include "base/id.h"

static const char secret[] = "0123456789abcdef0123456789abcdef";

Test(id, sha256_of_the_standard)
{
	unsigned char hash[ID_SHA256_BYTES];
	char hex[ID_SHA256_HEX];

	id_sha256("abc", 3, hash);
	id_hex(hash, sizeof(hash), hex);
	cr_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* RFC 4231, 4.3. */
Test(id, hmac_over_bytes_as_they_are)
{
	unsigned char mac[ID_SHA256_BYTES];
	char hex[ID_SHA256_HEX];

	id_hmac_bytes("Jefe", 4, "what do ya want for nothing?", 28, mac);
	id_hex(mac, sizeof(mac), hex);
	cr_assert_str_eq(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

/* One secret after the other, and the same once more; RFC 4231, 4.2 and 4.7. */
Test(id, hmac_goes_by_the_secret_it_is_given)
{
	static const char *const wanted[] = {
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
	};
	unsigned char mac[ID_SHA256_BYTES], key[131];
	char hex[ID_SHA256_HEX];

	for (int i = 0; i < 8; i++) {
		bool large = i / 2 % 2;

		memset(key, large ? 0xaa : 0x0b, sizeof(key));
		if (large)
			id_hmac_bytes(key, 131,
				"Test Using Larger Than Block-Size Key - Hash Key First", 54, mac);
		else
			id_hmac_bytes(key, 20, "Hi There", 8, mac);
		id_hex(mac, sizeof(mac), hex);
		cr_assert_str_eq(hex, wanted[large]);
	}
}

Test(id, hmac_is_over_each_part_behind_its_length)
{
	/* From `openssl dgst -sha256 -hmac Jefe` over seven NUL bytes, 0x1c and the text. */
	unsigned char one[ID_SHA256_BYTES], two[ID_SHA256_BYTES];
	char hex[ID_SHA256_HEX];

	id_hmac("Jefe", 4, (const char *const[]){ "what do ya want for nothing?", NULL }, one);
	id_hmac("Jefe", 4, (const char *const[]){ "what do ya want for nothing?", NULL }, two);
	cr_assert(memcmp(one, two, sizeof(one)) == 0);
	id_hex(one, sizeof(one), hex);
	cr_assert_str_eq(hex, "f80838b2e599dfbe7a38f7a7a17809946762357529df986b87919b732a79be43");
}

Test(id, parts_cannot_be_shifted_into_each_other)
{
	unsigned char one[ID_SHA256_BYTES], two[ID_SHA256_BYTES];

	id_hmac("k", 1, (const char *const[]){ "ab", "c", NULL }, one);
	id_hmac("k", 1, (const char *const[]){ "a", "bc", NULL }, two);
	cr_assert(memcmp(one, two, sizeof(one)) != 0);
	id_hmac("k", 1, (const char *const[]){ "abc", NULL }, two);
	cr_assert(memcmp(one, two, sizeof(one)) != 0);
	id_hmac("k", 1, (const char *const[]){ "ab", "c", "", NULL }, two);
	cr_assert(memcmp(one, two, sizeof(one)) != 0);
}

Test(id, booking_carries_its_event)
{
	static const int32_t events[] = { 1, 7, 65536, INT32_MAX };

	for (size_t i = 0; i < ARRAY_LENGTH(events); i++) {
		char text[ID_UUID_TEXT];
		int32_t event = 0;

		id_booking_random(events[i], text);
		cr_assert(id_is_uuid(text), "%s", text);
		cr_assert_eq(text[14], '8');
		cr_assert(id_booking_event(text, &event));
		cr_assert_eq(event, events[i]);
	}
}

Test(id, booking_from_key_is_the_same_for_the_same_and_another_for_others)
{
	char one[ID_UUID_TEXT], two[ID_UUID_TEXT];
	static const struct {
		int32_t event;
		const char *user, *operation, *key;
	} others[] = {
		{ 8, "u", "hold", "k" },
		{ 7, "v", "hold", "k" },
		{ 7, "u", "book", "k" },
		{ 7, "u", "hold", "l" },
		{ 7, "uh", "old", "k" },
	};

	id_booking_from_key(7, secret, sizeof(secret) - 1, "u", "hold", "k", one);
	id_booking_from_key(7, secret, sizeof(secret) - 1, "u", "hold", "k", two);
	cr_assert_str_eq(one, two);
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
		id_booking_from_key(others[i].event, secret, sizeof(secret) - 1, others[i].user,
			others[i].operation, others[i].key, two);
		cr_assert_str_neq(one + 8, two + 8);
	}
	id_booking_from_key(7, "another", 7, "u", "hold", "k", two);
	cr_assert_str_neq(one, two);
}

Test(id, random_ids_differ)
{
	char one[ID_UUID_TEXT], two[ID_UUID_TEXT];

	id_booking_random(1, one);
	id_booking_random(1, two);
	cr_assert_str_neq(one, two);
}

Test(id, what_is_no_booking_is_refused)
{
	static const char *const bad[] = { "", "1", "00000001-0000-8000-8000-00000000000",
		"00000001-0000-8000-8000-0000000000000", "00000001-0000-4000-8000-000000000000",
		"00000001-0000-8000-c000-000000000000", "00000000-0000-8000-8000-000000000000",
		"80000000-0000-8000-8000-000000000000", "0000000A-0000-8000-8000-000000000000",
		"00000001x0000-8000-8000-000000000000", "0000000g-0000-8000-8000-000000000000",
		"{0000001-0000-8000-8000-000000000000}" };
	int32_t event = 42;

	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_assert_not(id_booking_event(bad[i], &event), "%s", bad[i]);
	cr_assert_eq(event, 42);
	cr_assert(id_booking_event("00000001-0000-8000-8000-000000000000", &event));
	cr_assert_eq(event, 1);
}
