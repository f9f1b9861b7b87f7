// SPDX-License-Identifier: GPL-2.0-only
/* What portwatch-fetch is told to send, and how that is signed. */
#include "fetch/post.h"
#include "fetch/sign.h"
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define ID "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define BODY "{\"test\": 2432232314}"
#define SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

/*
 * The example that the reference implementations of Standard Webhooks are tested with
 * (github.com/standard-webhooks/standard-webhooks, "sign function works"); the value was
 * computed again with Python's hmac.
 */
TEST(the_published_example_of_the_standard_is_signed_alike)
{
	char text[SIGN_TEXT];

	CHECK_EQ(sign_webhook(SECRET, ID, "1614265330", BODY, strlen(BODY), text), 0);
	CHECK_STR(text, SIGNATURE);
}

TEST(what_is_no_secret_signs_nothing)
{
	static const char *const bad[] = {
		"",
		"whsec_",
		"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"whsec_!",
		"whsec_AAA",
		/* 66 bytes */
		"whsec_"
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		"AAAAAAAAAAAAAAAAAA",
	};
	char text[SIGN_TEXT] = "as it was";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (sign_webhook(bad[i], ID, "1", "", 0, text) != -EINVAL)
			test_fail(__FILE__, __LINE__, "%s signs", bad[i]);
	CHECK_STR(text, "as it was");
}

static int parse(const char *text, char *buf, struct post *ret)
{
	strcpy(buf, text);
	return post_parse(buf, strlen(buf), ret);
}

TEST(a_post_has_its_headers_and_a_signature_for_each_secret)
{
	char buf[1024];
	struct post post;

	CHECK_EQ(parse("url http://localhost/x\n"
		       "header Content-Type: text/plain\n"
		       "sign " ID " 1614265330 " SECRET "\n"
		       "sign " ID " 1614265330 whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
		       "\n" BODY,
		       buf, &post),
		 0);
	CHECK_STR(post.url, "http://localhost/x");
	CHECK_STR(post.headers[0], "Content-Type: text/plain");
	CHECK(strstr(post.headers[1], "webhook-signature: " SIGNATURE " v1,"));
	CHECK(!post.headers[2]);
	CHECK_STR(post.body, BODY);
	CHECK_EQ(post.body_size, strlen(BODY));
	post_done(&post);
}

TEST(what_is_no_post_is_refused)
{
	static const struct {
		const char *text;
		int err;
	} bad[] = {
		{ "", -EPROTO },
		{ "\n", -EPROTO },
		{ "url http://x/\n", -EPROTO },
		{ "header A: b\n\nbody", -EPROTO },
		{ "url http://x/\nfoo bar\n\n", -EPROTO },
		{ "url http://x/\nsign a\n\n", -EPROTO },
		{ "url http://x/\nsign a 1\n\n", -EPROTO },
		{ "url http://x/\nsign a 1 hunter2\n\n", -EINVAL },
	};
	char buf[1024];
	struct post post;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse(bad[i].text, buf, &post) != bad[i].err)
			test_fail(__FILE__, __LINE__, "%s is let through", bad[i].text);
}
