/* SPDX-License-Identifier: GPL-2.0-only */
/* sign - signatures of Standard Webhooks (standardwebhooks.com), version v1. */
#ifndef PORTWATCH_FETCH_SIGN_H
#define PORTWATCH_FETCH_SIGN_H

#include <stddef.h>

enum {
	SIGN_KEY_MAX = 64, /* bytes that a secret stands for */
	SIGN_TEXT = 48,    /* "v1,", 44 characters, NUL */
};

/*
 * "v1," and the base64 of HMAC-SHA256 over "ID.TIMESTAMP.BODY"; the key is what stands in
 * base64 behind the "whsec_" of @secret.  -EINVAL where nothing does, or too much.
 */
int sign_webhook(const char *secret, const char *id, const char *timestamp,
		 const char *body, size_t size, char *ret);

#endif /* PORTWATCH_FETCH_SIGN_H */
