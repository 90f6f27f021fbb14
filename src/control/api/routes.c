/* The routes of the admin API: one row each, from which its description is made too. */
#include "control/api/handlers.h"

#define AUDITOR ACCESS_AUDITOR
#define OPERATOR ACCESS_OPERATOR
#define ADMINISTRATOR ACCESS_ADMINISTRATOR
#define NOBODY ACCESS_NOBODY

/* clang-format off */
/* Routes without a name in them stand before those with one in the same place. */
const struct api_route api_routes[] = {
    /* method  path                             role           large  handler                summary, query, body, answer */
    { "GET",    "/status",                      AUDITOR,       false, api_status,
      "The node, its interfaces and what is in force on them", "", "", "Status" },
    { "GET",    "/whoami",                      AUDITOR,       false, api_whoami,
      "Who asks, and the token that changes have to carry", "", "", "Who" },
    { "POST",   "/session",                     NOBODY,        false, api_login,
      "Begin a session by a password", "", "Login", "Who" },
    { "DELETE", "/session",                     AUDITOR,       false, api_logout,
      "End the session", "", "", "Object" },
    { "POST",   "/console-link",                ADMINISTRATOR, false, api_console_link,
      "A link to the console on this machine that is good once", "", "", "Link" },
    { "POST",   "/reload",                      OPERATOR,      false, api_reload,
      "Read certgate.conf and the files that it names again", "", "", "Commit" },
    { "POST",   "/upgrade",                     ADMINISTRATOR, false, api_upgrade,
      "Put the program now installed in place of the running one", "", "", "Object" },
    { "GET",    "/metrics",                     AUDITOR,       false, api_metrics,
      "The metrics in Prometheus' text", "", "", "text" },
    { "GET",    "/events",                      AUDITOR,       false, api_events,
      "Decisions and generations as they happen, as server-sent events", "", "", "events" },
    { "GET",    "/openapi.json",                NOBODY,        false, api_openapi,
      "This description", "", "", "Object" },

    { "GET",    "/settings",                    AUDITOR,       false, api_settings_list,
      "All settings that the store can hold", "", "", "Settings" },
    { "GET",    "/settings/export",             AUDITOR,       false, api_settings_export,
      "The settings that are set, as a document that can be imported", "", "", "Object" },
    { "GET",    "/settings/{name}",             AUDITOR,       false, api_settings_get,
      "One setting", "", "", "Setting" },
    { "GET",    "/settings/{name}/history",     AUDITOR,       false, api_settings_history,
      "What a setting has been, newest first", "", "", "History" },
    { "POST",   "/changes",                     OPERATOR,      true,  api_changes,
      "Edit settings, trust store, pins and identities in one validated commit", "", "Changes", "Commit" },
    { "POST",   "/what-if",                     AUDITOR,       true,  api_what_if,
      "Who would be refused, and who admitted, if these edits were made", "", "Changes", "Commit" },
    { "POST",   "/confirm",                     OPERATOR,      false, api_confirm,
      "Keep the change that waits to be confirmed", "", "", "Generation" },
    { "POST",   "/revert",                      OPERATOR,      false, api_revert,
      "Take back the change that waits to be confirmed", "", "", "Commit" },
    { "GET",    "/generations",                 AUDITOR,       false, api_generations,
      "The generations, newest first", "before:number,limit:number", "", "Generations" },
    { "GET",    "/diff",                        AUDITOR,       false, api_diff,
      "What differs between two generations", "from:number,to:number", "", "Diff" },

    { "GET",    "/tcs",                         AUDITOR,       false, api_tcs_list,
      "The Trusted Certificate Store", "after:sha256,limit:number,q:text", "", "Trusted" },
    { "GET",    "/tcs/export",                  AUDITOR,       false, api_tcs_export,
      "All of it as PEM", "", "", "text" },
    { "POST",   "/tcs/inspect",                 AUDITOR,       true,  api_tcs_inspect,
      "What certificates are, before they are added", "", "Certificates", "Inspected" },
    { "GET",    "/tcs/lint",                    AUDITOR,       false, api_tcs_lint,
      "What may be wrong with trusted certificates, and how large the list of CA names would be", "", "", "Lint" },
    { "GET",    "/tcs/unused",                  AUDITOR,       false, api_tcs_unused,
      "Trusted certificates that no peer needed for so many days", "days:number,limit:number", "", "Unused" },
    { "GET",    "/tcs/{sha256}/dependents",     AUDITOR,       false, api_tcs_dependents,
      "Recent peers that were admitted by this certificate", "", "", "Dependents" },
    { "GET",    "/tcs/{sha256}",                AUDITOR,       false, api_tcs_get,
      "One trusted certificate", "", "", "TrustedCertificate" },
    { "GET",    "/pins",                        AUDITOR,       false, api_pins,
      "Refused certificates that are admitted until a date", "", "", "Pins" },

    { "GET",    "/identities",                  AUDITOR,       false, api_identities,
      "Certificates of our own", "", "", "Identities" },
    { "POST",   "/identities",                  ADMINISTRATOR, false, api_identities_do,
      "Create, request, install, import or renew one", "", "IdentityWork", "Commit" },

    { "GET",    "/decisions",                   AUDITOR,       false, api_decisions,
      "Decision records, newest first",
      "since:time,until:time,interface:text,verdict:text,reason:text,peer:text,sha256:text,limit:number,before:text", "", "Decisions" },
    { "GET",    "/decisions/{incident}",        AUDITOR,       false, api_decision,
      "One decision record and its story in words", "", "", "Decision" },
    { "GET",    "/rates",                       AUDITOR,       false, api_rates,
      "Accepted and refused peers for each minute", "minutes:number", "", "Rates" },
    { "GET",    "/peers",                       AUDITOR,       false, api_peers,
      "Every certificate received, with its verdict at each level", "interface:text,q:text,limit:number,after:number", "", "Peers" },
    { "GET",    "/expiring",                    AUDITOR,       false, api_expiring,
      "What expires soon: trusted certificates, identities, peers", "days:number", "", "Expiring" },

    { "POST",   "/check",                       AUDITOR,       false, api_check,
      "What each check and level would say of a certificate, or of the one that a server shows", "", "Check", "Checked" },

    { "GET",    "/audit",                       AUDITOR,       false, api_audit,
      "Administrative changes, oldest first", "after:number,limit:number", "", "Audit" },
    { "GET",    "/audit/verify",                AUDITOR,       false, api_audit_verify,
      "Follow the chain of hashes of the audit", "", "", "Verified" },
    { "POST",   "/backup",                      ADMINISTRATOR, false, api_backup,
      "The whole state in one file, with keys where a passphrase is given", "", "Backup", "bytes" },
    { "POST",   "/restore",                     ADMINISTRATOR, true,  api_restore,
      "Make the whole state that of a backup", "from_release:text,force:flag,preview:flag,no_backup:flag", "bytes", "Commit" },
};
/* clang-format on */
const size_t api_route_count = sizeof(api_routes) / sizeof(api_routes[0]);
