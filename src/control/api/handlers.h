/* The handlers of all routes; the table is in routes.c. */
#ifndef CONTROL_API_HANDLERS_H
#define CONTROL_API_HANDLERS_H

#include "control/api/request.h"

/* node.c */
api_handler api_status, api_whoami, api_login, api_logout, api_console_link, api_reload,
        api_upgrade, api_metrics, api_confirm, api_revert, api_events, api_openapi;
/* settings.c */
api_handler api_settings_list, api_settings_get, api_settings_history, api_settings_export,
        api_generations, api_diff, api_audit, api_audit_verify;
/* changes.c */
api_handler api_changes, api_what_if;
/* tcs.c */
api_handler api_tcs_list, api_tcs_export, api_tcs_get, api_tcs_inspect, api_tcs_lint,
        api_tcs_dependents, api_tcs_unused, api_pins;
/* identities.c */
api_handler api_identities, api_identities_do;
/* check.c */
api_handler api_check;
/* backup.c */
api_handler api_backup, api_restore;
/* decisions.c */
api_handler api_decisions, api_decision, api_rates;
/* peers.c */
api_handler api_peers, api_expiring;

#endif
