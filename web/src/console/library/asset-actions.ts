// What is done with an asset; the answer goes into the cache where it is looked at.
import type { AssetLinkView, AssetView, PatchAssetBody } from '../../../../src/api/asset-contract.ts'
import { callApi } from '../api/client.ts'
import { assetPath } from './asset-queries.ts'

type Named = Pick<AssetView, 'id'>

export function trashAsset({ id }: Named): Promise<AssetView> {
  return callApi('DELETE', assetPath(id))
}

export function restoreAsset({ id }: Named): Promise<AssetView> {
  return callApi('POST', `${assetPath(id)}/restore`)
}

export function processAsset({ id }: Named, fromStart: boolean): Promise<AssetView> {
  return callApi('POST', `${assetPath(id)}/process`, { body: { fromStart } })
}

export function editAsset({ id }: Named, body: PatchAssetBody): Promise<AssetView> {
  return callApi('PATCH', assetPath(id), { body })
}

/** `language`: a BCP 47 tag. */
export function putSubtitles(asset: Named, language: string, file: File): Promise<AssetView> {
  return callApi('PUT', subtitlesPath(asset, language), { file })
}

export function removeSubtitles(asset: Named, language: string): Promise<AssetView> {
  return callApi('DELETE', subtitlesPath(asset, language))
}

function subtitlesPath({ id }: Named, language: string): string {
  return `${assetPath(id)}/subtitles/${encodeURIComponent(language)}`
}

export function linkAsset({ id }: Named, rendition: string | null, expiresInSec: number): Promise<AssetLinkView> {
  const query = new URLSearchParams({ expiresIn: String(expiresInSec), ...(rendition === null ? {} : { rendition }) })
  return callApi('GET', `${assetPath(id)}/url?${query}`)
}
