/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program that the shim runs in may start one that nothing can be preloaded into: linked
 * statically, or written in Go. That one is started by skua-supervise (../supervise), which
 * SKUA_SUPERVISE names. Nothing is allocated here: a child after vfork() may come by.
 */
#include "shim.h"

#include <alloca.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NEXT(f)         ((__typeof__(&f))dlsym(RTLD_NEXT, #f))
#define INTERPRETERS    4   /* scripts that a script may be run by */
#define SUPERVISE_WORDS 2   /* skua-supervise PROGRAM */
#define PRELOAD_MAX     512 /* bytes of SKUA_PRELOAD=... */

extern char **environ;

/* A note of the Go linker. */
static bool shim_go_note(int fd, const Elf64_Phdr *ph)
{
	unsigned char notes[1024];
	ssize_t n = pread(fd, notes, ph->p_filesz < sizeof(notes) ? ph->p_filesz : sizeof(notes),
			  (off_t)ph->p_offset);
	const Elf64_Nhdr *note;
	size_t at = 0;

	while (n > 0 && at + sizeof(*note) + 4 <= (size_t)n) {
		note = (const void *)(notes + at);
		if (note->n_namesz == 4 && !memcmp(notes + at + sizeof(*note), "Go\0\0", 4))
			return true;
		at += sizeof(*note) + ((note->n_namesz + 3) & ~3u) + ((note->n_descsz + 3) & ~3u);
	}
	return false;
}

/* A program of this machine without an interpreter, or of Go. */
static bool shim_elf_own_calls(int fd, const Elf64_Ehdr *eh)
{
	bool interp = false;
	Elf64_Phdr ph;
	int i;

	if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_phentsize != sizeof(ph))
		return false;
	for (i = 0; i < eh->e_phnum; i++) {
		if (pread(fd, &ph, sizeof(ph), (off_t)(eh->e_phoff + (size_t)i * sizeof(ph))) !=
		    sizeof(ph))
			return false;
		if (ph.p_type == PT_NOTE && shim_go_note(fd, &ph))
			return true;
		interp |= ph.p_type == PT_INTERP;
	}
	return !interp;
}

/* Does the program make its system calls by itself? Of a script its interpreter decides. */
static bool shim_own_calls(const char *path)
{
	union {
		Elf64_Ehdr eh;
		char text[256];
	} head;
	bool own = false;
	ssize_t n;
	int fd, i;

	for (i = 0; i <= INTERPRETERS; i++) {
		fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
		if (fd < 0)
			return false;
		n = pread(fd, head.text, sizeof(head.text) - 1, 0);
		if (n >= (ssize_t)sizeof(head.eh) && !memcmp(head.text, ELFMAG, SELFMAG)) {
			own = shim_elf_own_calls(fd, &head.eh);
			real(close)(fd);
			return own;
		}
		real(close)(fd);
		if (n < 3 || head.text[0] != '#' || head.text[1] != '!')
			return false;
		head.text[n] = '\0';
		head.text[strcspn(head.text, "\n")] = '\0';
		path = head.text + 2 + strspn(head.text + 2, " \t");
		((char *)path)[strcspn(path, " \t")] = '\0';
	}
	return false;
}

static const char *shim_env(char *const envp[], const char *name)
{
	size_t n = strlen(name);

	for (; envp && *envp; envp++)
		if (!strncmp(*envp, name, n) && (*envp)[n] == '=')
			return *envp + n + 1;
	return NULL;
}

static size_t shim_words(char *const list[])
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

/* The supervisor, when path has to be started by it with this environment; NULL: it has not. */
static const char *shim_supervisor(const char *path, char *const envp[])
{
	const char *supervise = shim_env(envp, "SKUA_SUPERVISE");

	if (!supervise || !shim_env(envp, "SKUA_SOCKET") || !path || !shim_own_calls(path))
		return NULL;
	return supervise;
}

