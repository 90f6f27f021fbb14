/* The settings of the node, which stand in certgate.conf beside the blocks. */
#include "settings/rows.h"

/* clang-format off */
const struct node_row node_rows[] = {
    { "node", "\"NAME\"", "certgate", "name of this node in records" },
    { "workers", "N", "0, one per core", "processes that serve connections" },
    { "state", "\"FOLDER\"", "/var/lib/certgate", "state directory" },
    { "log", "\"FILE\"", "stdout", "decision log, JSON lines" },
#define X(name, value, read, initial, wanted, help) { name, value, initial, help },
    RECORDING_ROWS(X)
#undef X
    { "store", "true", "true", "what is trusted and enforced (levels, trusted certificates, identities, allowances) is kept in the state directory and changed by command, API or console; this file's values only seed it. false: this file alone counts" },
    { "tcs", "\"FOLDER\"", "", "the Trusted Certificate Store: certificate files (with store = true: to begin with)" },
    { "metrics", "\"ADDRESS:PORT\"", "nowhere", "where metrics are served in Prometheus' text, at /metrics; 'certgate metrics' prints them too" },
    { "console", "\"ADDRESS:PORT\"", "nowhere", "where a browser on this machine finds the console, a loopback address; 'certgate console' prints a link" },
    { "console-socket", "\"FILE\"", "none", "a socket to be the backend of an interface through which the console is reached from elsewhere; needs a user of its own for the workers" },
    { "inventory", "true", "true", "keep an inventory of the certificates received, for 'certgate peers' and 'certgate what-if'" },
    { "crl", "{\"FILE\", \"URL\"}", "none", "CRLs that are kept whether a certificate names them or not, for interfaces with 'revocation'" },
    { "revocation-allow-private", "false", "false", "CRLs and OCSP responders may be at private, loopback and link-local addresses, and servers whose certificate is tested (POST /check) on this machine and its links" },
    { "user", "\"NAME\"", "nobody", "whom workers run as when certgated is root" },
    { "sandbox", "\"MODE\"", "on", "on: confine workers by seccomp and Landlock; required: do not start where the kernel lacks one of them; off: do not" },
    { "drain-timeout", "\"TIME\"", "10s", "how long connections may go on after SIGTERM" },
    { "upgrade-drain-timeout", "\"TIME\"", "1h", "the same in the workers of before an upgrade" },
    { "management", "\"LEVEL\"", "medium", "level of interfaces of services https and line that name none" },
    { "telephony", "\"LEVEL\"", "medium", "level of interfaces of service sip that name none" },
    { "identity", "NAME { certificate = \"FILE\" key = \"FILE\" }", "", "our certificate (first in its file, then its chain) and key" },
    { "interface", "NAME { ... }", "", "a port: who may reach which backend, or which far end" },
    { "trunk", "NAME { ... }", "", "a SIP peer with rules of its own on an interface of service sip" },
    { "line", "NAME { ... }", "", "a WebSocket line with rules of its own on an interface of service https, or an outbound one" },
};
/* clang-format on */
const size_t node_row_count = sizeof(node_rows) / sizeof(node_rows[0]);

bool
node_row_is_block(const struct node_row *row)
{
    return row->value[0] == 'N' && row->value[1] == 'A';
}
