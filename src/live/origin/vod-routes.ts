// GET /vod/<tenant>/<asset>/<name>/<token>/… : assets, which lie like recordings and are read like them.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { toMirrorError } from '../../core/errors.ts'
import type { SignedLinks } from '../../core/signed-link.ts'
import { judgePlayback, type PlayedAsset } from '../../dvr/vod/playback-token.ts'
import { TIMELINE_EPOCH_MS } from '../../media/timeline/cell.ts'
import { TRACK_ID_PATTERN } from '../../media/track-id.ts'
import { assetStreamId } from '../../storage/keys.ts'
import { type ArchiveHost, answerRecorded, answerText } from './archive-routes.ts'
import { answerProblem } from './http-answer.ts'
import { contentTypeOf } from './playback-routes.ts'

export interface VodHost {
  readonly archive: ArchiveHost
  /** Signed by whoever hands out addresses. */
  readonly playback: SignedLinks
  readonly now: () => number
}

/** Longer than any asset that is processed. */
const WHOLE = { fromMs: TIMELINE_EPOCH_MS, toMs: TIMELINE_EPOCH_MS + 7 * 24 * 3_600_000 }
const PART = /^[A-Za-z0-9-]{1,64}$/

/** `path`: the parts behind `vod`. */
export function answerVod(
  host: VodHost,
  request: IncomingMessage,
  response: ServerResponse,
  path: readonly string[],
): void {
  const [tenantId = '', assetId = '', name = '', token = '', ...asked] = path
  const nothing = () => answerProblem(response, 'route_not_found', 'there is nothing at this address')
  if (![tenantId, assetId, name].every((part) => PART.test(part))) return nothing()
  const asset: PlayedAsset = { tenantId, assetId, name }
  const verdict = judgePlayback(host.playback, asset, token, host.now())
  if (verdict === 'expired')
    return answerProblem(response, 'link_expired', 'this address was valid until its time was over')
  if (verdict !== 'valid') return answerProblem(response, 'link_invalid', 'this address was not given out here')
  answerSigned(host.archive, { request, response }, asset, asked, nothing).catch((error: unknown) =>
    answerProblem(response, toMirrorError(error).code, 'the asset cannot be read'),
  )
}

async function answerSigned(
  archive: ArchiveHost,
  exchange: { readonly request: IncomingMessage; readonly response: ServerResponse },
  { tenantId, assetId, name }: PlayedAsset,
  asked: readonly string[],
  nothing: () => void,
): Promise<void> {
  const of = { tenantId, streamId: assetStreamId(assetId, name) }
  const gone = `asset ${assetId} is not there any more`
  const [first = '', file = ''] = asked
  if (asked.length === 1 && first === 'playlist.m3u8') {
    return answerText(exchange, await archive.archive.ask({ kind: 'multivariant', ...of, range: WHOLE }), gone)
  }
  if (asked.length !== 2 || !TRACK_ID_PATTERN.test(first)) return nothing()
  if (file === 'playlist.m3u8') {
    const playlist = { kind: 'playlist', ...of, trackId: first, range: WHOLE, type: 'VOD' } as const
    return answerText(exchange, await archive.archive.ask(playlist), gone)
  }
  const answer = { contentType: contentTypeOf(first), etag: `"${name}-${first}-${file}"` }
  answerRecorded(archive, exchange, { ...of, trackId: first, name: file }, answer, () =>
    answerProblem(exchange.response, 'media_not_found', `asset ${assetId} has no ${first}/${file}`),
  )
}
