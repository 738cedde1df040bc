// `mirror hls-lint` as a user runs it: a process of its own, judged by what it prints and by its exit code.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { LintReport } from '../../src/lint/report.ts'

export interface LintResult {
  readonly exitCode: number | null
  readonly report: LintReport
}

export async function runLintCommand(url: string, seconds: number, flags: readonly string[] = []): Promise<LintResult> {
  const args = ['src/main.ts', 'hls-lint', url, '--seconds', String(seconds), '--json', ...flags]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  if (stdout === '') throw new Error(`hls-lint printed nothing, and to stderr: ${stderr}`)
  return { exitCode: child.exitCode, report: JSON.parse(stdout) as LintReport }
}
