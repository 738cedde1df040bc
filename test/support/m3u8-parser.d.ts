// The package brings no types; only what the tests use.
declare module 'm3u8-parser' {
  export class Parser {
    manifest: {
      readonly mediaSequence?: number
      readonly targetDuration?: number
      readonly segments: readonly { readonly duration: number; readonly uri: string }[]
      readonly playlists?: readonly unknown[]
    }
    on(event: 'warn' | 'info', listener: (told: { readonly message: string }) => void): void
    push(text: string): void
    end(): void
  }
}
