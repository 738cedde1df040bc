// How the tables of mutations are written: a scene, changed in one respect, that breaks one rule.
import {
  endedScene,
  liveScene,
  plainScene,
  type Scene,
  type SceneExchange,
  type SceneOptions,
  type Track,
  trickScene,
} from '../presentation.test-support.ts'

export interface Mutation {
  readonly rule: string
  /** What is wrong with it. */
  readonly what: string
  readonly scene: () => Scene
}

type Change = (scene: Scene) => void
type Maker = (rule: string, what: string, change: Change, options?: SceneOptions) => Mutation

export const live: Maker = (rule, what, change, options) => mutation(rule, what, liveScene, change, options)
export const ended: Maker = (rule, what, change, options) => mutation(rule, what, endedScene, change, options)
export const trick: Maker = (rule, what, change, options) => mutation(rule, what, trickScene, change, options)
export const plain: Maker = (rule, what, change, options) => mutation(rule, what, plainScene, change, options)

/** Only options: nothing is changed afterwards. */
export const nothing: Change = () => {}

/** Replaces text in the multivariant playlist. */
export function main(pattern: string | RegExp, replacement: string): Change {
  return (scene) =>
    scene.edit(
      ({ purpose }) => purpose === 'multivariant',
      (text) => text.replace(pattern, replacement),
    )
}

/** Replaces text in the media playlists of one track, or of all, from a state on. */
export function media(
  track: Track | null,
  pattern: string | RegExp,
  replacement: string,
  from = 0,
  to = Number.POSITIVE_INFINITY,
): Change {
  return (scene) =>
    scene.edit(
      (one) => one.track !== null && (track === null || one.track === track) && one.state >= from && one.state <= to,
      (text) => text.replace(pattern, replacement),
    )
}

/** Replaces text in every playlist, whichever kind. */
export function everywhere(pattern: string | RegExp, replacement: string): Change {
  return (scene) =>
    scene.edit(
      () => true,
      (text) => text.replace(pattern, replacement),
    )
}

export function both(...changes: readonly Change[]): Change {
  return (scene) => {
    for (const change of changes) change(scene)
  }
}

export function reloadsOf(track: Track): (exchange: SceneExchange) => boolean {
  return (one) => one.purpose === 'reload' && one.track === track
}

export function header(fits: (exchange: SceneExchange) => boolean, name: string, value: string | null): Change {
  return (scene) =>
    scene.change(fits, (exchange) => {
      const { [name]: _, ...rest } = exchange.headers
      exchange.headers = value === null ? rest : { ...rest, [name]: value }
    })
}

/** Answers with a status that nobody keeps for long, and without a body. */
export function status(fits: (exchange: SceneExchange) => boolean, code: number): Change {
  return both(
    (scene) =>
      scene.change(fits, (exchange) => {
        exchange.status = code
        exchange.text = null
        exchange.body = new Uint8Array()
      }),
    header(fits, 'cache-control', 'public, max-age=1'),
  )
}

export function probe(asked: string): (exchange: SceneExchange) => boolean {
  return (one) => one.probe === asked
}

/** Repeats an exchange at the end, changed. */
export function repeat(fits: (exchange: SceneExchange) => boolean, change: (exchange: SceneExchange) => void): Change {
  return (scene) => {
    const found = scene.exchanges.findLast(fits)
    if (found === undefined) throw new Error('the mutation found nothing')
    const copy = { ...found }
    change(copy)
    scene.exchanges.push(copy)
  }
}

function mutation(
  rule: string,
  what: string,
  make: (options?: SceneOptions) => Scene,
  change: Change,
  options?: SceneOptions,
): Mutation {
  return {
    rule,
    what,
    scene: () => {
      const scene = make(options)
      change(scene)
      return scene
    },
  }
}
