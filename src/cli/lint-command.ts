import type { Command } from 'commander'
import { CliError } from './cli-error.ts'
import type { CliHost } from './cli-host.ts'

interface LintFlags {
  readonly seconds: string
  readonly media: string
  readonly renditions: string
  readonly json?: boolean
}

const MEDIA_MODES = ['all', 'sample', 'none'] as const
const MAX_SECONDS = 24 * 3600

/** `mirror hls-lint`: needs no server of ours, it watches any HLS presentation. */
export function addLintCommand(program: Command, host: CliHost, setExitCode: (code: number) => void): void {
  program
    .command('hls-lint <url>')
    .description('watch an HLS presentation and check it against the specification; exit code 1 when a MUST is broken')
    .option('--seconds <n>', 'how long to watch a live presentation', '30')
    .option('--media <mode>', 'which media to fetch and look into: all, sample or none', 'sample')
    .option('--renditions <n>', 'how many media playlists to follow at once', '8')
    .option('--json', 'print JSON with all findings and statistics')
    .action(async (url: string, flags: LintFlags) => {
      const media = MEDIA_MODES.find((mode) => mode === flags.media)
      if (media === undefined) throw new CliError(`--media cannot be "${flags.media}".`, 'Choose all, sample or none.')
      if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
        throw new CliError(`"${url}" is no HTTP address.`, 'Give the address of a multivariant or media playlist.')
      }
      // Loaded on demand: no other command needs the rules.
      const { watchPresentation } = await import('../lint/watcher.ts')
      const { renderReport } = await import('../lint/report.ts')
      const report = await watchPresentation({
        url,
        seconds: wholeNumber('--seconds', flags.seconds, MAX_SECONDS),
        media,
        maxRenditions: wholeNumber('--renditions', flags.renditions, 100),
        fetch: host.fetch,
        now: Date.now,
        signal: host.signal,
      })
      host.stdout(flags.json === true ? `${JSON.stringify(report, null, 2)}\n` : renderReport(report))
      if (report.counts.must > 0) setExitCode(1)
    })
}

function wholeNumber(flag: string, text: string, max: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw new CliError(`${flag} cannot be "${text}".`, `Give a whole number from 1 to ${max}.`)
  }
  return value
}
