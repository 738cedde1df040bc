// Every address Mirror hands out, built in one place, so that what a person pastes is complete.

/** Where the parts of this installation are reached from outside. Null port: that protocol is switched off. */
export interface Addresses {
  /** Base URL of the media origin as viewers and encoders see it (front proxy, TLS); null: `http://host:mediaPort`. */
  readonly publicUrl: string | null
  /** Name or address for URLs; for RTMP and SRT the host of `publicUrl` wins. */
  readonly host: string
  readonly apiPort: number
  readonly mediaPort: number
  /** The media port speaks TLS itself. */
  readonly mediaTls?: boolean
  readonly rtmpPort: number | null
  readonly srtPort: number | null
  /** AES passphrase that every SRT publisher must use, or null. */
  readonly srtPassphrase?: string | null
}

export interface IngestUrls {
  readonly rtmp: string | null
  readonly rtmpServer: string | null
  readonly rtmpKey: string | null
  readonly srt: string | null
  readonly cmaf: string
}

export interface PlaybackUrls {
  readonly hls: string
  readonly watch: string
}

export function consoleUrl(addresses: Addresses): string {
  return `http://${urlHost(publicHost(addresses))}:${addresses.apiPort}`
}

/** Without a trailing slash. */
export function mediaUrl(addresses: Addresses): string {
  if (addresses.publicUrl !== null) return addresses.publicUrl.replace(/\/+$/, '')
  const scheme = addresses.mediaTls === true ? 'https' : 'http'
  return `${scheme}://${urlHost(addresses.host)}:${addresses.mediaPort}`
}

export function rtmpUrl(addresses: Addresses): string | null {
  if (addresses.rtmpPort === null) return null
  return `rtmp://${urlHost(publicHost(addresses))}:${addresses.rtmpPort}/live`
}

export function srtUrl(addresses: Addresses): string | null {
  if (addresses.srtPort === null) return null
  return `srt://${urlHost(publicHost(addresses))}:${addresses.srtPort}`
}

export function playbackUrls(addresses: Addresses, streamId: string): PlaybackUrls {
  const media = mediaUrl(addresses)
  return { hls: `${media}/stream/${streamId}/playlist.m3u8`, watch: `${media}/watch/${streamId}` }
}

export function ingestUrls(addresses: Addresses, streamId: string, key: string): IngestUrls {
  const rtmpServer = rtmpUrl(addresses)
  const srt = srtUrl(addresses)
  const rtmpKey = `${streamId}?key=${key}`
  return {
    rtmp: rtmpServer === null ? null : `${rtmpServer}/${rtmpKey}`,
    rtmpServer,
    rtmpKey: rtmpServer === null ? null : rtmpKey,
    srt: srt === null ? null : `${srt}?streamid=publish:${streamId}:${key}${passphraseQuery(addresses)}`,
    cmaf: `${mediaUrl(addresses)}/ingest/${streamId}?key=${key}`,
  }
}

function passphraseQuery(addresses: Addresses): string {
  const passphrase = addresses.srtPassphrase ?? null
  return passphrase === null ? '' : `&passphrase=${encodeURIComponent(passphrase)}`
}

function publicHost(addresses: Addresses): string {
  if (addresses.publicUrl === null) return addresses.host
  return new URL(addresses.publicUrl).hostname.replace(/^\[(.*)\]$/, '$1')
}

/** RFC 3986 section 3.2.2: an IPv6 address stands in brackets. */
function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
