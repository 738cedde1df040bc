import type { QueryClient } from '@tanstack/react-query'
import type { useNavigate } from '@tanstack/react-router'
import type { CreateStreamBody, StreamView, UpdateStreamBody } from '../../../../src/api/stream-contract.ts'
import { callApi } from '../api/client.ts'
import { streamPath, streamQuery, streamsQuery } from '../api/queries.ts'
import { toastError } from '../ui/toast.tsx'

/** Creates and starts the stream `demo` and opens its page. */
export async function startDemo(client: QueryClient, navigate: ReturnType<typeof useNavigate>): Promise<void> {
  // The player is fetched while the test source starts: the picture has three seconds.
  void import('hls.js')
  try {
    const stream = await callApi<StreamView>('POST', '/demo')
    putStream(client, stream)
    await navigate({ to: '/streams/$id', params: { id: stream.id }, search: { tab: 'monitor' } })
  } catch (error) {
    toastError(error)
  }
}

export async function createStream(client: QueryClient, body: CreateStreamBody): Promise<StreamView> {
  const stream = await callApi<StreamView>('POST', '/streams', { body })
  putStream(client, stream)
  return stream
}

export async function updateStream(client: QueryClient, id: string, body: UpdateStreamBody): Promise<StreamView> {
  const stream = await callApi<StreamView>('PATCH', streamPath(id), { body })
  putStream(client, stream)
  return stream
}

export async function deleteStream(client: QueryClient, id: string): Promise<void> {
  await callApi('DELETE', streamPath(id))
  client.setQueryData(streamsQuery.queryKey, (streams) => streams?.filter((stream) => stream.id !== id))
}

export function restartStream(id: string): Promise<unknown> {
  return callApi('POST', `${streamPath(id)}/restart`)
}

export function setTestSource(id: string, isOn: boolean): Promise<unknown> {
  return callApi(isOn ? 'POST' : 'DELETE', `${streamPath(id)}/test-source`)
}

function putStream(client: QueryClient, stream: StreamView): void {
  client.setQueryData(streamQuery(stream.id).queryKey, stream)
  client.setQueryData(streamsQuery.queryKey, (streams) => {
    if (streams === undefined) return undefined
    const isKnown = streams.some((each) => each.id === stream.id)
    return isKnown ? streams.map((each) => (each.id === stream.id ? stream : each)) : [...streams, stream]
  })
}
