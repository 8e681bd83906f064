/* Runs the main loop of Debian's cron against a clock of its own: it sleeps in no time and starts nothing.
 *
 * build.sh links it with the sources of Debian's package, none of which are here.
 *
 * Standard input: crontab lines whose command is a number, a line "run", then lines "ZONE BEGIN END" (epoch seconds).
 * Standard output: for each of those lines "ZONE BEGIN", then " NUMBER@INSTANT" for every job that would be started.
 */
#include <setjmp.h>
#include "cron.h"

extern int cron_main(int argc, char *argv[]);
static time_t now, end;
static jmp_buf over;

time_t __wrap_time(time_t *where) { if (where) *where = now; return now; }
unsigned __wrap_sleep(unsigned seconds) { now += seconds; if (now >= end) longjmp(over, 1); return 0; }
void __wrap_acquire_daemonlock(int closing) { (void) closing; }
void __wrap_set_cron_uid(void) { }
void __wrap_set_cron_cwd(void) { }
int __wrap_access(const char *path, int mode) { (void) path; (void) mode; return 0; }
void __wrap_log_it(char *a, int b, char *c, char *d) { (void) a; (void) b; (void) c; (void) d; }
int job_runqueue(void) { return 0; }
void job_add(entry *job, user *owner) { (void) owner; printf(" %s@%ld", job->cmd, (long) now); }
void check_orphans(cron_db *database) { (void) database; }
static user someone;
void load_database(cron_db *database) { database->head = database->tail = &someone; }

static void say(const char *why) { fprintf(stderr, "%s\n", why); exit(1); }

static entry *parsed(const char *text) {
	static char *none[] = { NULL };
	struct passwd *self = getpwuid(getuid());
	FILE *file = fmemopen((void *) text, strlen(text), "r");
	entry *job = load_entry(file, (void (*)()) say, self, none);
	fclose(file);
	return job;
}

int main(void) {
	char line[1024], zone[128];
	long begin, last;
	entry **tail = &someone.crontab;
	while (fgets(line, sizeof line, stdin) && strcmp(line, "run\n")) {
		entry *job = parsed(line);
		if (!job) { fprintf(stderr, "refused: %s", line); return 1; }
		*tail = job;
		tail = &job->next;
	}
	while (fgets(line, sizeof line, stdin)) {
		char *arguments[] = { "cron", "-f", NULL };
		if (sscanf(line, "%127s %ld %ld", zone, &begin, &last) != 3) return 1;
		setenv("TZ", zone, 1);
		tzset();
		now = begin, end = last, optind = 1;
		printf("%s %ld", zone, begin);
		if (!setjmp(over)) cron_main(2, arguments);
		printf("\n");
	}
	return 0;
}
