/** An exact fraction num/den in lowest terms, both positive safe integers. Frame rates are in Hz, cell lengths in seconds. */
export interface Rational {
  readonly num: number
  readonly den: number
}

export function rational(num: number, den: number): Rational {
  const divisor = gcd(num, den)
  return { num: num / divisor, den: den / divisor }
}

export function toNumber(value: Rational): number {
  return value.num / value.den
}

export function isSameRational(a: Rational | null, b: Rational | null): boolean {
  return a === b || (a !== null && b !== null && a.num === b.num && a.den === b.den)
}

/** floor(value * num / den) without loss for products beyond 2^53. */
export function scaleFloor(value: number, num: number, den: number): number {
  const product = value * num
  if (Number.isSafeInteger(product)) return Math.floor(product / den)
  const exact = BigInt(value) * BigInt(num)
  const divisor = BigInt(den)
  const quotient = exact / divisor
  return Number(exact < 0n && exact % divisor !== 0n ? quotient - 1n : quotient)
}

/** value * num / den, rounded half up, without loss for products beyond 2^53. */
export function scaleRound(value: number, num: number, den: number): number {
  return scaleFloor(2 * value, num, den) === 2 * scaleFloor(value, num, den)
    ? scaleFloor(value, num, den)
    : scaleFloor(value, num, den) + 1
}

/** ceil(value * num / den) without loss for products beyond 2^53. */
export function scaleCeil(value: number, num: number, den: number): number {
  return -scaleFloor(-value, num, den)
}

function gcd(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b]
  return a
}
