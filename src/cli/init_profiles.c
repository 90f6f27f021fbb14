#include "cli/init_profiles.h"

#include <stddef.h>

#define HEAD                                                                                       \
    "# certgated's settings: what this node is. 'certgate help config' explains each,\n"           \
    "# 'certgate config check FILE' tries the file without starting anything.\n"                   \
    "# Levels, service security, trusted certificates and identities only begin with what "        \
    "stands\n"                                                                                     \
    "# here; afterwards 'certgate settings', 'certgate tcs' and 'certgate identity' change "       \
    "them.\n"                                                                                      \
    "\n"                                                                                           \
    "node = \"@NODE@\"\n"                                                                          \
    "state = \"@STATE@\"\n"                                                                        \
    "log = \"@STATE@/decisions.jsonl\"\n"                                                          \
    "console = \"127.0.0.1:8480\"     # 'certgate console' prints a link to it\n"                  \
    "\n"

/*
 * Factory values of the system that the levels come from: received certificates are checked for their
 * dates only, the administration's services are at "Secure, Medium", HTTP at "Unsecure + Secure".
 */
#define IP_OFFICE                                                                                  \
    "# Factory values: raise them once 'certgate peers' has seen who connects, and\n"              \
    "# 'certgate settings set checks.management=medium --preview' says who would be refused.\n"    \
    "management = \"none\"            # received certificate checks, management interfaces\n"      \
    "telephony = \"none\"             # received certificate checks, telephony endpoints\n"        \
    "\n"                                                                                           \
    "# A client certificate is asked for only at secure-high.\n"                                   \
    "interface configuration {\n"                                                                  \
    "  listen = {\"0.0.0.0:50805\", \"[::]:50805\"}\n"                                             \
    "  backend = \"@BACKEND@:50804\"\n"                                                            \
    "  service-security = \"secure-medium\"\n"                                                     \
    "}\n"                                                                                          \
    "\n"                                                                                           \
    "interface security-administration {\n"                                                        \
    "  listen = {\"0.0.0.0:50813\", \"[::]:50813\"}\n"                                             \
    "  backend = \"@BACKEND@:50812\"\n"                                                            \
    "  service-security = \"secure-medium\"\n"                                                     \
    "}\n"                                                                                          \
    "\n"                                                                                           \
    "# Phones, voicemail, monitors, and the WebSocket lines below.\n"                              \
    "interface http {\n"                                                                           \
    "  listen = {\"0.0.0.0:443\", \"[::]:443\", \"0.0.0.0:411\", \"[::]:411\"}\n"                  \
    "  listen-plain = {\"0.0.0.0:80\", \"[::]:80\"}\n"                                             \
    "  backend = \"@BACKEND@:8080\"\n"                                                             \
    "  mode = \"http\"\n"                                                                          \
    "  service-security = \"unsecure+secure\"\n"                                                   \
    "}\n"                                                                                          \
    "\n"                                                                                           \
    "interface web-manager {\n"                                                                    \
    "  listen = {\"0.0.0.0:8443\", \"[::]:8443\"}\n"                                               \
    "  backend = \"@BACKEND@:7070\"\n"                                                             \
    "  mode = \"http\"\n"                                                                          \
    "  service-security = \"secure-medium\"\n"                                                     \
    "}\n"                                                                                          \
    "\n"                                                                                           \
    "# A phone needs no certificate, and is judged if it shows one; a trunk below needs one.\n"    \
    "interface sip {\n"                                                                            \
    "  service = \"sip\"\n"                                                                        \
    "  listen = {\"0.0.0.0:5061\", \"[::]:5061\"}\n"                                               \
    "  backend = \"@BACKEND@:5060\"\n"                                                             \
    "  phones = true\n"                                                                            \
    "}\n"                                                                                          \
    "\n"                                                                                           \
    "# SIP and SM lines, one block each:\n"                                                        \
    "#\n"                                                                                          \
    "# trunk carrier {\n"                                                                          \
    "#   interface = \"sip\"\n"                                                                    \
    "#   sip-domains = {\"carrier.example.com\"}\n"                                                \
    "#   names = {\"sbc.carrier.example.com\"}\n"                                                  \
    "# }\n"                                                                                        \
    "#\n"                                                                                          \
    "# The way out to that carrier; local programs connect to 'listen' in plaintext:\n"            \
    "#\n"                                                                                          \
    "# interface carrier-out {\n"                                                                  \
    "#   role = \"outbound\"\n"                                                                    \
    "#   service = \"sip\"\n"                                                                      \
    "#   listen = {\"127.0.0.1:15061\"}\n"                                                         \
    "#   connect = \"sbc.carrier.example.com:5061\"\n"                                             \
    "# }\n"                                                                                        \
    "#\n"                                                                                          \
    "# IP Office lines (WebSocket), whose level is their own and high from the factory:\n"         \
    "#\n"                                                                                          \
    "# line branch {\n"                                                                            \
    "#   interface = \"http\"\n"                                                                   \
    "#   path = \"/line/branch\"\n"                                                                \
    "#   security = \"high\"\n"                                                                    \
    "#   level = \"high\"\n"                                                                       \
    "# }\n"

#define MINIMAL                                                                                    \
    "# One HTTPS port: clients need a certificate that leads to a trusted root.\n"                 \
    "# 'certgate tcs add FILE' trusts one; our own certificate is made at the first start, and\n"  \
    "# 'certgate identity' asks a CA for a better one.\n"                                          \
    "interface web {\n"                                                                            \
    "  listen = {\"0.0.0.0:443\", \"[::]:443\"}\n"                                                 \
    "  backend = \"@BACKEND@:8080\"\n"                                                             \
    "}\n"

const struct init_profile init_profiles[] = {
    { "minimal", "one HTTPS port, safe values", HEAD MINIMAL },
    { "ip-office", "ports, services and factory values of an IP Office system", HEAD IP_OFFICE },
    { NULL, NULL, NULL },
};
