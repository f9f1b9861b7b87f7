// SPDX-License-Identifier: GPL-2.0-only
#include "fetch/sign.h"

#include <errno.h>
#include <nettle/base64.h>
#include <nettle/hmac.h>
#include <string.h>

static const char prefix[] = "whsec_";

static int decode_key(const char *secret, uint8_t *key, size_t *ret_size)
{
	struct base64_decode_ctx decoder;
	size_t n;

	if (strncmp(secret, prefix, sizeof(prefix) - 1) != 0)
		return -EINVAL;
	secret += sizeof(prefix) - 1;
	n = strlen(secret);
	*ret_size = SIGN_KEY_MAX + 2;
	if (n == 0 || BASE64_DECODE_LENGTH(n) > *ret_size)
		return -EINVAL;
	base64_decode_init(&decoder);
	if (!base64_decode_update(&decoder, ret_size, key, n, secret) ||
	    !base64_decode_final(&decoder))
		return -EINVAL;
	return *ret_size > 0 && *ret_size <= SIGN_KEY_MAX ? 0 : -EINVAL;
}

static void add(struct hmac_sha256_ctx *hmac, const char *text, size_t size)
{
	hmac_sha256_update(hmac, size, (const uint8_t *)text);
}

int sign_webhook(const char *secret, const char *id, const char *timestamp,
		 const char *body, size_t size, char *ret)
{
	uint8_t key[SIGN_KEY_MAX + 2], digest[SHA256_DIGEST_SIZE];
	struct hmac_sha256_ctx hmac;
	size_t key_size;
	int err = decode_key(secret, key, &key_size);

	if (err < 0)
		return err;
	hmac_sha256_set_key(&hmac, key_size, key);
	add(&hmac, id, strlen(id));
	add(&hmac, ".", 1);
	add(&hmac, timestamp, strlen(timestamp));
	add(&hmac, ".", 1);
	add(&hmac, body, size);
	hmac_sha256_digest(&hmac, sizeof(digest), digest);
	explicit_bzero(key, sizeof(key));
	explicit_bzero(&hmac, sizeof(hmac));

	memcpy(ret, "v1,", 3);
	base64_encode_raw(ret + 3, sizeof(digest), digest);
	ret[3 + BASE64_ENCODE_RAW_LENGTH(sizeof(digest))] = '\0';
	return 0;
}
