/* What `certgate init` writes: a first certgate.conf for each kind of place. */
#ifndef CLI_INIT_PROFILES_H
#define CLI_INIT_PROFILES_H

struct init_profile {
    const char *name;
    const char *summary;
    const char *text; /* with @NODE@, @STATE@ and @BACKEND@ */
};

/* A NULL name ends them. */
extern const struct init_profile init_profiles[];

#endif
