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

test.each([
  ['of which another part came in its place', (text: string) => text.replaceAll('"p119.m4s"', '"q119.m4s"')],
  ['that became a gap', (text: string) => text.replace(/(#EXT-X-PART:.*"p119.m4s".*)/g, '$1,GAP=YES')],
])('a hint %s may be answered with 404', (_, change) => {
  const scene = liveScene()
  for (const one of scene.exchanges) {
    if (one.purpose === 'hint' && one.state === 120) one.status = 404
    else if (one.purpose === 'reload' && one.track === 'v0' && one.state >= 120) one.text = change(one.text ?? '')
  }
  expect(scene.lint().filter(({ rule }) => rule === 'hint-answered')).toEqual([])
})
