import type { StreamView } from '../../../../src/api/stream-contract.ts'
import { matchesStatus, type SortKey, type StreamsSearch } from '../search-params.ts'

const STATUS_RANK: Readonly<Record<StreamView['status'], number>> = {
  // What needs a look comes first, then what is on air.
  interrupted: 0,
  starting: 1,
  live: 2,
  ended: 3,
  offline: 4,
}

/** The rows of the list for what the address bar says. Equal rows keep the order of their ids. */
export function selectStreams(streams: readonly StreamView[], search: StreamsSearch): readonly StreamView[] {
  const wanted = search.q?.toLowerCase() ?? ''
  const found = streams.filter(
    (stream) =>
      matchesStatus(stream.status, search.state) &&
      (stream.id.toLowerCase().includes(wanted) || stream.name.toLowerCase().includes(wanted)),
  )
  const direction = search.desc === true ? -1 : 1
  return found.toSorted(
    (a, b) => direction * compare(search.sort ?? 'status', a, b) || a.id.localeCompare(b.id, 'en', { numeric: true }),
  )
}

function compare(key: SortKey, a: StreamView, b: StreamView): number {
  switch (key) {
    case 'id':
      return a.id.localeCompare(b.id, 'en', { numeric: true })
    case 'status':
      return STATUS_RANK[a.status] - STATUS_RANK[b.status]
    case 'viewers':
      return a.live.viewers - b.live.viewers
    case 'bitrate':
      return a.live.bitrateBps - b.live.bitrateBps
    case 'latency':
      return (a.live.latencyMs?.p95 ?? 0) - (b.live.latencyMs?.p95 ?? 0)
    default:
      key satisfies never
      return 0
  }
}
