/*
 * A FastCGI worker that does nothing: what nginx and FastCGI alone allow on this machine.
 */
#include "base/base.h"

#include <fcgiapp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

int
main(void)
{
	static const char answer[] = "Status: 201 Created\r\nContent-Type: application/json\r\n"
				     "Content-Length: 2\r\n\r\n{}";
	FCGX_Request request;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	/* As the pools do. */
	sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){ .sched_priority = 0 });
	if (FCGX_Init() != 0 || FCGX_InitRequest(&request, 0, 0) != 0)
		return 1;
	while (FCGX_Accept_r(&request) == 0) {
		FCGX_PutStr(answer, (int)sizeof(answer) - 1, request.out);
		FCGX_Finish_r(&request);
	}
	return 0;
}
