// Events that the catalog writes along with the changes that they tell of, as the books of the library want them.
import type { EventToStore } from '../catalog/types.ts'
import type { AssetEventMaker } from '../library/assets/asset-news.ts'
import type { RecordingNews } from '../library/recordings/recording-book.ts'
import type { PolicyNews } from '../library/recordings/recording-policies.ts'
import { eventOfAsset } from './asset-view.ts'
import { eventOfPolicy } from './recording-policy-view.ts'
import { eventOfRecording } from './recording-view.ts'

export function writtenEvents({ now, newId }: { readonly now: () => number; readonly newId: () => string }): {
  readonly ofAsset: AssetEventMaker
  readonly ofRecording: (news: RecordingNews) => EventToStore
  readonly ofPolicy: (news: PolicyNews) => EventToStore
} {
  return {
    ofAsset: (kind, asset) => ({ ...eventOfAsset(kind, asset, now()), id: newId() }),
    ofRecording: (news) => ({ ...eventOfRecording(news, now()), id: newId() }),
    ofPolicy: (news) => ({ ...eventOfPolicy(news, now()), id: newId() }),
  }
}
