import { expect, test } from 'vitest'
import { UploadMemory } from './upload-memory.ts'

function storage(text: string | null = null) {
  const kept = { text }
  return {
    kept,
    getItem: () => kept.text,
    setItem: (_: string, value: string) => {
      kept.text = value
    },
  }
}

const begun = (fingerprint: string) => ({ fingerprint, uploadId: 'u', name: 'a', folder: '', sizeBytes: 1 })

test('what was begun is found after a reload, until it is done', () => {
  const store = storage()
  new UploadMemory(store).put(begun('f'))
  expect(new UploadMemory(store).find('f')).toEqual(begun('f'))
  new UploadMemory(store).forget('f')
  expect(new UploadMemory(store).find('f')).toBeNull()
})

test('what others wrote there is nothing, and harms nothing', () => {
  for (const text of ['', '{', '{}', '[1,{"fingerprint":"f"},null]', 'null']) {
    const memory = new UploadMemory(storage(text))
    expect(memory.all(), text).toEqual([])
    memory.put(begun('f'))
    expect(memory.all(), text).toEqual([begun('f')])
  }
})

test('the oldest goes when there are too many, and a full storage stops no upload', () => {
  const store = storage()
  const memory = new UploadMemory(store)
  for (let n = 0; n < 300; n += 1) memory.put(begun(String(n)))
  expect(memory.all()).toHaveLength(200)
  expect(memory.find('299')).not.toBeNull()
  const full = new UploadMemory({
    getItem: () => null,
    setItem: () => {
      throw new Error('QuotaExceededError')
    },
  })
  expect(() => full.put(begun('f'))).not.toThrow()
})
