import type { AssetView } from '../../../../src/api/asset-contract.ts'
import { Badge, type Tone } from '../ui/badge.tsx'
import { statusWords } from './asset-words.ts'
import type { AssetStatus } from './library-search.ts'

const TONES: Readonly<Record<AssetStatus, Tone>> = { pending: 'soft', processing: 'accent', ready: 'ok', failed: 'bad' }

export function AssetStatusBadge({ asset }: { readonly asset: Pick<AssetView, 'status' | 'step' | 'percent'> }) {
  return <Badge tone={TONES[asset.status]}>{statusWords(asset)}</Badge>
}