/* argv and envp for the supervisor, in room of shim_words() and four more each. */
static void shim_supervised(const char *path, char *const argv[], char *const envp[], char **args,
			    char **env, char *preload)
{
	const char *libs = shim_env(envp, "LD_PRELOAD");
	size_t i, n = 0;

	args[0] = "skua-supervise";
	args[1] = (char *)path;
	for (i = 0; i <= shim_words(argv); i++)
		args[i + SUPERVISE_WORDS] = argv ? argv[i] : NULL;
	for (i = 0; envp && envp[i]; i++)
		if (strncmp(envp[i], "LD_PRELOAD=", 11))
			env[n++] = envp[i];
	if (libs && snprintf(preload, PRELOAD_MAX, "SKUA_PRELOAD=%s", libs) < PRELOAD_MAX)
		env[n++] = preload;
	env[n] = NULL;
}

#define SUPERVISED(path, argv, envp)                                                               \
	char **args = alloca((shim_words(argv) + 4) * sizeof(*args));                              \
	char **env = alloca((shim_words(envp) + 4) * sizeof(*env));                                \
	char preload[PRELOAD_MAX];                                                                 \
	shim_supervised(path, argv, envp, args, env, preload)

SHIM_EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	const char *supervise = shim_supervisor(path, envp);

	if (!supervise)
		return NEXT(execve)(path, argv, envp);
	SUPERVISED(path, argv, envp);
	return NEXT(execve)(supervise, args, env);
}

SHIM_EXPORT int execv(const char *path, char *const argv[])
{
	return execve(path, argv, environ);
}

/* Find a program as execvp() does; NULL: there is none, and execvp() says so. */
static const char *shim_search(const char *file, char room[PATH_MAX])
{
	const char *path = getenv("PATH"), *end;
	int n;

	if (!*file || strchr(file, '/'))
		return file;
	for (path = path ? path : "/bin:/usr/bin";; path = end + 1) {
		end = strchrnul(path, ':');
		n = snprintf(room, PATH_MAX, "%.*s%s%s", (int)(end - path), path,
			     end > path ? "/" : "", file);
		if (n < PATH_MAX && !access(room, X_OK))
			return room;
		if (!*end)
			return NULL;
	}
}

SHIM_EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
	char room[PATH_MAX];
	const char *path = shim_search(file, room);

	if (path && shim_supervisor(path, envp))
		return execve(path, argv, envp);
	return NEXT(execvpe)(file, argv, envp);
}

SHIM_EXPORT int execvp(const char *file, char *const argv[])
{
	return execvpe(file, argv, environ);
}

/* The words of execl() and its kin, and what follows them. */
#define GATHER(first, last, argv)                                                                  \
	va_list ap;                                                                                \
	size_t count = 1;                                                                          \
	va_start(ap, last);                                                                        \
	while (va_arg(ap, char *))                                                                 \
		count++;                                                                           \
	va_end(ap);                                                                                \
	char **argv = alloca((count + 1) * sizeof(*argv));                                         \
	argv[0] = (char *)(first);                                                                 \
	va_start(ap, last);                                                                        \
	for (size_t at = 1; at <= count; at++)                                                     \
	argv[at] = va_arg(ap, char *)

SHIM_EXPORT int execl(const char *path, const char *arg, ...)
{
	GATHER(arg, arg, argv);
	va_end(ap);
	return execve(path, argv, environ);
}

SHIM_EXPORT int execlp(const char *file, const char *arg, ...)
{
	GATHER(arg, arg, argv);
	va_end(ap);
	return execvpe(file, argv, environ);
}

SHIM_EXPORT int execle(const char *path, const char *arg, ...)
{
	GATHER(arg, arg, argv);
	char **envp = va_arg(ap, char **);

	va_end(ap);
	return execve(path, argv, envp);
}

SHIM_EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
			    const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	const char *supervise = shim_supervisor(path, envp);

	if (!supervise)
		return NEXT(posix_spawn)(pid, path, actions, attr, argv, envp);
	SUPERVISED(path, argv, envp);
	return NEXT(posix_spawn)(pid, supervise, actions, attr, args, env);
}

SHIM_EXPORT int posix_spawnp(pid_t *pid, const char *file,
			     const posix_spawn_file_actions_t *actions,
			     const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	char room[PATH_MAX];
	const char *path = shim_search(file, room);

	if (path && shim_supervisor(path, envp))
		return posix_spawn(pid, path, actions, attr, argv, envp);
	return NEXT(posix_spawnp)(pid, file, actions, attr, argv, envp);
}
