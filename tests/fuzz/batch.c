/* One line of `certgate check --batch`: whatever it is, one line of JSON with a verdict comes back. */
#include <jansson.h>
#include <string.h>

#include "cli/cli.h"
#include "fuzz.h"

/* The verdict needs no clock: lines without a time are judged at this one. */
static const struct cli_check_options defaults = {
    .level = CG_LEVEL_MEDIUM,
    .max_depth = 10,
    .has_time = true,
    .time = FUZZ_NOW,
};

static void
check_answer(const char *answer, size_t len)
{
    json_error_t where;
    json_t *object;
    const char *verdict;

    FUZZ_CHECK(len != 0 && answer[len - 1] == '\n' && memchr(answer, '\n', len) == answer + len - 1,
            "not one line: %.*s", (int)len, answer);
    object = json_loadb(answer, len, JSON_REJECT_DUPLICATES, &where);
    FUZZ_CHECK(json_is_object(object), "not JSON: %s: %.*s", where.text, (int)len, answer);
    verdict = json_string_value(json_object_get(object, "verdict"));
    FUZZ_CHECK(verdict != NULL &&
                    (strcmp(verdict, "accept") == 0 || strcmp(verdict, "reject") == 0 ||
                            strcmp(verdict, "error") == 0),
            "no verdict: %.*s", (int)len, answer);
    json_decref(object);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct cg_engine *engine;
    static struct cg_store *store;
    char *answer = NULL, *line = malloc(len + 1);
    size_t answer_len = 0;
    FILE *out = open_memstream(&answer, &answer_len);

    if (engine == NULL) {
        engine = cg_engine_new();
        store = cg_store_new();
        FUZZ_CHECK(engine != NULL && store != NULL && cg_store_freeze(store, NULL) == CG_OK,
                "no memory");
    }
    FUZZ_CHECK(line != NULL && out != NULL, "no memory");
    if (len != 0)
        memcpy(line, data, len);
    cli_batch_line(&defaults, engine, store, line, len, out);
    (void)fclose(out);
    check_answer(answer, answer_len);
    free(answer);
    free(line);
    return 0;
}
