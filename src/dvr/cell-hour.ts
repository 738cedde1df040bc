import { type Rational, scaleFloor } from '../core/rational.ts'
import { TIMELINE_EPOCH_MS } from '../media/timeline/cell.ts'
import { type Hour, hourOf } from '../storage/keys.ts'

/**
 * The hour that a segment is filed under: that of its cell's begin in media time. A function of the number alone, so that
 * whoever knows the cell length finds the segment without an index, and two origins file it alike whatever their
 * program-date-time says.
 */
export function hourOfCell(msn: number, cell: Rational): Hour {
  return hourOf(TIMELINE_EPOCH_MS + scaleFloor(msn, 1000 * cell.num, cell.den))
}
