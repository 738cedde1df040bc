import { expect, test } from 'vitest'
import { endedScene, liveScene, plainScene, trickScene } from './presentation.test-support.ts'

/** Two pictures after each keyframe are shown before it, as in an open GOP; dates are those of the keyframes. */
function openGopScene() {
  return liveScene({
    samples: (track, _, [keyframe, ...leading]) => {
      if (track === 'v0' && keyframe?.isKeyframe) for (const one of leading.slice(0, 2)) one.cto = -3400
    },
  })
}

test.each([
  ['a low-latency live presentation', liveScene],
  ['a low-latency live presentation whose keyframes are shown after their followers', openGopScene],
  ['a complete presentation', endedScene],
  ['a complete presentation with an I-frame playlist', trickScene],
  ['a polled live presentation of MPEG-TS', plainScene],
])('%s without a fault has no finding', (_, scene) => {
  expect(scene().lint()).toEqual([])
})
