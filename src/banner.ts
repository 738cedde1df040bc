// What a person reads when Mirror has started.
import { type Addresses, consoleUrl, mediaUrl } from './api/stream-urls.ts'

export interface BannerFacts {
  readonly version: string
  readonly addresses: Addresses
  /** Path of the one-time login link; null when somebody has a password already. */
  readonly loginPath: string | null
  readonly bind: string
  readonly problems: readonly { readonly code: string; readonly message: string }[]
}

export function renderBanner({ version, addresses, loginPath, bind, problems }: BannerFacts): string {
  const { rtmpPort, srtPort } = addresses
  const host = new URL(mediaUrl(addresses)).hostname
  const lines = [
    '',
    `  Mirror ${version} is running`,
    '',
    `  Console   ${consoleUrl(addresses)}`,
    `  Media     ${mediaUrl(addresses)}`,
  ]
  if (rtmpPort !== null) lines.push(`  RTMP      rtmp://${host}:${rtmpPort}/live`)
  if (srtPort !== null) lines.push(`  SRT       srt://${host}:${srtPort}`)
  if (loginPath !== null)
    lines.push('', '  First login (one-time link, valid for 24 hours):', `  ${consoleUrl(addresses)}${loginPath}`)
  for (const problem of problems) lines.push('', `  Note: ${problem.message}`)
  if (isLoopback(bind)) {
    lines.push(
      '',
      '  Only this machine can connect. To open Mirror to the network:',
      '  MIRROR_BIND=0.0.0.0 MIRROR_PUBLIC_URL=http://<this-host>:8888 npm start',
    )
  }
  lines.push(
    '',
    '  Anybody who can reach the media port can watch live streams; publishing needs a key.',
    '  Stop with Ctrl-C.',
    '',
  )
  return `${lines.join('\n')}\n`
}

function isLoopback(bind: string): boolean {
  return bind === 'localhost' || bind === '::1' || bind.startsWith('127.')
}
