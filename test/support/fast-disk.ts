// Where files lie whose flushing is not judged: a disk that takes seconds for it says nothing of what is tested.
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'

export const FAST_DISK = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
