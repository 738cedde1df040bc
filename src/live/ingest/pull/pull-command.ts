// The command line of ffmpeg that turns an address into MPEG-TS on stdout, without transcoding. Pure.
import { fileURLToPath } from 'node:url'
import type { PullScheme } from './pull-url.ts'

/** Without bytes for this long a connection counts as dead; ffmpeg's unit is microseconds. */
const READ_TIMEOUT_US = '10000000'

/**
 * ffmpeg looks into a live source for five seconds before it passes on the first packet, and then all of them at once: the
 * stream would come that much later, and its dates would lie that far in the future. Tables and headers come sooner.
 */
const ANALYSIS_US = '1000000'

/** What each address may open in turn: a playlist or a redirect must not reach files or other protocols. */
const PROTOCOLS: Readonly<Record<PullScheme, string>> = {
  rtsp: 'rtsp,rtp,srtp,udp,tcp',
  rtsps: 'rtsp,rtsps,rtp,srtp,udp,tcp,tls,crypto',
  http: 'http,https,tcp,tls,crypto',
  https: 'http,https,tcp,tls,crypto',
  srt: 'srt,udp',
  rtmp: 'rtmp,tcp',
  file: 'file',
}

export function pullArgs({ url, scheme }: { readonly url: URL; readonly scheme: PullScheme }, text: string): string[] {
  return [
    ...['-nostdin', '-hide_banner', '-loglevel', 'warning'],
    ...['-protocol_whitelist', PROTOCOLS[scheme], ...inputOptions(scheme)],
    ...['-i', scheme === 'file' ? `file:${fileURLToPath(url)}` : text],
    ...streams(scheme),
    // Only what the demuxer of MPEG-TS passes on is of use.
    ...['-c', 'copy', '-sn', '-dn'],
    // No delay for the sake of a decoder's buffer, and tables twice a second so that a reader can join quickly.
    ...['-muxdelay', '0', '-muxpreload', '0', '-pat_period', '0.5', '-flush_packets', '1', '-f', 'mpegts', 'pipe:1'],
  ]
}

/** Every language; but over HTTP, where HLS shows all its variants at once, ffmpeg's own choice: the best picture and sound. */
function streams(scheme: PullScheme): readonly string[] {
  return scheme === 'http' || scheme === 'https' ? [] : ['-map', '0:v:0?', '-map', '0:a?']
}

function inputOptions(scheme: PullScheme): readonly string[] {
  switch (scheme) {
    case 'file':
      return ['-re', '-stream_loop', '-1']
    case 'http':
    case 'https':
      // -re: HLS comes in whole segments and a file as fast as the network allows; players want neither.
      return ['-re', '-rw_timeout', READ_TIMEOUT_US, '-reconnect', '1', '-reconnect_streamed', '1', ...RECONNECT_LIMIT]
    case 'rtsp':
    case 'rtsps':
      return ['-rtsp_transport', 'tcp', '-timeout', READ_TIMEOUT_US]
    case 'srt':
    case 'rtmp':
      return ['-rw_timeout', READ_TIMEOUT_US, '-analyzeduration', ANALYSIS_US]
    default:
      return scheme satisfies never
  }
}

/** Longer breaks are the business of whoever restarts ffmpeg. */
const RECONNECT_LIMIT = ['-reconnect_delay_max', '4'] as const
