// Who may play an asset: an address that holds its right in its path, so that every playlist and segment that a player
// finds below it has the same right, whatever the player does with queries. Pure.
import type { LinkVerdict, SignedLinks } from '../../core/signed-link.ts'

/** What is played: one state of one asset. `name` is that of `assetStreamId`. */
export interface PlayedAsset {
  readonly tenantId: string
  readonly assetId: string
  readonly name: string
}

/** `/vod/<tenant>/<asset>/<name>/<expires>.<signature>/playlist.m3u8`: what is relative to it is signed with it. */
export function playbackPath(links: SignedLinks, asset: PlayedAsset, expiresAtMs: number): string {
  const path = signedPath(asset)
  const query = links.sign(path, expiresAtMs).slice(path.length + 1)
  const [, expires = '', signature = ''] = QUERY.exec(query) ?? []
  return `${path}/${expires}.${signature}/playlist.m3u8`
}

/** `token`: the part of the path behind the name. */
export function judgePlayback(links: SignedLinks, asset: PlayedAsset, token: string, nowMs: number): LinkVerdict {
  const [, expires = '', signature = ''] = /^(\d{1,15})\.([A-Za-z0-9_-]{43})$/.exec(token) ?? []
  return links.judge(`${signedPath(asset)}?expires=${expires}&signature=${signature}`, nowMs)
}

const QUERY = /^expires=(\d+)&signature=(.+)$/

function signedPath({ tenantId, assetId, name }: PlayedAsset): string {
  return ['', 'vod', tenantId, assetId, name].map(encodeURIComponent).join('/')
}
