/* certgate-fetch: takes FETCH messages of certgated and answers each with FETCHED, or PROBE with PROBED. */
#ifndef FETCH_SERVICE_H
#define FETCH_SERVICE_H

/* Until certgated is gone; the exit status of the process. */
int service_run(int socket);

#endif
