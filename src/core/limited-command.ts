// The command line of a child that reads what strangers sent: less memory, time and disk than it may ask for.

export interface ResourceLimits {
  /** Of what the process may write to, code aside. */
  readonly memoryBytes: number
  /** The largest file that it may write. */
  readonly fileBytes: number
  /** Of all its threads together. Omitted: only the clock on the wall counts. */
  readonly cpuSec?: number
}

/** From being asked to stop by SIGXCPU to SIGKILL. */
const CPU_GRACE_SEC = 2

export interface Command {
  readonly command: string
  readonly args: readonly string[]
}

/**
 * `program` without Mirror's environment, which may hold credentials, and without dumps of memory. `environment` adds
 * `NAME=value`s; where programs and libraries are found is kept. Exit code 127 means that the program was not found.
 */
export function limitedCommand(
  program: readonly string[],
  { memoryBytes, fileBytes, cpuSec }: ResourceLimits,
  environment: readonly string[] = [],
): Command {
  // POSIX counts files in 512 bytes and memory in KiB. Soft limits first: hard ones cannot be raised again.
  const script = [
    'ulimit -c 0',
    'ulimit -d "$1"',
    'ulimit -f "$2"',
    '{ test "$3" = unlimited || { ulimit -S -t "$3" && ulimit -H -t "$4"; }; }',
    'shift 4',
    'exec env -i PATH="$PATH" LD_LIBRARY_PATH="$LD_LIBRARY_PATH" LC_ALL=C "$@"',
  ].join(' && ')
  const cpu = cpuSec === undefined ? ['unlimited', ''] : [String(cpuSec), String(cpuSec + CPU_GRACE_SEC)]
  const limits = [String(Math.ceil(memoryBytes / 1024)), String(Math.ceil(fileBytes / 512)), ...cpu]
  return { command: '/bin/sh', args: ['-c', script, 'sh', ...limits, ...environment, ...program] }
}

/** What `exec` of the shell and `env` say of a program that is not there or cannot be run. */
export function isProgramMissing(exitCode: number | null): boolean {
  return exitCode === 126 || exitCode === 127
}
