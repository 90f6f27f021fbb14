/* `certgate help config`: the settings of certgate.conf in words. */
#include "settings/rows.h"

void
settings_describe(struct cg_buf *out)
{
    cg_buf_add(out,
            "certgate.conf: names and values, strings in double quotes, lists in braces.\n\n"
            "  node = \"NAME\"       name of this node in records (default certgate)\n"
            "  workers = N         processes that serve connections (default 0: one per core)\n"
            "  state = \"FOLDER\"    state directory (default /var/lib/certgate)\n"
            "  log = \"FILE\"        decision log, JSON lines (default stdout)\n"
            "  store = true        what is trusted and enforced (levels, trusted certificates, "
            "identities,\n"
            "                      allowances) is kept in the state directory and changed by "
            "command, API or\n"
            "                      console; this file's values only seed it. false: this file "
            "alone counts\n"
            "  tcs = \"FOLDER\"      the Trusted Certificate Store: certificate files (with store "
            "= "
            "true: to\n"
            "                      begin with)\n"
            "  metrics = \"ADDRESS:PORT\"  where metrics are served in Prometheus' text, at "
            "/metrics (default\n"
            "                      nowhere; 'certgate metrics' prints them too)\n"
            "  console = \"ADDRESS:PORT\"  where a browser on this machine finds the console "
            "(loopback; 'certgate\n"
            "                      console' prints a link; default nowhere)\n"
            "  console-socket = \"FILE\"  a socket to be the backend of an interface through which "
            "the console is\n"
            "                      reached from elsewhere (default none)\n"
            "  inventory = true    keep an inventory of the certificates received, for 'certgate "
            "peers' and\n"
            "                      'certgate what-if' (default true)\n"
            "  user = \"NAME\"       whom workers run as when certgated is root (default nobody)\n"
            "  sandbox = \"MODE\"    on (default): confine workers by seccomp and Landlock; "
            "required: "
            "do\n"
            "                      not start where the kernel lacks one of them; off: do not\n"
            "  drain-timeout = \"TIME\"  how long connections may go on after SIGTERM (default "
            "10s)\n"
            "  upgrade-drain-timeout = \"TIME\"  the same in the workers of before an upgrade "
            "(default 1h)\n"
            "  identity NAME { certificate = \"FILE\" key = \"FILE\" }\n"
            "                      our certificate (first in its file, then its chain) and key\n"
            "  management = \"LEVEL\"\n"
            "  telephony = \"LEVEL\" levels of interfaces that name none: of services https and "
            "line, and\n"
            "                      of service sip (default medium)\n"
            "  interface NAME { ... }   a port: who may reach which backend, or which far end\n"
            "  trunk NAME { ... }       a SIP peer with rules of its own on an interface of "
            "service sip\n"
            "  line NAME { ... }        a WebSocket line with rules of its own on an interface of "
            "service https,\n"
            "                           or an outbound one\n\n"
            "In these blocks:\n\n");
    for (size_t i = 0; i < row_count; i++) {
        cg_buf_addf(out, "  %-20s %s\n", rows[i].name, rows[i].help);
        cg_buf_addf(out, "  %-20s %s%s%s%s;", "", rows[i].list ? "list; each " : "", rows[i].wanted,
                rows[i].initial[0] == '\0' ? "" : "; default ", rows[i].initial);
        for (unsigned kind = BLOCK_INTERFACE; kind <= BLOCK_LINE; kind <<= 1)
            if ((rows[i].blocks & kind) != 0)
                cg_buf_addf(out, " %s%s", block_kind_name(kind),
                        (rows[i].required & kind) != 0 ? " (required)" : "");
        cg_buf_add(out, "\n");
    }
}
