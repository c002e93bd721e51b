import type { Duplex } from 'node:stream'

/** Connections that have been sent their last answer: what is wrong with the bytes behind it gets none. */
export const hasLastAnswer = new WeakSet<Duplex>()
