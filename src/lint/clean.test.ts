import { expect, test } from 'vitest'
import { endedScene, liveScene, plainScene } from './presentation.test-support.ts'

test.each([
  ['a low-latency live presentation', liveScene],
  ['a complete presentation', endedScene],
  ['a polled live presentation of MPEG-TS', plainScene],
])('%s without a fault has no finding', (_, scene) => {
  expect(scene().lint()).toEqual([])
})
