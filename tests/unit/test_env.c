// SPDX-License-Identifier: GPL-2.0-only
#include "json/env.h"
#include "harness.h"

#include "base/strings.h"
#include "json/codec.h"

static void check(const char *document, enum env_format format, const char *want)
{
	_cleanup_(registry_freep) struct registry *reg = NULL;
	_cleanup_(freep) char *text = NULL;
	struct decode_error error;

	CHECK_EQ(codec_decode_registry(document, strlen(document), 1, &reg, NULL, &error),
		 0);
	text = env_render(reg, format);
	CHECK(text);
	CHECK_STR(text, want);
}

#define REGISTRY(prefix, services) \
	"{\"settings\":{\"env_prefix\":\"" prefix "\"},\"services\":[" services "]}"

TEST(the_script_is_that_of_the_seed)
{
	check(REGISTRY("UDOS", "{\"name\":\"wizard\",\"port\":8765},"
			       "{\"name\":\"goblin\",\"port\":8767},"
			       "{\"name\":\"api\",\"port\":5001},"
			       "{\"name\":\"vite\",\"port\":5173},"
			       "{\"name\":\"tauri\",\"port\":\"dynamic\"},"
			       "{\"name\":\"off\",\"port\":1,\"enabled\":false}"),
	      ENV_SH,
	      "#!/bin/bash\n"
	      "# uDOS Service Port Environment - Auto-generated\n"
	      "\n"
	      "export UDOS_WIZARD_PORT=8765\n"
	      "export UDOS_GOBLIN_PORT=8767\n"
	      "export UDOS_API_PORT=5001\n"
	      "export UDOS_VITE_PORT=5173\n"
	      "\n"
	      "# Service URLs\n"
	      "export UDOS_WIZARD_URL=http://localhost:8765\n"
	      "export UDOS_GOBLIN_URL=http://localhost:8767\n"
	      "export UDOS_API_URL=http://localhost:5001\n"
	      "export UDOS_VITE_URL=http://localhost:5173\n");
}

TEST(values_are_quoted_for_whom_they_are_for)
{
	static const char document[] =
		REGISTRY("P", "{\"name\":\"a-b.c\",\"port\":80,\"address\":\"::1\"}");

	check(document, ENV_SH,
	      "#!/bin/bash\n# P Service Port Environment - Auto-generated\n\n"
	      "export P_A_B_C_PORT=80\n\n# Service URLs\n"
	      "export P_A_B_C_URL='http://[::1]:80'\n");
	check(document, ENV_FISH,
	      "#!/usr/bin/env fish\n# P Service Port Environment - Auto-generated\n\n"
	      "set -gx P_A_B_C_PORT 80\n\n# Service URLs\n"
	      "set -gx P_A_B_C_URL 'http://[::1]:80'\n");
	check(document, ENV_DOTENV,
	      "# P Service Port Environment - Auto-generated\n\n"
	      "P_A_B_C_PORT=80\n\n# Service URLs\n"
	      "P_A_B_C_URL=\"http://[::1]:80\"\n");
	check(document, ENV_SYSTEMD,
	      "# P Service Port Environment - Auto-generated\n\n"
	      "P_A_B_C_PORT=80\n\n# Service URLs\n"
	      "P_A_B_C_URL=\"http://[::1]:80\"\n");
	check(document, ENV_JSON,
	      "{\"schema\":\"portwatch.env/v1\",\"variables\":{\"P_A_B_C_PORT\":\"80\","
	      "\"P_A_B_C_URL\":\"http://[::1]:80\"}}");
}

TEST(several_ports_have_several_variables)
{
	check(REGISTRY("P", "{\"name\":\"a\",\"port\":[{\"name\":\"web\",\"port\":80},"
			    "{\"name\":\"q-m\",\"port\":90},{\"port\":53,\"proto\":"
			    "\"udp\"}],\"health_endpoint\":\"https://localhost:90/\"}"),
	      ENV_DOTENV,
	      "# P Service Port Environment - Auto-generated\n\n"
	      "P_A_PORT=80\nP_A_WEB_PORT=80\nP_A_Q_M_PORT=90\nP_A_3_PORT=53\n\n"
	      "# Service URLs\n"
	      "P_A_URL=http://localhost:80\nP_A_WEB_URL=http://localhost:80\n"
	      "P_A_Q_M_URL=https://localhost:90\n");
}

TEST(of_two_that_make_one_variable_the_first_has_it)
{
	check(REGISTRY("P",
		       "{\"name\":\"a-b\",\"port\":1},{\"name\":\"a.b\",\"port\":2}"),
	      ENV_DOTENV,
	      "# P Service Port Environment - Auto-generated\n\n"
	      "P_A_B_PORT=1\n\n# Service URLs\nP_A_B_URL=http://localhost:1\n");
}

TEST(a_registry_without_services_gives_a_script_without_variables)
{
	check("{\"services\":[]}", ENV_SH,
	      "#!/bin/bash\n# portwatch Service Port Environment - Auto-generated\n");
	check("{\"services\":[]}", ENV_JSON,
	      "{\"schema\":\"portwatch.env/v1\",\"variables\":{}}");
}
