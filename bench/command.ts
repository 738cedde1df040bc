// A benchmark as a command: options, Ctrl-C, an end that is always reached, a report as text or JSON.

export interface Bench<Options extends { readonly isJson: boolean }, Report> {
  /** Null: only the usage was asked for. Throws what is wrong with the arguments. */
  readonly parse: (args: readonly string[]) => Options | null
  readonly usage: string
  readonly longestMs: (options: Options) => number
  readonly run: (options: Options, signal: AbortSignal, say: (text: string) => void) => Promise<Report>
  readonly render: (report: Report) => string
}

/** Exit code 2: wrong arguments; 1: it could not be measured. */
export async function runAsCommand<Options extends { readonly isJson: boolean }, Report>(
  bench: Bench<Options, Report>,
): Promise<void> {
  const options = readOptions(bench)
  if (options === null) return
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => interrupted.abort(new Error(`stopped by ${signal}`)))
  }
  const signal = AbortSignal.any([interrupted.signal, AbortSignal.timeout(bench.longestMs(options))])
  try {
    const report = await bench.run(options, signal, (text) => process.stderr.write(`bench: ${text}\n`))
    process.stdout.write(options.isJson ? `${JSON.stringify(report, null, 2)}\n` : `${bench.render(report)}\n`)
  } catch (error) {
    process.stderr.write(`bench: ${messageOf(error)}\n`)
    process.exitCode = 1
  }
}

function readOptions<Options extends { readonly isJson: boolean }>({
  parse,
  usage,
}: Pick<Bench<Options, unknown>, 'parse' | 'usage'>): Options | null {
  try {
    const options = parse(process.argv.slice(2))
    if (options === null) process.stdout.write(usage)
    return options
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${usage}`)
    process.exitCode = 2
    return null
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
