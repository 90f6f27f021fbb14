/* libcertgate: turns certificates, a trust store, a policy and a time into an explained decision. */
#ifndef CERTGATE_CERTGATE_H
#define CERTGATE_CERTGATE_H

#include <certgate/cert.h>
#include <certgate/decision.h>
#include <certgate/policy.h>
#include <certgate/revocation.h>
#include <certgate/status.h>
#include <certgate/store.h>

#endif
