import { nearestName } from '../core/nearest-name.ts'
import { SETTINGS } from './schema.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** The only door to the environment of the process; everything else receives it as an argument. */
export function readEnvironment(): Environment {
  return Object.freeze({ ...process.env })
}

/** Variables that are not settings of the server: where its file is, and how the commands find a running server. */
const OTHER_VARIABLES = ['MIRROR_CONFIG', 'MIRROR_URL', 'MIRROR_API_KEY'] as const

/** A misspelt variable does nothing, silently: say so. It is no error, because other programs may share the prefix. */
export function unknownVariables(env: Environment): string[] {
  const known = [...OTHER_VARIABLES, ...SETTINGS.flatMap((setting) => setting.env ?? [])]
  return Object.keys(env)
    .filter((name) => name.startsWith('MIRROR_') && !known.some((one) => one === name))
    .sort()
    .map((name) => {
      const meant = nearestName(name, known)
      return `The environment variable ${name} is not known${meant === null ? '' : `; did you mean ${meant}?`}`
    })
}
