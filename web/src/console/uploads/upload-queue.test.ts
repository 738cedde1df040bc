import { expect, test } from 'vitest'
import { toProblem } from '../api/client.ts'
import type { ChosenFile } from './upload-item.ts'
import { type TransferNews, UploadQueue } from './upload-queue.ts'

interface Opened {
  readonly name: string
  readonly news: TransferNews
  isStopped: boolean
  isDiscarded: boolean
}

/** A queue over transfers that do what the test says. */
function queueOf() {
  const opened: Opened[] = []
  const queue = new UploadQueue(({ file }, news) => {
    const transfer: Opened = { name: file.name, news, isStopped: false, isDiscarded: false }
    opened.push(transfer)
    return {
      stop: () => {
        transfer.isStopped = true
      },
      discard: async () => {
        transfer.isDiscarded = true
      },
    }
  })
  return {
    queue,
    opened,
    names: () => opened.map(({ name }) => name),
    states: () => queue.items.map(({ state }) => state),
  }
}

function chosen(name: string, folder = ''): ChosenFile {
  return { file: new File(['12345678'], name, { lastModified: 7 }), folder }
}

const kept = { assetId: 'a', isDuplicate: false }

test('three are sent at once, and the next one begins when one is done', () => {
  const { queue, opened, names, states } = queueOf()
  queue.add(['a', 'b', 'c', 'd', 'e'].map((name) => chosen(name)))
  expect(names()).toEqual(['a', 'b', 'c'])
  opened[1]?.news.onKept(kept)
  expect(names()).toEqual(['a', 'b', 'c', 'd'])
  expect(states()).toEqual(['sending', 'done', 'sending', 'sending', 'waiting'])
})

test('a file that is on its way is not sent twice, the same name in another folder is', () => {
  const { queue, names } = queueOf()
  queue.add([chosen('a'), chosen('a')])
  queue.add([chosen('a'), chosen('a', 'x')])
  expect(names()).toEqual(['a', 'a'])
  expect(queue.items.map(({ folder }) => folder)).toEqual(['', 'x'])
})

test('what is paused leaves its place to another, and goes on in a transfer of its own', () => {
  const { queue, opened, names, states } = queueOf()
  queue.add(['a', 'b', 'c', 'd'].map((name) => chosen(name)))
  queue.pause(queue.items[0]?.id ?? 0)
  expect(opened[0]?.isStopped).toBe(true)
  expect(states()).toEqual(['paused', 'sending', 'sending', 'sending'])
  queue.resume(queue.items[0]?.id ?? 0)
  expect(states()[0]).toBe('waiting')
  opened[1]?.news.onKept(kept)
  expect(names()).toEqual(['a', 'b', 'c', 'd', 'a'])
})

test('a server that is away is told, and the next byte that goes through ends the trouble', () => {
  const { queue, opened } = queueOf()
  queue.add([chosen('a')])
  opened[0]?.news.onTrouble(toProblem(0, { detail: 'The server could not be reached.' }))
  expect(queue.items[0]).toMatchObject({ state: 'retrying', problem: { detail: 'The server could not be reached.' } })
  opened[0]?.news.onResumed(4)
  opened[0]?.news.onProgress(5)
  expect(queue.items[0]).toMatchObject({ state: 'sending', problem: null, sentBytes: 5, resumedAtBytes: 4 })
})

test('when the server is back, what waits for its next attempt goes on at once, and nothing else does', () => {
  const { queue, opened, names, states } = queueOf()
  queue.add(['a', 'b'].map((name) => chosen(name)))
  queue.pause(queue.items[1]?.id ?? 0)
  opened[0]?.news.onTrouble(toProblem(0, null))
  queue.retryNow()
  expect(opened[0]?.isStopped).toBe(true)
  expect(names()).toEqual(['a', 'b', 'a'])
  expect(states()).toEqual(['sending', 'paused'])
})

test('a refusal keeps its cause, holds no place, and can be tried again', () => {
  const { queue, opened, names, states } = queueOf()
  queue.add(['a', 'b', 'c', 'd'].map((name) => chosen(name)))
  opened[0]?.news.onRefused(toProblem(413, { detail: 'It is too large.' }))
  expect(queue.items[0]).toMatchObject({ state: 'refused', problem: { detail: 'It is too large.' } })
  expect(names()).toEqual(['a', 'b', 'c', 'd'])
  queue.resume(queue.items[0]?.id ?? 0)
  expect(states()[0]).toBe('waiting')
})

test('who takes an upload off the list gives it up, unless it has become an asset', async () => {
  const { queue, opened } = queueOf()
  queue.add(['a', 'b'].map((name) => chosen(name)))
  opened[1]?.news.onKept(kept)
  for (const { id } of queue.items) await queue.remove(id)
  expect(queue.items).toEqual([])
  expect(opened.map(({ isDiscarded }) => isDiscarded)).toEqual([true, false])
})

test('who logs out stops everything and gives nothing up', () => {
  const { queue, opened } = queueOf()
  queue.add([chosen('a')])
  queue.close()
  expect(opened[0]).toMatchObject({ isStopped: true, isDiscarded: false })
})
