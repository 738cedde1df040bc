// What a process asks of the kernel, in order, as `strace` sees it.
import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { findProgram } from './daemon.ts'

/** Begun and ended as positions in the trace: of two threads' calls one may begin before the other has ended. */
export interface SystemCall {
  readonly name: string
  /** As strace prints them: `-y` has written the path behind each descriptor. */
  readonly args: string
  readonly result: number
  readonly begunAt: number
  readonly endedAt: number
}

const WATCHED =
  'openat,write,pwrite64,writev,pwritev,fsync,fdatasync,rename,renameat,renameat2,link,linkat,mkdir,mkdirat,unlink'

export function straceMissing(): string | null {
  const program = findProgram('strace')
  if (program === null) return 'strace not found: apt-get install -y strace'
  const tried = spawnSync(program, ['-f', '-o', '/dev/null', 'true'], { encoding: 'utf8', timeout: 10_000 })
  return tried.status === 0 ? null : `strace may not watch here: ${tried.stderr.trim().split('\n').at(-1)}`
}

/** Put before a command; the trace is written to `file`. */
export function straceArgs(file: string): readonly string[] {
  return [
    'strace',
    '-f',
    '-y',
    '--seccomp-bpf',
    '-qq',
    '-s',
    '4096',
    '-e',
    `trace=${WATCHED}`,
    '-e',
    'signal=none',
    '-o',
    file,
  ]
}

export async function readTrace(file: string): Promise<readonly SystemCall[]> {
  return parseTrace(await readFile(file, 'utf8'))
}

export function parseTrace(text: string): readonly SystemCall[] {
  const calls: SystemCall[] = []
  const unfinished = new Map<string, { readonly name: string; readonly args: string; readonly begunAt: number }>()
  for (const [at, line] of text.split('\n').entries()) {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    const begun = /^(\w+)\((.*) <unfinished \.\.\.>$/.exec(rest)
    const resumed = /^<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)/.exec(rest)
    const whole = /^(\w+)\((.*)\) += (-?\d+)/.exec(rest)
    if (begun !== null) unfinished.set(thread, { name: begun[1] ?? '', args: begun[2] ?? '', begunAt: at })
    else if (resumed !== null) {
      const start = unfinished.get(thread)
      unfinished.delete(thread)
      if (start === undefined || start.name !== resumed[1]) throw new Error(`not understood: ${line}`)
      const { name, args, begunAt } = start
      calls.push({ name, args: args + (resumed[2] ?? ''), result: Number(resumed[3]), begunAt, endedAt: at })
    } else if (whole !== null) {
      const [, name = '', args = '', result] = whole
      calls.push({ name, args, result: Number(result), begunAt: at, endedAt: at })
    } else if (rest !== '' && !/^(\+\+\+|---|\w+\(.*\) += \?)/.test(rest)) throw new Error(`not understood: ${line}`)
  }
  return calls
}

/** The path behind the descriptor that a call is about. */
export function fileOf({ args }: SystemCall): string {
  return /^\d+<([^>]*)>/.exec(args)?.[1] ?? ''
}

/** The paths that a call names. */
export function pathsOf({ args }: SystemCall): readonly string[] {
  return [...args.matchAll(/"([^"]*)"/g)].map(([, path = '']) => path)
}
